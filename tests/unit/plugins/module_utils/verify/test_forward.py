"""Pods: which one is asked, and what a restart waits for."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.checks import Settings
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.forward import Pods
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.http import CheckFailed
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.running import verify


def pod(name: str, uid: str, *, ready: bool = True, phase: str = "Running", leaving: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "uid": uid, "labels": {"app.kubernetes.io/name": name[:-2]}}
    if leaving:
        metadata["deletionTimestamp"] = "now"
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"metadata": metadata, "status": {"phase": phase, "conditions": conditions}}


class Fake:
    """A cluster whose pods change with each look."""

    host = "https://c"

    def __init__(self, *looks: list[dict[str, Any]]) -> None:
        self.looks = list(looks)
        self.now = 0.0
        self.deleted: list[str] = []

    def list(self, *_: object) -> list[dict[str, Any]]:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def request(self, method: str, path: str) -> None:
        self.deleted.append(f"{method} {path}")

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def forward(self, *_: object) -> socket.socket:
        near, far = socket.socketpair()

        def serve() -> None:
            far.recv(4096)
            far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

        threading.Thread(target=serve, daemon=True).start()
        return near


def pods(*looks: list[dict[str, Any]]) -> tuple[Pods, Fake]:
    fake = Fake(*looks)
    return Pods(fake, "w", lambda: fake.now), fake  # type: ignore[arg-type]


def test_a_ready_pod_that_stays_is_asked() -> None:
    some, _ = pods([pod("a-1", "1", ready=False), pod("a-2", "2", leaving=True), pod("a-3", "3"), pod("b-1", "4")])
    assert some.ready("a") == "a-3"
    with pytest.raises(CheckFailed, match=r"no pod of c is Ready in w: .*site.yml.*kubectl -n w get pods"):
        some.ready("c")


def test_pods_that_have_ended_do_not_count() -> None:
    some, _ = pods([pod("job-1", "1", phase="Succeeded"), pod("b-1", "2"), pod("a-1", "3")])
    assert [item["metadata"]["name"] for item in some.all()] == ["a-1", "b-1"]


def test_http_goes_through_the_stream() -> None:
    some, _ = pods([pod("a-1", "1")])
    assert some.http("a", 80).send("GET", "/").body == b"hi"


def test_a_stream_that_does_not_open_is_a_failure() -> None:
    some, fake = pods([pod("a-1", "1")])

    def refuse(*_: object) -> socket.socket:
        raise ClusterError("pods/portforward is forbidden")

    fake.forward = refuse  # type: ignore[method-assign]
    with pytest.raises(CheckFailed, match="pods/portforward is forbidden"):
        some.http("a", 80).send("GET", "/")


def test_a_restart_waits_until_the_old_is_gone_and_the_new_is_ready() -> None:
    old, other = pod("a-0", "1"), pod("a-1", "2")
    left, starting, done = pod("a-0", "1", leaving=True), pod("a-0", "3", ready=False), pod("a-0", "3")
    # Each turn looks twice once the old one is gone.
    some, fake = pods([old, other], [left, other], [starting, other], [starting, other], [done, other], [done, other])
    assert some.replace(old) == pytest.approx(1.5)
    assert fake.deleted == ["DELETE /api/v1/namespaces/w/pods/a-0"]


def test_a_pod_that_does_not_come_back_is_a_failure() -> None:
    some, _ = pods([pod("a-0", "1")], [])
    with pytest.raises(CheckFailed, match=r"no new pod of a was Ready 10 s after a-0 was deleted.*get events"):
        some.replace(pod("a-0", "1"), timeout=10)


def test_an_empty_namespace_is_no_workspace() -> None:
    with pytest.raises(ClusterError, match=r"no workspace runs in the namespace w .* of https://c: roll it out first"):
        verify(Fake([]), Settings("w", "v0.8.8", {}, ()), print, restarts=False)  # type: ignore[arg-type]
