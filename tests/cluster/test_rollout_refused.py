"""What the rollout refuses before it applies anything: one message that names the cause and the variable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.rollout_driver import Bench, claim, component, finish, secret, start, wait_for


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(request.node.name, tmp_path)
    bench.remove(wait=True)
    yield bench
    bench.remove(wait=False)


def test_everything_wrong_at_once(bench: Bench) -> None:
    missing = claim("db", "1Gi", storageClassName="gold")
    unknown = {"apiVersion": "example.com/v1", "kind": "Rocket", "metadata": {"name": "r"}}
    result = bench.run(component("db", missing), component("web", unknown))
    assert result["failed"]
    assert len(result["problems"]) == 2
    assert "there is no StorageClass gold" in result["msg"]
    assert "workspace_storage_class" in result["msg"]
    assert "does not know the kind Rocket" in result["msg"]
    assert not bench.exists()


def test_a_secret_without_value(bench: Bench) -> None:
    result = bench.run(component("web", secret("web", A="⟦secret:one⟧", B="⟦secret:two|urlencode⟧")))
    assert "workspace_secrets.one" in result["msg"]
    assert "workspace_secrets.two" in result["msg"]
    assert not bench.exists()


def test_a_secret_of_wrong_shape(bench: Bench) -> None:
    result = bench.run(
        component("web", secret("web", A="⟦secret:creds⟧")),
        shapes={"creds": {"alphabet": "hex", "length": 64}},
        secrets={"creds": "nothexatall"},
    )
    assert "workspace_secrets.creds does not fit: it must be 64 hex digits" in result["msg"]
    assert "nothexatall" not in str(result)
    assert not bench.exists()


def test_a_namespace_in_termination(bench: Bench) -> None:
    part = component("web", secret("web", A="x"))
    bench.run(part)
    path = f"/api/v1/namespaces/{bench.namespace}/configmaps"
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    bench.cluster.request("POST", path, body=held)
    bench.cluster.request("DELETE", f"/api/v1/namespaces/{bench.namespace}")
    for check in (False, True):
        result = bench.run(part, _ansible_check_mode=check)
        assert "Terminating" in result["msg"]
        assert "workspace_namespace" in result["msg"]
    free = {"metadata": {"finalizers": None}}
    wait_for(lambda: set(bench.items("Secret")) <= set())
    bench.cluster.request("PATCH", f"{path}/held", body=free, content="application/merge-patch+json")


def test_a_volume_cannot_shrink(bench: Bench) -> None:
    bench.run(component("db", claim("db", "64Mi")))
    result = bench.run(component("db", claim("db", "32Mi")))
    assert "has 64Mi and cannot shrink to 32Mi" in result["msg"]
    assert "db_storage_size" in result["msg"]
    grown = bench.run(component("db", claim("db", "128Mi")))
    assert "does not allow expansion" in grown["msg"] or not grown.get("failed")


@pytest.mark.parametrize("kubeconfig", ["missing", "refused", "broken"])
def test_an_unreachable_cluster(bench: Bench, tmp_path: Path, kubeconfig: str) -> None:
    path = tmp_path / "kubeconfig"
    if kubeconfig == "refused":
        path.write_text(json.dumps(config("https://127.0.0.1:9", {"token": "abcdefgh"})), encoding="utf-8")
    elif kubeconfig == "broken":
        path.write_text("clusters: [", encoding="utf-8")
    result = finish(start(bench.arguments(component("web"), kubeconfig=str(path))))
    assert result["failed"]
    assert f"workspace_kubeconfig ({path})" in result["msg"]
    assert "\n" not in result["msg"]


def test_a_kubeconfig_without_rights(bench: Bench, tmp_path: Path) -> None:
    bench.run(component("web", secret("web", A="x")))
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "guest"}}
    path = f"/api/v1/namespaces/{bench.namespace}/serviceaccounts"
    bench.cluster.request("POST", path, body=account)
    token = bench.cluster.request("POST", f"{path}/guest/token", body={"spec": {}})["status"]["token"]
    known = tmp_path / "kubeconfig"
    known.write_text(json.dumps(config(bench.cluster.host, {"token": token})), encoding="utf-8")
    arguments = bench.arguments(component("web", secret("web", A="y")), kubeconfig=str(known))
    result = finish(start(arguments))
    assert "get, list, watch, create, patch secrets" in result["msg"]
    assert "workspace_context" in result["msg"]
    assert bench.secret("web")["A"] == "x"
    known.write_text(json.dumps(config(bench.cluster.host, {"token": "wrong-token"})), encoding="utf-8")
    assert "refuses the credentials" in finish(start(arguments))["msg"]


def config(server: str, user: dict[str, Any]) -> dict[str, Any]:
    """Return a kubeconfig that trusts any certificate."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "it", "user": user}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }
