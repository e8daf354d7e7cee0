"""What all tests share: the option that rewrites golden files."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--golden``: rewrite tests/cases/rendered/*/golden instead of comparing (``make golden``)."""
    parser.addoption("--golden", action="store_true", help="rewrite the golden manifests; review the diff")
