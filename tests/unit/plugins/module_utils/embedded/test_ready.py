"""What the API remembers from before a stop does not count."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded import ready
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError

BOOT = datetime(2026, 1, 2, tzinfo=UTC).timestamp()
BEFORE, AFTER = "2026-01-01T23:00:00Z", "2026-01-02T00:00:10Z"


def node(status: str = "True", heartbeat: str = AFTER) -> dict:
    condition = {"type": "Ready", "status": status, "lastHeartbeatTime": heartbeat, "message": "no network"}
    return {"kind": "Node", "metadata": {"name": "one"}, "status": {"conditions": [condition]}}


def pod(started: str, status: str = "True") -> dict:
    state = {"state": {"running": {"startedAt": started}}}
    status = {"conditions": [{"type": "Ready", "status": status}], "containerStatuses": [state]}
    return {"kind": "Pod", "metadata": {"name": "db-0", "namespace": "w"}, "status": status}


CLASS = {"kind": "StorageClass", "metadata": {"name": "local-path"}}


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([node(), CLASS, pod(AFTER)], ""),
        ([node(), CLASS, pod(BEFORE, "False")], ""),
        ([CLASS], "has not registered"),
        ([node("False"), CLASS], "no network"),
        ([node(heartbeat=BEFORE), CLASS], "not Ready"),
        ([node()], "no StorageClass"),
        ([node(), CLASS, pod(BEFORE)], "w/db-0 has not been started again"),
    ],
)
def test_node(make_cluster, monkeypatch, items, reason):
    found = [SimpleNamespace(program=program, started=BOOT) for program in ("kubelet", "containerd")]
    monkeypatch.setattr(ready, "processes", lambda _cluster: found)
    monkeypatch.setattr(ready, "kubectl", lambda *_arguments: json.dumps({"items": items}))
    said = ready.node(make_cluster(), "/bin")
    assert reason in said
    assert bool(said) == bool(reason)


def test_a_daemon_that_ended_is_told_at_once_with_its_last_words(make_cluster, monkeypatch):
    cluster = make_cluster()
    (cluster.state_dir / "log").mkdir()
    (cluster.state_dir / "log/etcd.log").write_text("started\nno space left\n")
    monkeypatch.setattr(ready, "processes", lambda _cluster: [])
    with pytest.raises(ClusterError, match=r"etcd ended while the cluster started .*no space left"):
        ready.wait(cluster, {"etcd": ["etcd"]}, lambda: "not yet")


def test_a_wait_without_end_tells_what_was_missing(make_cluster, monkeypatch):
    monkeypatch.setattr(ready, "processes", lambda _cluster: [])
    with pytest.raises(ClusterError, match="one is not ready after 0 s: not yet"):
        ready.wait(make_cluster(), {}, lambda: "not yet", seconds=0)
