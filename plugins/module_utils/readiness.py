"""Readiness per kind, as kstatus (kubernetes-sigs/cli-utils) defines it: a table of small functions with reasons.

The generation check comes first in each: without it a wait reads yesterday's state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

Object = Mapping[str, Any]

_UNITS = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18, "m": -3}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


@dataclass(frozen=True)
class Verdict:
    """What an object's status says, and why."""

    state: Literal["ready", "progressing", "failed"]
    reason: str = ""


READY = Verdict("ready")
_UNSEEN = Verdict("progressing", "the controller has not seen this change yet")


def verdict(item: Object) -> Verdict:
    """Return whether an object is ready; kinds that are not in the table are ready when they exist."""
    if item["metadata"].get("deletionTimestamp"):
        return Verdict("progressing", "it is being deleted")
    return CHECKS.get(item["kind"], _exists)(item)


def quantity(text: Any) -> Decimal:
    """Return a Kubernetes quantity such as ``10Gi`` as a number.

    Raises:
        ValueError: it is not a quantity.
    """
    match = re.fullmatch(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([KMGTPE]i|[mkMGTPE]?)", str(text))
    if not match:
        raise ValueError(f"{text!r} is not a quantity")
    number, unit = Decimal(match[1]), match[2]
    return number * 2 ** _BINARY[unit] if unit in _BINARY else number.scaleb(_UNITS[unit])


def _unseen(item: Object) -> bool:
    return int(item.get("status", {}).get("observedGeneration", 0)) < int(item["metadata"].get("generation", 0))


def condition(item: Object, name: str) -> Mapping[str, str]:
    """Return a condition of an object's status; empty when it is not there."""
    conditions = item.get("status", {}).get("conditions") or []
    return next((entry for entry in conditions if entry["type"] == name), {})


def _missing(count: int) -> Verdict:
    return Verdict("progressing", f"{count} pod is not available" if count == 1 else f"{count} pods are not available")


def _exists(_item: Object) -> Verdict:
    return READY


def _deployment(item: Object) -> Verdict:
    """Judge a Deployment; its own deadline is not asked: an earlier run may have missed it, and ours decides."""
    if _unseen(item):
        return _UNSEEN
    status, wanted = item["status"], item["spec"].get("replicas", 1)
    updated = status.get("updatedReplicas", 0)
    if updated < wanted:
        return Verdict("progressing", f"{updated} of {wanted} pods are of the new version")
    if status.get("replicas", 0) > updated:
        return Verdict("progressing", "pods of the old version are still running")
    missing = wanted - min(status.get("availableReplicas", 0), status.get("readyReplicas", 0))
    return _missing(missing) if missing > 0 else READY


def _stateful_set(item: Object) -> Verdict:
    if _unseen(item):
        return _UNSEEN
    status, wanted = item["status"], item["spec"].get("replicas", 1)
    rolling = item["spec"].get("updateStrategy", {}).get("type", "RollingUpdate") == "RollingUpdate"
    updated = status.get("updatedReplicas", 0)
    if rolling and updated < wanted:
        return Verdict("progressing", f"{updated} of {wanted} pods are of the new version")
    if status.get("replicas", 0) > wanted:
        return Verdict("progressing", "pods of the old version are still running")
    ready = status.get("readyReplicas", 0)
    missing = wanted - min(ready, status.get("availableReplicas", ready))
    if missing > 0:
        return _missing(missing)
    if rolling and wanted and status.get("currentRevision") != status.get("updateRevision"):
        return Verdict("progressing", "the new version is not the current one yet")
    return READY


def _daemon_set(item: Object) -> Verdict:
    if _unseen(item):
        return _UNSEEN
    status = item["status"]
    wanted = status.get("desiredNumberScheduled", 0)
    updated = status.get("updatedNumberScheduled", 0)
    if updated < wanted:
        return Verdict("progressing", f"{updated} of {wanted} pods are of the new version")
    missing = wanted - min(status.get("numberAvailable", 0), status.get("numberReady", 0))
    return _missing(missing) if missing > 0 else READY


def _job(item: Object) -> Verdict:
    failed = condition(item, "Failed")
    if failed.get("status") == "True":
        return Verdict("failed", failed.get("message", "the job failed"))
    if condition(item, "Complete").get("status") == "True":
        return READY
    return Verdict("progressing", "the job has not completed yet")


def _pod(item: Object) -> Verdict:
    status = item.get("status", {})
    if status.get("phase") == "Failed":
        return Verdict("failed", status.get("message", "the pod failed"))
    if status.get("phase") == "Succeeded" or condition(item, "Ready").get("status") == "True":
        return READY
    return Verdict("progressing", condition(item, "Ready").get("message", "the pod is not ready"))


def _volume(item: Object) -> Verdict:
    """Judge a PersistentVolumeClaim; a Pending one may be waiting for its first pod, whose readiness then tells."""
    status = item.get("status", {})
    if status.get("phase") == "Lost":
        return Verdict("failed", "the volume behind the claim is lost")
    wanted = item["spec"].get("resources", {}).get("requests", {}).get("storage", 0)
    if status.get("phase") == "Bound" and quantity(status.get("capacity", {}).get("storage", wanted)) < quantity(
        wanted
    ):
        return Verdict("progressing", f"the volume is being resized to {wanted}")
    return READY


def _service(item: Object) -> Verdict:
    if item["spec"].get("type") == "LoadBalancer" and not item.get("status", {}).get("loadBalancer", {}).get("ingress"):
        return Verdict("progressing", "no load balancer has given the Service an address")
    return READY


def _budget(item: Object) -> Verdict:
    return _UNSEEN if _unseen(item) else READY


def _namespace(item: Object) -> Verdict:
    if item.get("status", {}).get("phase") == "Terminating":
        return Verdict("failed", "the namespace is being deleted")
    return READY


CHECKS: dict[str, Callable[[Object], Verdict]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "Pod": _pod,
    "PersistentVolumeClaim": _volume,
    "Service": _service,
    "PodDisruptionBudget": _budget,
    "Namespace": _namespace,
    # What has no state of its own to wait for: an address or metrics may never come, and nothing needs them.
    "Ingress": _exists,
    "HorizontalPodAutoscaler": _exists,
}
