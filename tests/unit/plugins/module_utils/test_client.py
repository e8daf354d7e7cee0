"""Requests: retries, errors as sentences, watches, and where the cluster is said to be."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import urllib3

from ansible_collections.homelab.ai_workspace.plugins.module_utils import client
from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import ApiError, Cluster, Unreachable, connect
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import KINDS
from ansible_collections.homelab.ai_workspace.plugins.module_utils.workers import Workers
from tests.unit.plugins.module_utils.fake_api import Answer, FakeApi, cluster, failure


class Scripted:
    """A pool that answers, or raises, what it was told."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.options: list[dict[str, Any]] = []

    def request(self, _method: str, _url: str, **options: Any) -> Any:
        """Answer one request."""
        self.options.append(options)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def scripted(*answers: Any) -> tuple[Cluster, list[float], Scripted]:
    pauses: list[float] = []
    pool = Scripted(*answers)
    token = {"Authorization": "Bearer t"}
    return Cluster(pool, "https://c", lambda: token, "workspace_kubeconfig (k)", sleep=pauses.append), pauses, pool


OK = Answer(200, b'{"kind": "Status"}')
RESET = urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "Connection reset by peer"))


def test_a_broken_connection_is_tried_again() -> None:
    reached, pauses, pool = scripted(RESET, failure(500, "x"), OK)
    assert reached.request("GET", "/x") == {"kind": "Status"}
    assert pauses == [0.1, 0.2]
    assert pool.options[0]["headers"]["Authorization"] == "Bearer t"


def test_the_server_says_when_to_come_back() -> None:
    reached, pauses, _ = scripted(Answer(429, b"{}", {"Retry-After": "2"}), OK)
    reached.request("GET", "/x")
    assert pauses == [2.0]


def test_impatience() -> None:
    reached, pauses, _ = scripted(RESET, OK)
    with pytest.raises(Unreachable):
        reached.request("GET", "/x", patient=False)
    assert pauses == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (urllib3.exceptions.NewConnectionError(None, "x: Connection refused"), "Connection refused"),  # type: ignore[arg-type]
        (urllib3.exceptions.ConnectTimeoutError(None, "timed out"), "no answer in time"),  # type: ignore[arg-type]
        (urllib3.exceptions.SSLError(ssl.SSLError("x: self-signed certificate")), "self-signed certificate"),
        (urllib3.exceptions.SSLError(ssl.SSLError("x: y")), "is not the one that the kubeconfig trusts"),
    ],
)
def test_unreachable_is_a_sentence(error: Exception, words: str) -> None:
    reached, _, _ = scripted(error)
    with pytest.raises(Unreachable) as caught:
        reached.request("GET", "/version", patient=False)
    assert words in str(caught.value)
    assert "https://c" in str(caught.value)
    assert "workspace_kubeconfig (k)" in str(caught.value)


def test_refusals_carry_status_and_causes() -> None:
    reached, _, _ = scripted(failure(409, "conflict", causes=[{"field": "f"}]), Answer(404, b"<html>"))
    with pytest.raises(ApiError) as caught:
        reached.request("GET", "/x")
    assert (caught.value.status, str(caught.value), caught.value.causes) == (409, "conflict", [{"field": "f"}])
    assert reached.find("/x") is None


def test_what_is_not_json_is_no_api_server() -> None:
    reached, _, _ = scripted(Answer(200, b"<html>"))
    with pytest.raises(ClusterError, match="does not answer as a Kubernetes API server"):
        reached.request("GET", "/x")


def test_watch() -> None:
    events = [{"type": "ADDED", "object": {"n": 1}}, {"type": "ERROR", "object": {"code": 410, "message": "old"}}]
    reached, _, _ = scripted(Answer(200, "\n".join(map(json.dumps, events)).encode()), failure(403), RESET)
    seen = []
    with pytest.raises(ApiError) as caught:
        seen += list(reached.watch("/x", {}, "1"))
    assert caught.value.status == 410
    with pytest.raises(ApiError):
        list(reached.watch("/x", {}, "1"))
    with pytest.raises(Unreachable):
        list(reached.watch("/x", {}, "1"))


def test_paths() -> None:
    assert KINDS["v1", "Secret"].path("ns", "x") == "/api/v1/namespaces/ns/secrets/x"
    assert KINDS["apps/v1", "Deployment"].path("ns") == "/apis/apps/v1/namespaces/ns/deployments"
    assert KINDS["v1", "Namespace"].path("ns", "ns") == "/api/v1/namespaces/ns"
    assert KINDS["apps/v1", "Deployment"].group == "apps"


def test_a_group_is_discovered_once() -> None:
    path = "/apis/example.com/v1"
    served = {
        "resources": [
            {"name": "rockets", "kind": "Rocket", "namespaced": True},
            {"name": "rockets/status", "kind": "Rocket", "namespaced": True},
        ]
    }
    api = FakeApi(refuse={("GET", path): [Answer(200, json.dumps(served).encode())]})
    reached = cluster(api)
    for _ in range(2):
        assert reached.kind_of({"apiVersion": "example.com/v1", "kind": "Rocket"}).plural == "rockets"
    assert len(api.requests) == 1


def test_workers_keep_order_and_raise() -> None:
    workers = Workers(2)
    assert workers.gather([lambda: 1, lambda: 2, lambda: 3]) == [1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        workers.gather([lambda: 1 // 0])


def kubeconfig(path: Path, **user: str) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "home",
        "clusters": [{"name": "c", "cluster": {"server": "https://c:6443/"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "home", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def test_connect(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "k", token="geheimnis")
    groups = ["a", "b"]
    reached = connect({"kubeconfig": str(path), "impersonate_user": "me", "impersonate_groups": groups}, dry_run=True)
    headers = reached.headers()
    assert reached.host == "https://c:6443"
    assert headers["Authorization"] == "Bearer geheimnis"
    assert headers["Impersonate-User"] == "me"
    assert sorted(value for name, value in headers.items() if f"{name}" == "Impersonate-Group") == groups
    assert reached.dry_run
    assert reached.source == f"workspace_kubeconfig ({path})"


def test_connect_with_a_password(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "k", username="u", password="p")
    assert connect({"kubeconfig": str(path)}).headers()["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("text", [None, "clusters: [", "clusters: 3", "[]"])
def test_a_kubeconfig_that_leads_nowhere(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "k"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ClusterError) as caught:
        connect({"kubeconfig": str(path)})
    assert str(caught.value).startswith(f"workspace_kubeconfig ({path}) does not lead to a cluster: ")
    assert "\n" not in str(caught.value)


def test_a_context_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"with workspace_context \(none\) does not lead"):
        connect({"kubeconfig": str(kubeconfig(tmp_path / "k")), "context": "none"})


def test_a_missing_library_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MISSING", "No module named 'kubernetes'")
    with pytest.raises(ClusterError, match="install the Python package `kubernetes`"):
        connect({})
