"""Wrong input, as data: each file of tests/cases/refused is an inventory and the exact lines that refuse it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.rules import RULES
from tests.unit.plugins.plugin_utils.inventories import loaded, reading

CASES = sorted((Path(__file__).parents[1] / "cases/refused").glob("*.yml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_refused(case: Path) -> None:
    content = loaded(case)
    found = reading(content["given"]).problems
    assert found == content["refused"]
    assert found
    assert "geheimnis" not in "".join(found)


def test_every_rule_has_a_case() -> None:
    fired = {
        rule for case in CASES for rule in RULES if (model := reading(loaded(case)["given"]).model) and [*rule(model)]
    }
    assert fired == set(RULES)


def test_the_empty_inventory_is_not_refused() -> None:
    assert reading({}).problems == []
