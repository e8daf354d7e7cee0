"""One run of the rollout, from the preflight to the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ansible_collections.homelab.ai_workspace.plugins.module_utils.addresses import node_address
from ansible_collections.homelab.ai_workspace.plugins.module_utils.apply import Change, Key, apply, key
from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.engine import Engine, Task, applied, in_waves
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import (
    ComponentFailed,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.observer import Clock
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import MANAGER, PART_OF, Plan
from ansible_collections.homelab.ai_workspace.plugins.module_utils.preflight import Found, preflight
from ansible_collections.homelab.ai_workspace.plugins.module_utils.readiness import verdict
from ansible_collections.homelab.ai_workspace.plugins.module_utils.report import (
    Progress,
    Result,
    counts,
    diffs,
    failure_text,
    urls,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.secrets import (
    Values,
    complete,
    mask_all,
    masker,
    read_store,
    resolve,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.store import settle
from ansible_collections.homelab.ai_workspace.plugins.module_utils.workers import Workers

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Options:
    """How to run, apart from what.

    Args:
        force: take over fields that another manager owns.
        timeout_factor: multiplies the time-out of each component.
        progress_file: where each change of state is told, None for nowhere.
        diff: return the differences.
    """

    force: bool = False
    timeout_factor: float = 1.0
    progress_file: str | None = None
    diff: bool = False


def roll_out(
    cluster: Cluster, plan: Plan, given: Values, options: Options, clock: Clock, workers: Workers
) -> dict[str, Any]:
    """Apply the plan along its graph, wait until it is ready, and return the module's result.

    Args:
        cluster: where to; in check mode nothing is changed and nothing waited for.
        plan: what should be, with references.
        given: secret values of the inventory.
        options: how to run.
        clock: time.
        workers: keep requests in flight.

    Raises:
        PlanError: a secret has no value or a wrong shape; nothing was applied.
        ClusterError: the preflight failed; nothing was applied.
        ComponentFailed: something did not become ready; the message is the report.
    """
    found = preflight(cluster, plan, workers)
    resolve(plan, complete(plan, given, read_store(found.store)))  # raises before anything is applied
    values, written, done = _prepare(cluster, plan, given, found, options)
    judged_here = cluster.dry_run and found.namespace is None

    def act(item: Object) -> Change:
        if key(item) in done:
            return done[key(item)]
        before = found.objects.get(key(item))
        if judged_here:
            return Change(None, item)  # a dry run in a namespace that does not exist answers 404
        return apply(cluster, item, plan.namespace, before, force=options.force)

    progress = Progress(options.progress_file, [item.name for item in plan.components], masker(values))
    engine = Engine(
        cluster=cluster,
        namespace=plan.namespace,
        act=act,
        judge=lambda change, observer: applied(change, observer, verdict),
        progress=progress,
        clock=clock,
        workers=workers,
        words=("would change", "unchanged") if cluster.dry_run else ("ready", "unchanged"),
    )
    resolved = resolve(plan, values)
    results = engine.run(
        Task(item.name, item.needs, in_waves(item.objects), item.timeout * options.timeout_factor)
        for item in resolved.components
    )
    addresses = urls(results, engine.observer.newest, lambda: node_address(cluster))
    return outcome(results, values, options, written=written, addresses=addresses)


def _prepare(
    cluster: Cluster, plan: Plan, given: Values, found: Found, options: Options
) -> tuple[Values, bool, dict[Key, Change]]:
    """Make the namespace and the store, which everything else stands on; return what was made."""
    if cluster.dry_run and found.namespace is None:
        return complete(plan, given, {}), True, {}
    planned = [item for part in plan.components for item in part.objects if item["kind"] == "Namespace"]
    done: dict[Key, Change] = {}
    if planned or found.namespace is None:
        item = planned[0] if planned else _namespace(plan.namespace)
        done[key(item)] = apply(cluster, item, plan.namespace, found.namespace, force=options.force)
    values, written = settle(cluster, plan, given, found.store)
    return values, written, done


def outcome(
    results: Mapping[str, Result],
    values: Mapping[str, str],
    options: Options,
    *,
    written: bool = False,
    addresses: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """Return the module's result, without any secret value.

    Args:
        results: what became of each component.
        values: what is masked.
        options: whether the differences are wanted.
        written: True when the store of secrets changed.
        addresses: where the workspace is reached.

    Raises:
        ComponentFailed: with the same as details.
    """
    data: dict[str, Any] = {
        "changed": written or any(result.changed for result in results.values()),
        "components": {name: result.to_data() for name, result in results.items()},
        "counts": counts(results),
        "urls": addresses or [],
    }
    if options.diff:
        data["diff"] = diffs(results, _dump)
    hide = masker(values)
    masked: dict[str, Any] = mask_all(data, hide)
    if any(result.state in ("failed", "not started") for result in results.values()):
        raise ComponentFailed(hide(failure_text(results)), **masked)
    return masked


def _dump(item: Any) -> str:
    text: str = yaml.safe_dump(item, allow_unicode=True, default_flow_style=False, width=110)
    return text


def _namespace(name: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": MANAGER, "app.kubernetes.io/part-of": PART_OF}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
