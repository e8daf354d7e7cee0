"""Teardown: what carries the labels of a workspace goes, in the reverse order of the graph; data only when asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.apply import Change, key, remove
from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import ApiError, Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.engine import WORKLOADS, Engine, Task, removed
from ansible_collections.homelab.ai_workspace.plugins.module_utils.graph import inverted
from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import KINDS, Kind
from ansible_collections.homelab.ai_workspace.plugins.module_utils.observer import Clock
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import DATA_ANNOTATION, MANAGER, STORE, Plan
from ansible_collections.homelab.ai_workspace.plugins.module_utils.preflight import preflight
from ansible_collections.homelab.ai_workspace.plugins.module_utils.report import Progress
from ansible_collections.homelab.ai_workspace.plugins.module_utils.rolling import Options, outcome
from ansible_collections.homelab.ai_workspace.plugins.module_utils.workers import Workers

Object = Mapping[str, Any]

MANAGED = f"app.kubernetes.io/managed-by={MANAGER},app.kubernetes.io/part-of=ai-workspace"
_DATA = "volumes and secrets"
_NAMESPACE = "namespace"
_NOT_OURS = ("Pod", "Event", "ReplicaSet", "Namespace")
_EXTRA = {("monitoring.coreos.com/v1", "ServiceMonitor"): "servicemonitors"}
_TIMEOUT = 180.0


def take_down(
    cluster: Cluster, plan: Plan, options: Options, clock: Clock, workers: Workers, *, delete_data: bool
) -> dict[str, Any]:
    """Remove the workspace, wait until its pods have gone, and return the module's result.

    Args:
        cluster: where; in check mode nothing is removed.
        plan: tells the order; what carries the labels and is not in it goes too.
        options: how to run.
        clock: time.
        workers: keep requests in flight.
        delete_data: remove also volumes, the store of secrets and, when it is ours, the namespace.

    Raises:
        ClusterError: the preflight failed; nothing was removed.
        ComponentFailed: something did not go away in time.
    """
    found = preflight(cluster, plan, workers, removal=True)
    items = _ours(cluster, plan, workers) if found.namespace else []
    doomed = [item for item in items if not _holds_data(item)]
    groups: dict[str, list[Object]] = {}
    names = {key(item): part.name for part in plan.components for item in part.objects}
    for item in doomed:
        labels = item["metadata"].get("labels") or {}
        groups.setdefault(names.get(key(item)) or labels.get("app.kubernetes.io/name") or "other", []).append(item)
    groups.pop(_NAMESPACE, None)
    needs = {
        part.name: [need for need in part.needs if need in groups] for part in plan.components if part.name in groups
    }
    order = inverted(needs | {name: [] for name in groups if name not in needs})
    tasks = [Task(name, tuple(order[name]), [groups[name]], _TIMEOUT * options.timeout_factor) for name in groups]
    if delete_data and found.namespace:
        data: list[Object] = [item for item in items if _holds_data(item)]
        tasks += _last(_DATA, data, [task.name for task in tasks], options)
        if _is_ours(found.namespace):
            tasks += _last(_NAMESPACE, [found.namespace], [task.name for task in tasks], options)
    engine = Engine(
        cluster=cluster,
        namespace=plan.namespace,
        act=lambda item: Change(item, None) if cluster.dry_run else remove(cluster, item, plan.namespace),
        judge=lambda change, observer: removed(change, observer, cluster),
        progress=Progress(options.progress_file, [task.name for task in tasks], str),
        clock=clock,
        workers=workers,
        words=("would be removed" if cluster.dry_run else "removed", "unchanged"),
    )
    return outcome(engine.run(tasks), {}, options)


def _last(name: str, items: list[Object], before: Iterable[str], options: Options) -> list[Task]:
    return [Task(name, tuple(before), [items], _TIMEOUT * options.timeout_factor)] if items else []


def _holds_data(item: Object) -> bool:
    notes = item["metadata"].get("annotations") or {}
    return (
        item["kind"] == "PersistentVolumeClaim"
        or notes.get(DATA_ANNOTATION) == "true"
        or (item["kind"], item["metadata"]["name"]) == ("Secret", STORE)
    )


def _is_ours(item: Object) -> bool:
    return (item["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == MANAGER


def _ours(cluster: Cluster, plan: Plan, workers: Workers) -> list[Object]:
    """Return all objects of the workspace that no controller made, workloads first."""
    kinds = {kind for kind in KINDS.values() if kind.name not in _NOT_OURS}
    kinds |= {cluster.kind_of(item) for part in plan.components for item in part.objects if item["kind"] != "Namespace"}
    kinds |= {Kind(version, name, plural) for (version, name), plural in _EXTRA.items()}
    ordered = sorted(kinds, key=lambda kind: (kind.name not in WORKLOADS, kind.name))

    def listing(kind: Kind) -> list[dict[str, Any]]:
        try:
            return cluster.list(kind, plan.namespace, MANAGED)
        except ApiError as error:
            if error.status in (403, 404):  # a kind that the plan does not use and the cluster does not know
                return []
            raise

    lists = workers.gather((lambda kind=kind: listing(kind)) for kind in ordered)  # type: ignore[misc]
    return [item for items in lists for item in items if not item["metadata"].get("ownerReferences")]
