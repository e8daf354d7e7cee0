"""Teardown: order, what stays, and that a second one has nothing to do."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ComponentFailed
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import DATA_ANNOTATION, Component
from ansible_collections.homelab.ai_workspace.plugins.module_utils.removal import take_down
from ansible_collections.homelab.ai_workspace.plugins.module_utils.rolling import Options
from tests.unit.plugins.module_utils.fake_api import (
    FakeApi,
    FakeClock,
    Inline,
    cluster,
    deployment,
    failure,
    item,
    plan,
)

PLAN = plan(
    Component("namespace", "workspace", objects=(item("Namespace", "ns"),)),
    Component("web", "web", ("namespace", "db"), (deployment("web"),)),
    Component("db", "db", ("namespace",), (deployment("db"), item("PersistentVolumeClaim", "data", spec={}))),
)


def filled() -> FakeApi:
    api = FakeApi()
    for made in (
        item("Namespace", "ns", status={"phase": "Active"}),
        deployment("web"),
        deployment("db"),
        item("PersistentVolumeClaim", "data", spec={}),
        item("Secret", "workspace-secrets"),
        item("ConfigMap", "of-an-older-plan"),
    ):
        api.add(made)
    foreign = item("ConfigMap", "foreign")
    foreign["metadata"]["labels"] = {}
    api.add(foreign)
    owned = item("Job", "owned", "batch/v1")
    owned["metadata"]["ownerReferences"] = [{"uid": "x"}]
    api.add(owned)
    return api


def down(api: FakeApi, *, check: bool = False, delete_data: bool = False) -> dict[str, Any]:
    return take_down(cluster(api, dry_run=check), PLAN, Options(), FakeClock(api), Inline(), delete_data=delete_data)


def names(api: FakeApi) -> set[str]:
    return {path.rpartition("/")[2] for path in api.objects}


def test_data_stays() -> None:
    api = filled()
    assert down(api)["changed"]
    assert names(api) == {"ns", "data", "workspace-secrets", "foreign", "owned"}
    deleted = [path.rpartition("/")[2] for method, path in api.writes() if method == "DELETE"]
    assert deleted.index("web") < deleted.index("db")
    assert "of-an-older-plan" in deleted
    assert not down(api)["changed"]


def test_data_goes_when_asked() -> None:
    api = filled()
    result = down(api, delete_data=True)
    assert result["components"]["volumes and secrets"]["state"] == "removed"
    assert names(api) == {"foreign", "owned"}
    assert [path for method, path in api.writes() if method == "DELETE"][-1] == "/api/v1/namespaces/ns"


def test_a_namespace_of_somebody_else_stays() -> None:
    api = filled()
    api.objects["/api/v1/namespaces/ns"]["metadata"]["labels"] = {}
    down(api, delete_data=True)
    assert names(api) == {"ns", "foreign", "owned"}


def test_what_is_marked_stays() -> None:
    api = filled()
    api.objects["/api/v1/namespaces/ns/configmaps/of-an-older-plan"]["metadata"]["annotations"] = {
        DATA_ANNOTATION: "true"
    }
    down(api)
    assert "of-an-older-plan" in names(api)


def test_check_mode() -> None:
    api = filled()
    result = down(api, check=True, delete_data=True)
    assert result["changed"]
    assert {entry["state"] for entry in result["components"].values()} == {"would be removed"}
    assert api.writes() == []


def test_nothing_there() -> None:
    result = down(FakeApi())
    assert (result["changed"], result["components"]) == (False, {})


def test_what_does_not_go_is_told() -> None:
    api = filled()
    path = "/apis/apps/v1/namespaces/ns/deployments/web"
    api.refuse["DELETE", path] = [type(failure(200))(200, b"{}")]
    with pytest.raises(ComponentFailed) as caught:
        down(api)
    assert "Deployment web and its pods are still stopping (after 180 s)" in str(caught.value)
    assert caught.value.details["components"]["db"]["state"] == "not started"
