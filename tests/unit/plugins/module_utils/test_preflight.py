"""What must hold before anything is applied; each problem on its own, then all in one message."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import Component
from ansible_collections.homelab.ai_workspace.plugins.module_utils.preflight import Found, preflight
from ansible_collections.homelab.ai_workspace.plugins.module_utils.workers import Workers
from tests.unit.plugins.module_utils.fake_api import Answer, FakeApi, cluster, deployment, failure, item, plan

DEFAULT = {"metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}


def claim(size: str = "1Gi", **spec: Any) -> dict[str, Any]:
    return item("PersistentVolumeClaim", "data", spec={"resources": {"requests": {"storage": size}}, **spec})


def check(api: FakeApi, *objects: dict[str, Any], removal: bool = False) -> Found:
    planned = plan(Component("db", "meilisearch", objects=objects))
    found = preflight(cluster(api), planned, Workers(2), removal=removal)
    assert not api.writes()
    return found


def problems(api: FakeApi, *objects: dict[str, Any]) -> str:
    with pytest.raises(ClusterError) as caught:
        check(api, *objects)
    return str(caught.value)


def namespace(phase: str = "Active") -> dict[str, Any]:
    return item("Namespace", "ns", status={"phase": phase})


def test_what_is_there_is_found() -> None:
    api = FakeApi(classes=[DEFAULT])
    api.add(namespace())
    there = api.add(deployment("web"))
    api.add(item("Secret", "workspace-secrets", data={}))
    found = check(api, deployment("web"), claim())
    assert found.namespace
    assert found.store
    assert found.objects["apps/v1", "Deployment", "web"] == there


def test_nothing_is_there() -> None:
    found = check(FakeApi(classes=[DEFAULT]), claim())
    assert (found.namespace, found.store, found.objects) == (None, None, {})


def test_a_terminating_namespace() -> None:
    api = FakeApi()
    api.add(namespace("Terminating"))
    assert "workspace_namespace: ns is being deleted" in problems(api)
    assert check(api, removal=True).namespace


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (failure(401, "no"), "refuses the credentials of workspace_kubeconfig (k)"),
        (failure(404, "no"), "not as a Kubernetes API server"),
        (Answer(200, b"<html>"), "does not answer as a Kubernetes API server"),
        (Answer(200, b'{"major": "1", "minor": "20+"}'), "runs Kubernetes 1.20; 1.25 is the oldest"),
    ],
)
def test_the_server(answer: Answer, words: str) -> None:
    api = FakeApi(refuse={("GET", "/version"): [answer]})
    assert words in problems(api)
    assert len(api.requests) == 1


def test_a_hidden_version_is_no_problem() -> None:
    check(FakeApi(refuse={("GET", "/version"): [failure(403, "no")]}))


def test_missing_rights_are_told_together() -> None:
    api = FakeApi(rules=[{"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["*"]}], allowed=False)
    api.add(namespace())
    message = problems(api, deployment("web"), item("ConfigMap", "c"))
    assert "get, list, watch, create, patch deployments.apps" in message
    assert "create, patch configmaps" in message
    assert "workspace_context" in message


def test_rights_that_the_rules_do_not_tell_are_asked_for() -> None:
    narrow = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "resourceNames": ["other"]}
    api = FakeApi(rules=[narrow])
    check(api, deployment("web"))
    assert any("accessreviews" in path for _, path, _, _ in api.requests)


def test_the_right_to_make_the_namespace() -> None:
    assert "create namespaces" in problems(FakeApi(allowed=False))


def test_an_unknown_kind() -> None:
    monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "m"}}
    message = problems(FakeApi(), monitor)
    assert "component db: the cluster does not know the kind ServiceMonitor" in message
    assert "workspace_monitoring" in message


def test_a_discovered_kind() -> None:
    monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "m"}}
    path = "/apis/monitoring.coreos.com/v1"
    served = b'{"resources": [{"name": "servicemonitors", "kind": "ServiceMonitor", "namespaced": true}]}'
    listed = Answer(200, b'{"metadata": {"resourceVersion": "1"}, "items": []}')
    api = FakeApi(
        refuse={
            ("GET", path): [Answer(200, served)],
            ("GET", f"{path}/namespaces/ns/servicemonitors"): [listed],
        }
    )
    check(api, monitor)


@pytest.mark.parametrize(
    ("classes", "spec", "words"),
    [
        ([], {}, "there is none (the cluster has none): set workspace_storage_class"),
        ([{"metadata": {"name": "slow"}}], {}, "the cluster has slow"),
        ([DEFAULT], {"storageClassName": "gold"}, "there is no StorageClass gold (the cluster has fast)"),
    ],
)
def test_storage_classes(classes: list[dict[str, Any]], spec: dict[str, Any], words: str) -> None:
    assert words in problems(FakeApi(classes=classes), claim(**spec))
    template = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"}}
    template["spec"] = {"volumeClaimTemplates": [{"spec": claim(**spec)["spec"]}]}
    assert words in problems(FakeApi(classes=classes), template)


@pytest.mark.parametrize("name", ["fast", ""])
def test_classes_that_fit(name: str) -> None:
    check(FakeApi(classes=[DEFAULT]), claim(storageClassName=name))


def test_classes_that_may_not_be_read_are_not_judged() -> None:
    api = FakeApi(refuse={("GET", "/apis/storage.k8s.io/v1/storageclasses"): [failure(403, "no")]})
    check(api, claim())


@pytest.mark.parametrize(
    ("size", "expands", "words"),
    [
        ("512Mi", True, "has 1Gi and cannot shrink to 512Mi: put meilisearch_storage_size back to 1Gi"),
        ("2Gi", False, "StorageClass fast does not allow expansion"),
        ("2Gi", True, ""),
        ("1024Mi", False, ""),
    ],
)
def test_sizes(size: str, expands: bool, words: str) -> None:  # noqa: FBT001
    api = FakeApi(classes=[{**DEFAULT, "allowVolumeExpansion": expands}])
    api.add(namespace())
    api.add(claim(storageClassName="fast"))
    if words:
        assert words in problems(api, claim(size))
    else:
        check(api, claim(size))


def test_everything_in_one_message() -> None:
    api = FakeApi(allowed=False, rules=[])
    api.add(namespace("Terminating"))
    with pytest.raises(ClusterError) as caught:
        check(api, claim())
    assert len(caught.value.details["problems"]) == 3
