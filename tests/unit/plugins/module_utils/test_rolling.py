"""Whole runs against an API in memory, with time that costs nothing."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import (
    ClusterError,
    ComponentFailed,
    PlanError,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import Component, Plan, Shape
from ansible_collections.homelab.ai_workspace.plugins.module_utils.rolling import Options, roll_out
from ansible_collections.homelab.ai_workspace.plugins.module_utils.secrets import Values
from tests.unit.plugins.module_utils.fake_api import (
    FakeApi,
    FakeClock,
    Inline,
    cluster,
    deployment,
    failure,
    item,
    make_ready,
    plan,
)

VALUE = "geheimnis-12345"


def workspace(motto: str = "one", image: str = "a:1", size: int = 60) -> Plan:
    reads = {"envFrom": [{"secretRef": {"name": "web"}}]}
    secret = item("Secret", "web", stringData={"URI": "x://⟦secret:key⟧@⟦secret:pw|urlencode⟧", "MOTTO": motto})
    return plan(
        Component("namespace", "workspace", objects=(item("Namespace", "ns"),)),
        Component("web", "web", ("namespace", "db"), (secret, deployment("web", image, **reads)), size),
        Component("db", "db", ("namespace",), (deployment("db"),), size),
        Component("lone", "lone", ("namespace",), (deployment("lone"),), size),
        pw=Shape("alphanumeric", 20),
    )


def run(api: FakeApi, planned: Plan, *, check: bool = False, **options: Any) -> dict[str, Any]:
    return roll_out(
        cluster(api, dry_run=check), planned, Values({"key": VALUE}), Options(**options), FakeClock(api), Inline()
    )


def failed(api: FakeApi, planned: Plan, **options: Any) -> ComponentFailed:
    with pytest.raises(ComponentFailed) as caught:
        run(api, planned, **options)
    return caught.value


def states(result: dict[str, Any]) -> dict[str, str]:
    return {name: entry["state"] for name, entry in result["components"].items()}


def test_first_run_then_nothing_then_one_change(tmp_path: Path) -> None:
    api, told = FakeApi(controller=make_ready), tmp_path / "progress"
    first = run(api, workspace(), progress_file=str(told))
    assert states(first) == dict.fromkeys(("namespace", "web", "db", "lone"), "ready")
    assert first["counts"] == {"ready": 4, "objects": 5, "objects_changed": 5}
    order = [line.split()[0] for line in told.read_text(encoding="utf-8").splitlines()]
    assert order[0] == "namespace"
    assert order.index("db") < order.index("web")
    stored = api.objects["/api/v1/namespaces/ns/secrets/web"]["data"]
    assert VALUE in base64.b64decode(stored["URI"]).decode()

    version = api.version
    second = run(api, workspace(), diff=True)
    assert (second["changed"], second["diff"], api.version) == (False, [], version)
    assert states(second) == dict.fromkeys(("namespace", "web", "db", "lone"), "unchanged")

    third = run(api, workspace("two"), diff=True)
    assert [entry["after_header"] for entry in third["diff"]] == ["web: Deployment web", "web: Secret web"]
    assert "MOTTO: (hidden, changed)" in third["diff"][1]["after"]
    assert "URI: (hidden)" in third["diff"][1]["after"]


def test_nothing_is_sent_twice() -> None:
    api = FakeApi(controller=make_ready)
    run(api, workspace())
    writes = api.writes()
    assert len(writes) == len(set(writes)) == 6  # five objects and the store


def test_check_mode_changes_nothing() -> None:
    api = FakeApi(controller=make_ready)
    result = run(api, workspace(), check=True, diff=True)
    assert (result["changed"], api.writes(), len(result["diff"])) == (True, [], 5)
    assert set(states(result).values()) == {"would change"}
    run(api, workspace())
    version = api.version
    assert not run(api, workspace(), check=True)["changed"]
    changed = run(api, workspace("two"), check=True)
    assert [name for name, entry in changed["components"].items() if entry["changed"]] == ["web"]
    assert api.version == version


def test_a_failure_stops_only_what_needs_it() -> None:
    def only_lone(made: dict[str, Any]) -> None:
        if made["metadata"]["name"] == "lone":
            make_ready(made)

    error = failed(FakeApi(controller=only_lone), workspace(size=300))
    assert states(error.details) == {"namespace": "ready", "web": "not started", "db": "failed", "lone": "ready"}
    assert error.details["components"]["db"]["seconds"] >= 300
    assert error.details["components"]["web"]["reason"] == "needs db"
    assert error.details["changed"]
    text = str(error)
    assert text.startswith("db failed after 30")
    assert "web is not started because it needs db" in text
    assert "what   Deployment ns/db: the controller has not seen this change yet (after 300 s)" in text
    assert "ready  namespace, lone" in text


def test_the_timeout_factor() -> None:
    error = failed(FakeApi(), workspace(size=10), timeout_factor=3.0)
    assert 30 <= error.details["components"]["db"]["seconds"] < 40


def test_a_refused_object_fails_its_component() -> None:
    api = FakeApi(controller=make_ready)
    path = "/apis/apps/v1/namespaces/ns/deployments/db"
    api.refuse["PATCH", path] = [failure(403, f"admission webhook said {VALUE}")]
    error = failed(api, workspace())
    assert "Deployment db is refused by the cluster: admission webhook said ***" in str(error)
    assert VALUE not in str(error) + str(error.details)
    assert states(error.details)["lone"] == "ready"


def pod(owner: dict[str, Any], waiting: str) -> dict[str, Any]:
    made = item("Pod", f"{owner['metadata']['name']}-1")
    made["metadata"]["ownerReferences"] = [{"uid": owner["metadata"]["uid"]}]
    made["metadata"]["labels"]["controller-revision-hash"] = "new"
    made["status"] = {
        "containerStatuses": [
            {
                "name": "c",
                "image": "a:1",
                "restartCount": 0,
                "state": {"waiting": {"reason": waiting, "message": VALUE}},
            }
        ]
    }
    return made


@pytest.mark.parametrize(
    ("reason", "seconds"), [("ErrImagePull", 20), ("CreateContainerConfigError", 10), ("ContainerCreating", 300)]
)
def test_certain_failures_end_early(reason: str, seconds: float) -> None:
    api = FakeApi()

    def controller(made: dict[str, Any]) -> None:
        if made["kind"] == "StatefulSet":
            made["status"] = {"observedGeneration": 1, "updateRevision": "new"}
            api.add(pod(made, reason))

    api.controller = controller
    workload = {**deployment("db"), "kind": "StatefulSet"}
    secret = item("Secret", "db", stringData={"A": "⟦secret:key⟧"})
    error = failed(api, plan(Component("db", "db", (), (secret, workload), 300)))
    assert seconds <= error.details["components"]["db"]["seconds"] < seconds + 10
    assert VALUE not in str(error) + str(error.details)


def test_what_is_wrong_beforehand_changes_nothing() -> None:
    api = FakeApi()
    wrong = plan(Component("web", "web", objects=(item("Secret", "s", stringData={"A": "⟦secret:none⟧"}),)))
    with pytest.raises(PlanError, match=r"workspace_secrets\.none"):
        run(api, wrong)
    api.refuse["GET", "/version"] = [failure(401, "no")]
    with pytest.raises(ClusterError, match="credentials"):
        run(api, workspace())
    assert api.writes() == []


def test_addresses() -> None:
    rules = {"rules": [{"host": "chat.example.com"}], "tls": [{"hosts": ["chat.example.com"]}]}
    ingress = item("Ingress", "web", "networking.k8s.io/v1", spec=rules)
    port = item("Service", "web", spec={"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]})
    api = FakeApi()
    addresses = {"addresses": [{"type": "InternalIP", "address": "fd00::1"}]}
    nodes = {"metadata": {}, "items": [{"status": addresses}]}
    api.refuse["GET", "/api/v1/nodes"] = [type(failure(200))(200, str(nodes).replace("'", '"').encode())]
    result = run(api, plan(Component("web", "web", objects=(ingress, port))))
    assert result["urls"] == [
        {"component": "web", "url": "https://chat.example.com"},
        {"component": "web", "url": "http://[fd00::1]:30080"},
    ]
