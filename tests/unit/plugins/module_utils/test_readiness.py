"""Verdicts over real objects; a fixture is named after what it shows."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.homelab.ai_workspace.plugins.module_utils.readiness import quantity, verdict

FIXTURES = Path(__file__).parents[3] / "fixtures" / "cluster"


def cluster_object(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FIXTURES / f"{name}.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize(
    ("fixture", "state", "word"),
    [
        ("deployment-ready", "ready", ""),
        ("deployment-old-generation", "progressing", "has not seen"),
        ("deployment-rolling", "progressing", "old version"),
        ("deployment-not-available", "progressing", "1 pod is not available"),
        ("deployment-quota", "progressing", "0 of 1 pods are of the new version"),
        ("statefulset-ready", "ready", ""),
        ("statefulset-old-generation", "progressing", "has not seen"),
        ("statefulset-rolling", "progressing", "0 of 1 pods are of the new version"),
        ("pod-ready", "ready", ""),
        ("pod-crash-loop", "progressing", "unready status"),
        ("claim-bound", "ready", ""),
    ],
)
def test_saved_objects(fixture: str, state: str, word: str) -> None:
    found = verdict(cluster_object(fixture))
    assert (found.state, word in found.reason) == (state, True), found


def made(kind: str, status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "x", "generation": 2}, "spec": spec, "status": status}


SEEN = {"observedGeneration": 2}
BOUND = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
COUNTS = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}


@pytest.mark.parametrize(
    ("item", "state", "word"),
    [
        (made("Deployment", {**SEEN, **COUNTS}, replicas=2), "ready", ""),
        (made("Deployment", {**SEEN, **COUNTS, "readyReplicas": 1}, replicas=2), "progressing", "1 pod is"),
        (made("Deployment", SEEN, replicas=0), "ready", ""),
        (made("Deployment", {}, replicas=0), "progressing", "has not seen"),
        (
            made("StatefulSet", {**SEEN, **COUNTS, "currentRevision": "a", "updateRevision": "b"}, replicas=2),
            "progressing",
            "not the current one",
        ),
        (
            made("StatefulSet", {**SEEN, "replicas": 2}, replicas=2, updateStrategy={"type": "OnDelete"}),
            "progressing",
            "2 pods are not available",
        ),
        (made("StatefulSet", {**SEEN, **COUNTS, "replicas": 3}, replicas=2), "progressing", "old version"),
        (made("DaemonSet", {**SEEN, "desiredNumberScheduled": 1}), "progressing", "0 of 1"),
        (
            made("DaemonSet", {**SEEN, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberReady": 1}),
            "progressing",
            "1 pod is not available",
        ),
        (made("DaemonSet", SEEN), "ready", ""),
        (made("Job", {}), "progressing", "not completed"),
        (made("Job", {"conditions": [{"type": "Complete", "status": "True"}]}), "ready", ""),
        (made("Job", {"conditions": [{"type": "Failed", "status": "True", "message": "no"}]}), "failed", "no"),
        (made("Pod", {"phase": "Succeeded"}), "ready", ""),
        (made("Pod", {"phase": "Failed", "message": "evicted"}), "failed", "evicted"),
        (made("PersistentVolumeClaim", {"phase": "Pending"}), "ready", ""),
        (made("PersistentVolumeClaim", {"phase": "Lost"}), "failed", "lost"),
        (
            made("PersistentVolumeClaim", BOUND, resources={"requests": {"storage": "2Gi"}}),
            "progressing",
            "resized to 2Gi",
        ),
        (made("Service", {}, type="LoadBalancer"), "progressing", "address"),
        (made("Service", {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}, type="LoadBalancer"), "ready", ""),
        (made("Service", {}, type="ClusterIP"), "ready", ""),
        (made("PodDisruptionBudget", {}), "progressing", "has not seen"),
        (made("Namespace", {"phase": "Terminating"}), "failed", "being deleted"),
        (made("HorizontalPodAutoscaler", {}), "ready", ""),
        (made("Ingress", {}), "ready", ""),
        (made("ConfigMap", {}), "ready", ""),
    ],
)
def test_made_objects(item: dict[str, Any], state: str, word: str) -> None:
    found = verdict(item)
    assert (found.state, word in found.reason) == (state, True), found


def test_what_is_being_deleted_is_not_ready() -> None:
    item = cluster_object("deployment-ready")
    item["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z"
    assert verdict(item).state == "progressing"


@pytest.mark.parametrize(
    ("text", "number"), [("1Gi", 2**30), ("1G", 10**9), ("500m", "0.5"), (3, 3), ("1.5Ki", 1536), ("2e3", 2000)]
)
def test_quantity(text: Any, number: Any) -> None:
    assert quantity(text) == Decimal(number)


def test_quantity_refuses() -> None:
    with pytest.raises(ValueError, match="ten"):
        quantity("ten")
