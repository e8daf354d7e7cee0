"""What runs: a row a component, read from the cluster alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.addresses import node_address, reached_at
from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import KINDS

Object = Mapping[str, Any]
_WORKLOADS = (("apps/v1", "StatefulSet"), ("apps/v1", "Deployment"), ("apps/v1", "DaemonSet"))
_COLUMNS = ("component", "ready", "restarts", "age", "volumes", "image")
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def status(cluster: Cluster, namespace: str, now: datetime) -> list[dict[str, str]]:
    """Return the components of a workspace, each as texts by column; none when nothing runs.

    Raises:
        ClusterError: the cluster cannot be reached, or refuses.
    """
    pods = cluster.list(KINDS["v1", "Pod"], namespace)
    claims = {
        claim["metadata"]["name"]: claim for claim in cluster.list(KINDS["v1", "PersistentVolumeClaim"], namespace)
    }
    workloads = [item for key in _WORKLOADS for item in cluster.list(KINDS[key], namespace)]
    rows = [_row(workload, pods, claims, now) for workload in workloads]
    return sorted(rows, key=lambda row: row["component"])


def urls(cluster: Cluster, namespace: str) -> list[str]:
    """Return where the workspace is reached from outside the cluster.

    Raises:
        ClusterError: the cluster cannot be reached, or refuses.
    """
    kinds = (("networking.k8s.io/v1", "Ingress"), ("v1", "Service"))
    items = [{**item, "kind": key[1]} for key in kinds for item in cluster.list(KINDS[key], namespace)]
    return [url for item in items for url in reached_at(item, lambda: node_address(cluster))]


def table(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the rows as lines in columns, under a headline."""
    head = dict(zip(_COLUMNS, _COLUMNS, strict=True))
    widths = {name: max(len(row[name]) for row in (head, *rows)) for name in _COLUMNS}
    return ["  ".join(f"{row[name]:<{widths[name]}}" for name in _COLUMNS).rstrip() for row in (head, *rows)]


def _row(workload: Object, pods: Sequence[Object], claims: Mapping[str, Object], now: datetime) -> dict[str, str]:
    """Return one row; the age is that of its oldest pod."""
    selector = workload["spec"]["selector"]["matchLabels"].items()
    mine = [pod for pod in pods if selector <= pod["metadata"].get("labels", {}).items()]
    found = workload.get("status", {})
    wanted = workload["spec"].get("replicas", found.get("desiredNumberScheduled", 0))
    ready = found.get("readyReplicas", found.get("numberReady", 0))
    restarts = [entry["restartCount"] for pod in mine for entry in pod.get("status", {}).get("containerStatuses") or []]
    images = {entry["image"]: None for entry in workload["spec"]["template"]["spec"]["containers"]}
    started = [pod["status"]["startTime"] for pod in mine if pod.get("status", {}).get("startTime")]
    return {
        "component": workload["metadata"]["name"],
        "ready": f"{ready}/{wanted}",
        "restarts": str(sum(restarts)),
        "age": _age(min(started), now) if started else "-",
        "volumes": ", ".join(_volumes(mine, claims)) or "-",
        "image": ", ".join(images),
    }


def _volumes(pods: Sequence[Object], claims: Mapping[str, Object]) -> list[str]:
    """Return name, size and, when it is not bound, state of each volume."""
    names = {
        volume["persistentVolumeClaim"]["claimName"]
        for pod in pods
        for volume in pod["spec"].get("volumes") or []
        if "persistentVolumeClaim" in volume
    }
    lines = []
    for name in sorted(names):
        state = claims.get(name, {}).get("status", {"phase": "missing"})
        size = state.get("capacity", {}).get("storage", "")
        phase = "" if state.get("phase") == "Bound" else state.get("phase", "")
        lines.append(" ".join(part for part in (name, size, phase) if part))
    return lines


def _age(start: str, now: datetime) -> str:
    """Return a time ago in its largest unit."""
    seconds = max(0, int((now - datetime.fromisoformat(start)).total_seconds()))
    size, unit = next((entry for entry in _UNITS if seconds >= entry[0]), (1, "s"))
    return f"{seconds // size} {unit}"
