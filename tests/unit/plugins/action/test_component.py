"""The action component: adds to this run's draft, or fails with every problem."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.action.component import ActionModule
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.draft import FACT

UUID = "0242ac11-0002-aaaa-bbbb-%012d"
WEB = {"name": "web", "image": "web:1", "user": 1000, "ports": {"http": 80}, "ready": {"tcp": "http"}}


def run(arguments: dict[str, Any], draft: dict[str, Any] | None, role: str | None = "homelab.ai_workspace.shop") -> Any:
    """Run the action as a task of a role."""
    owner = SimpleNamespace(get_name=lambda: role) if role else None
    task = SimpleNamespace(_uuid=UUID % 7, _role=owner, args=arguments, async_val=0, check_mode=False, diff=False)
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
    action = ActionModule(task, connection, SimpleNamespace(), None, None, None)
    return action.run(task_vars={"ansible_facts": {FACT: draft} if draft else {}})


def draft(**components: Any) -> dict[str, Any]:
    return {"run": (UUID % 0).rpartition("-")[0], "components": components}


def test_it_adds_and_replaces() -> None:
    result = run(WEB, old := draft(db={"name": "db"}, web={"name": "web"}))
    assert result["changed"] is False
    components = result["ansible_facts"][FACT]["components"]
    assert list(components) == ["db", "web"]
    assert components["web"]["service_name"] == "shop"
    assert old["components"]["web"] == {"name": "web"}, "the draft of the tasks before is not touched"


def test_outside_of_a_role_it_belongs_to_the_workspace() -> None:
    added = run(WEB, draft(), role=None)["ansible_facts"][FACT]["components"]["web"]
    assert added["service_name"] == "workspace"


def test_it_fails_with_role_component_and_field() -> None:
    result = run({**WEB, "replicas": "two", "colour": "red"}, draft())
    assert result["failed"]
    assert result["msg"].splitlines() == result["problems"]
    assert [line.split(" is ")[0] for line in result["problems"]] == [
        "role shop, component web.replicas",
        "role shop, component web.colour",
    ]


def test_it_wants_the_draft_of_this_run() -> None:
    for other in (None, {**draft(), "run": "another"}):
        assert "run the playbook from its start" in run(WEB, other)["msg"]
