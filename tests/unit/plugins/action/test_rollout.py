"""The action rollout: what it decides before the module starts."""

from __future__ import annotations

import json

import pytest

from ansible_collections.homelab.ai_workspace.plugins.action import rollout
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import InputError


def test_arguments_that_do_not_show_themselves() -> None:
    """ANSIBLE_DEBUG prints the arguments of a module; the module gets them all the same."""
    hidden = rollout._Hidden('{"a": "geheimnis"}')  # noqa: SLF001
    assert "geheimnis" not in repr({"secrets": hidden})
    assert "geheimnis" not in f"{[hidden]}"
    assert json.loads(json.loads(json.dumps({"secrets": hidden}))["secrets"]) == {"a": "geheimnis"}


@pytest.mark.parametrize(
    ("planned", "services", "only", "complete"),
    [
        (["a", "b"], ["a", "b"], [], True),
        (["a"], ["a", "b"], [], False),
        (["a", "b"], ["a"], [], False),
        (["a", "b"], ["a", "b"], ["a"], False),
    ],
)
def test_a_plan_is_complete_when_every_service_planned(
    planned: list[str],
    services: list[str],
    only: list[str],
    complete: bool,  # noqa: FBT001
) -> None:
    draft = {"components": {name: {"service_name": name} for name in planned}, "services": services, "only": only}
    assert rollout._complete(draft) is complete  # noqa: SLF001


def test_only_what_is_on() -> None:
    with pytest.raises(InputError, match="workspace_only: b is not on"):
        rollout._complete({"components": {}, "services": ["a"], "only": ["a", "b"]})  # noqa: SLF001
