"""Objects: the rules that hold for every pod (contracts 0.2), and what each field becomes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import PlanError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import HASH_KEY, Shape, reference
from tests.unit.plugins.plugin_utils.planning import container, made, planned, pod, spec

DATA = {"data": {"mount": "/data", "size": "1Gi"}}


def test_every_pod_is_restricted_and_minds_its_own_business() -> None:
    found = pod(spec("web", user=999, group=998))
    assert found["automountServiceAccountToken"] is False
    assert found["enableServiceLinks"] is False
    assert found["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 999,
        "runAsGroup": 998,
        "fsGroup": 998,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert found["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_labels_and_selectors_agree() -> None:
    objects = made(spec("web"))
    selector = {"app.kubernetes.io/name": "web", "app.kubernetes.io/part-of": "ai-workspace"}
    workload = objects["Deployment"]["spec"]
    assert objects["Service"]["spec"]["selector"] == workload["selector"]["matchLabels"] == selector
    assert workload["template"]["metadata"]["labels"] == objects["Deployment"]["metadata"]["labels"]
    for item in objects.values():
        assert item["metadata"]["namespace"] == "home"
        assert selector.items() <= item["metadata"]["labels"].items()


def test_the_namespace_comes_first_and_everything_needs_it() -> None:
    plan = planned(spec("db"), spec("web", needs=["db"]), pod_security="baseline")
    namespace = plan.components[0].objects[0]
    assert namespace["metadata"]["name"] == "home"
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"
    assert [component.needs for component in plan.components] == [(), ("namespace",), ("namespace", "db")]


def test_several_pods_have_a_budget() -> None:
    assert made(spec("web", replicas=2))["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert "PodDisruptionBudget" not in made(spec("web"))


def test_an_autoscaler_owns_the_number_of_pods() -> None:
    objects = made(spec("web", replicas=2, autoscaling={"enabled": True, "min": 2, "max": 5, "cpu": 70}))
    assert "replicas" not in objects["Deployment"]["spec"]
    scaler = objects["HorizontalPodAutoscaler"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 5)
    assert scaler["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


def test_a_volume_with_one_writer_never_meets_two_pods() -> None:
    assert made(spec("web", volumes=DATA))["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    shared = {"data": {**DATA["data"], "access_modes": ["ReadWriteMany"]}}
    assert "strategy" not in made(spec("web", volumes=shared))["Deployment"]["spec"]
    stateful = made(spec("web", kind="StatefulSet", volumes=DATA))["StatefulSet"]["spec"]
    assert stateful["podManagementPolicy"] == "Parallel"
    assert stateful["serviceName"] == "web"
    assert "strategy" not in stateful


@pytest.mark.parametrize(
    ("own", "shared", "result"), [(None, None, None), (None, "fast", "fast"), ("slow", "fast", "slow")]
)
def test_claims(own: str | None, shared: str | None, result: str | None) -> None:
    item = made(spec("web", volumes={"data": {**DATA["data"], "storage_class": own}}), storage_class=shared)
    claim = item["PersistentVolumeClaim"]
    assert claim["metadata"]["name"] == "web-data"
    assert claim["metadata"]["annotations"] == {"ai-workspace.homelab/holds-data": "true"}
    assert claim["spec"].get("storageClassName") == result
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"


def test_mounts() -> None:
    found = pod(
        spec(
            "web",
            volumes={"data": {"mounts": {"/a": "one", "/b": "two"}, "size": "1Gi"}},
            empty_dirs={"/dev/shm": {"medium": "Memory", "size_limit": "1Mi"}, "/var/Run_x.d": {}},  # noqa: S108
            files={"/etc/web/a.yml": {"x": 1}, "/etc/web/b.txt": reference("b"), "/etc/c": "text"},
        )
    )
    mounts = {mount["mountPath"]: mount for mount in found["containers"][0]["volumeMounts"]}
    assert mounts["/a"] == {"name": "data", "mountPath": "/a", "subPath": "one"}
    assert mounts["/etc/web"]["readOnly"] is mounts["/etc"]["readOnly"] is True
    volumes = {volume["name"]: volume for volume in found["volumes"]}
    assert {mount["name"] for mount in mounts.values()} == set(volumes)
    assert volumes["dev-shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Mi"}
    assert volumes["var-run-xd"]["emptyDir"] == {}
    assert volumes["etc-web"]["projected"]["sources"] == [
        {"configMap": {"name": "web-files", "items": [{"key": "etc_web_a.yml", "path": "a.yml"}]}},
        {"secret": {"name": "web-files", "items": [{"key": "etc_web_b.txt", "path": "b.txt"}]}},
    ]


def test_what_holds_a_secret_stands_in_secrets_only() -> None:
    plan = planned(
        spec(
            "web",
            env={"PLAIN": "x", "URI": f"x://{reference('a')}@h"},
            secret_env={"KEY": reference("a")},
            extra_env={"PLAIN": reference("b")},
            files={"/etc/a": f"key {reference('c')}", "/etc/b": "text"},
        ),
        shapes={name: Shape("hex", 32) for name in ("a", "unused")},
    )
    secrets = {
        item["metadata"]["name"]: item["stringData"] for item in plan.components[1].objects if item["kind"] == "Secret"
    }
    assert secrets == {
        "web-files": {"etc_a": f"key {reference('c')}"},
        "web": {"KEY": reference("a"), "PLAIN": reference("b"), "URI": f"x://{reference('a')}@h"},
    }
    rest = [item for item in plan.components[1].objects if item["kind"] != "Secret"]
    assert "⟦" not in str(rest)
    assert set(plan.shapes) == {"a"}
    assert set(planned(spec("web"), shapes={HASH_KEY: Shape("hex", 64)}).shapes) == {HASH_KEY}


def test_probes() -> None:
    found = container(
        spec(
            "web", ready={"http": {"port": "http", "path": "/r"}}, live={"tcp": "http", "period": 10}, start_seconds=61
        )
    )
    assert found["readinessProbe"]["httpGet"] == {"port": "http", "path": "/r"}
    assert found["livenessProbe"] == {
        "tcpSocket": {"port": "http"},
        "periodSeconds": 10,
        "timeoutSeconds": 5,
        "failureThreshold": 3,
    }
    assert found["startupProbe"]["tcpSocket"] == {"port": "http"}
    assert found["startupProbe"]["periodSeconds"] * found["startupProbe"]["failureThreshold"] == 61
    slow = container(spec("web", ready={"exec": ["a $(B) $$"]}, start_seconds=61, pre_stop=["sleep", "5"]))
    assert slow["startupProbe"]["periodSeconds"] * slow["startupProbe"]["failureThreshold"] == 62
    assert slow["readinessProbe"]["exec"]["command"] == ["a $(B) $$"], "commands of probes are not expanded"
    assert "livenessProbe" not in slow
    assert slow["lifecycle"] == {"preStop": {"exec": {"command": ["sleep", "5"]}}}


def test_services_ingresses_and_monitors() -> None:
    objects = made(
        spec(
            "web",
            ports={"http": 80, "debug": 81},
            service={"type": "NodePort", "node_port": 30080},
            ingress={
                "enabled": True,
                "host": "chat.example.com",
                "class_name": "nginx",
                "annotations": {"a": "b"},
                "tls": {"enabled": True},
            },
            metrics={"port": "debug", "secret_env": "TOKEN"},
            secret_env={"TOKEN": reference("t")},
        ),
        monitoring=True,
        image_pull_secrets=["pull"],
    )
    assert objects["Service"]["spec"]["ports"][0] == {
        "name": "http",
        "port": 80,
        "targetPort": "http",
        "nodePort": 30080,
    }
    assert objects["Ingress"]["metadata"]["annotations"] == {"a": "b"}
    rules = objects["Ingress"]["spec"]
    assert rules["rules"][0]["http"]["paths"][0]["backend"]["service"] == {"name": "web", "port": {"name": "http"}}
    assert rules["tls"] == [{"hosts": ["chat.example.com"], "secretName": "web-tls"}]
    assert rules["ingressClassName"] == "nginx"
    assert objects["ServiceMonitor"]["spec"]["endpoints"] == [
        {"port": "debug", "path": "/metrics", "authorization": {"credentials": {"name": "web", "key": "TOKEN"}}}
    ]
    assert objects["Deployment"]["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    assert set(made(spec("web", metrics={"port": "http"}))) == {"Service", "Deployment"}
    assert "Service" not in made(spec("web", ports={}, ready={"exec": ["true"]}))


OVERRIDE: dict[str, Any] = {
    "kind": "Deployment",
    "patch": {"spec": {"replicas": None, "paused": True, "template": {"spec": {"volumes": []}}}},
}


def test_overrides_are_merged_last() -> None:
    spec_ = made(spec("web", overrides=[OVERRIDE], volumes=DATA))["Deployment"]["spec"]
    assert "replicas" not in spec_
    assert spec_["paused"] is True
    assert spec_["template"]["spec"]["volumes"] == []
    assert spec_["template"]["spec"]["containers"][0]["image"] == "web:1"


def test_an_override_that_matches_nothing_is_refused() -> None:
    with pytest.raises(PlanError, match=r"^web_overrides\[1\] names Deployment nothing, which the role does not make$"):
        planned(spec("web", overrides=[OVERRIDE, {**OVERRIDE, "name": "nothing"}]))


def test_an_override_may_match_one_component_of_several() -> None:
    overrides = [{**OVERRIDE, "name": "two"}]
    one, two = spec("web", overrides=overrides), spec("web", name="two", overrides=overrides)
    plan = planned(one, two)
    assert [
        item["spec"].get("paused")
        for part in plan.components[1:]
        for item in part.objects
        if item["kind"] == "Deployment"
    ] == [None, True]


def test_what_nobody_plans_cannot_be_needed() -> None:
    with pytest.raises(PlanError, match="component web needs db, which nobody planned"):
        planned(spec("web", needs=["db"]))
    with pytest.raises(PlanError, match="needs form a cycle: a -> b -> a"):
        planned(spec("a", needs=["b"]), spec("b", needs=["a"]))
