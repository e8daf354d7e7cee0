"""The action validate: what is wrong with the call itself, beside the inventory."""

from __future__ import annotations

from typing import Any

import pytest
from ansible import context

from ansible_collections.homelab.ai_workspace.plugins.action import validate


def usage(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], task_vars: dict[str, Any] | None = None
) -> list[str]:
    monkeypatch.setattr(context, "CLIARGS", arguments)
    return list(validate._usage(task_vars or {}, "run"))  # noqa: SLF001 - the part without a playbook


@pytest.mark.parametrize(
    "arguments", [{"tags": ["meilisearch"]}, {"tags": ["all", "x"]}, {"tags": ["all"], "skip_tags": ["x"]}]
)
def test_tags_are_refused(monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any]) -> None:
    (line,) = usage(monkeypatch, arguments)
    assert line.startswith("--tags and --skip-tags are not supported")
    assert "workspace_only" in line


def test_a_start_in_the_middle_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = usage(monkeypatch, {"start_at_task": "Plan Valkey"})
    assert line.startswith("--start-at-task is not supported")


@pytest.mark.parametrize(
    ("mine", "refused"), [(None, False), ({"run": "run"}, False), ({"run": "x"}, True), ("a", True)]
)
def test_the_name_of_the_model_is_taken(monkeypatch: pytest.MonkeyPatch, mine: Any, refused: bool) -> None:  # noqa: FBT001
    lines = usage(monkeypatch, {"tags": ["all"]}, {"workspace": mine})
    assert [line.startswith("workspace is a variable of yours") for line in lines] == [True] * refused


def doubles(first: str, **hosts: dict[str, Any]) -> list[str]:
    """Return what is said for host ``first`` of a play over these hosts."""
    variables = {"ansible_play_hosts_all": list(hosts), "inventory_hostname": first, "hostvars": hosts}
    return list(validate._doubles(variables))  # noqa: SLF001 - the part without a playbook


LOCAL = {"ansible_connection": "local"}


@pytest.mark.parametrize(
    ("two", "same"),
    [
        (LOCAL, True),
        ({**LOCAL, "workspace_namespace": "ai-workspace"}, True),
        ({**LOCAL, "workspace_namespace": "other"}, False),
        ({**LOCAL, "workspace_context": "other"}, False),
        ({**LOCAL, "workspace_kubeconfig": "other"}, False),
        ({}, False),
    ],
)
def test_two_hosts_are_two_workspaces(two: dict[str, Any], same: bool) -> None:  # noqa: FBT001
    lines = doubles("one", one=LOCAL, two=two)
    assert [line.startswith("two and one are the same namespace (ai-workspace)") for line in lines] == [True] * same
    assert doubles("two", one=LOCAL, two=two) == [], "the first host looks for all"


def test_bastions_are_told_apart_by_their_address() -> None:
    assert doubles("one", one={}, two={}) == []
    same = {"ansible_host": "10.0.0.1"}
    assert len(doubles("one", one=same, two=same, three=same)) == 2
    assert doubles("one", one=LOCAL) == []
