"""What all tests share."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--golden``: rewrite tests/cases/rendered/*/golden instead of comparing (``make golden``)."""
    parser.addoption("--golden", action="store_true", help="rewrite the golden manifests; review the diff")


@pytest.fixture(scope="session")
def schema() -> Path:
    """Return the folder of the program that judges librechat.yaml, with its packages in place."""
    folder = Path(__file__).parent / "contract/schema"
    if not (folder / "node_modules/librechat-data-provider").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True)
    return folder
