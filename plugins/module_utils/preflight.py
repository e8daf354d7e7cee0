"""What must hold before anything is applied; all that does not is told in one message."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.apply import Key, key, label
from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import ApiError, Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import KINDS, Kind
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import STORE, Component, Plan
from ansible_collections.homelab.ai_workspace.plugins.module_utils.readiness import quantity
from ansible_collections.homelab.ai_workspace.plugins.module_utils.workers import Workers

Object = Mapping[str, Any]

OLDEST = (1, 25)
"""First version in which pod security admission and every API version of ours are stable."""

_UNAUTHORIZED, _FORBIDDEN = 401, 403
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_SIZES = {"librechat": "librechat_storage.size"}
_READ = ("get", "list", "watch")


@dataclass
class Found:
    """The workspace as it is before the rollout."""

    namespace: Object | None
    store: Object | None = None
    objects: dict[Key, Object] = field(default_factory=dict)


def preflight(cluster: Cluster, plan: Plan, workers: Workers, *, removal: bool = False) -> Found:
    """Check that the plan can be applied and return what is there; sends nothing that changes anything.

    Args:
        cluster: the cluster.
        plan: the plan.
        workers: run the questions at the same time.
        removal: ask for the rights to remove instead of those to apply.

    Raises:
        ClusterError: with every problem found, ``details.problems`` as a list.
    """
    reach(cluster)
    namespaces = KINDS["v1", "Namespace"]
    kinds, problems = _kinds(cluster, plan)

    def listing(kind: Kind) -> Callable[[], list[dict[str, Any]]]:
        return lambda: _permitted(lambda: cluster.list(kind, plan.namespace), [])

    namespace_job = workers.submit(lambda: _permitted(lambda: cluster.find(namespaces.path("", plan.namespace)), None))
    store_path = KINDS["v1", "Secret"].path(plan.namespace, STORE)
    store_job = workers.submit(lambda: _permitted(lambda: cluster.find(store_path), None))
    classes_job = workers.submit(lambda: _permitted(lambda: _storage_classes(cluster), None))
    rights_job = workers.submit(lambda: _missing_rights(cluster, plan, _wanted_rights(plan, kinds, removal=removal)))
    lists = workers.gather(listing(kind) for kind in kinds if kind.namespaced)

    found = Found(namespace_job.result(), store_job.result())
    found.objects = {key(item): item for items in lists for item in items}
    if found.namespace:
        found.namespace = {"apiVersion": "v1", "kind": "Namespace", **found.namespace}
        found.objects[key(found.namespace)] = found.namespace
        if found.namespace.get("status", {}).get("phase") == "Terminating" and not removal:
            problems.append(
                f"workspace_namespace: {plan.namespace} is being deleted (phase Terminating); wait until it is gone, "
                "or choose another name"
            )
    missing = rights_job.result()
    if found.namespace is None and not removal:
        missing += _missing_rights(cluster, plan, [("", "namespaces", plan.namespace, "create")], by_rules=False)
    if missing:
        problems.append(
            f"the identity of {cluster.source} may not do this in namespace {plan.namespace}: {'; '.join(missing)}. "
            "Grant it these rights, or set workspace_context to one that has them"
        )
    if not removal:
        problems += _volume_problems(plan, found, classes_job.result())
    if problems:
        raise ClusterError("\n".join(problems), problems=problems)
    return found


def reach(cluster: Cluster) -> None:
    """Ask for the server's version, once.

    Raises:
        ClusterError: no answer, credentials refused, or too old.
    """
    try:
        answer = cluster.request("GET", "/version", timeout=10, patient=False)
    except ApiError as error:
        if error.status == _FORBIDDEN:
            return  # some clusters hide their version
        if error.status == _UNAUTHORIZED:
            raise ClusterError(
                f"the cluster at {cluster.host} refuses the credentials of {cluster.source} (HTTP 401): they are "
                "wrong or have expired"
            ) from error
        raise ClusterError(
            f"{cluster.host} answers, but not as a Kubernetes API server does (HTTP {error.status}): "
            f"is {cluster.source} right?"
        ) from error
    digits = re.findall(r"\d+", f"{answer.get('major')} {answer.get('minor')}")[:2]
    if tuple(map(int, digits)) < OLDEST:
        raise ClusterError(
            f"the cluster at {cluster.host} runs Kubernetes {'.'.join(digits)}; "
            f"{'.'.join(map(str, OLDEST))} is the oldest that this collection supports"
        )


def _permitted(question: Callable[[], Any], otherwise: Any) -> Any:
    """Return the answer, or ``otherwise`` when it is forbidden; what is missing is told by the rights check."""
    try:
        return question()
    except ApiError as error:
        if error.status == _FORBIDDEN:
            return otherwise
        raise


def _kinds(cluster: Cluster, plan: Plan) -> tuple[list[Kind], list[str]]:
    """Return the kinds of the plan and a sentence for each that the cluster does not know."""
    kinds: dict[tuple[str, str], Kind] = {}
    problems: dict[tuple[str, str], str] = {}
    for component in plan.components:
        for item in component.objects:
            pair = (item["apiVersion"], item["kind"])
            if pair in kinds or pair in problems:
                continue
            try:
                kinds[pair] = cluster.kind_of(item)
            except ApiError as error:
                hint = " (workspace_monitoring needs the Prometheus operator)" if "monitoring" in pair[0] else ""
                problems[pair] = f"component {component.name}: {error}{hint}"
    return list(kinds.values()), list(problems.values())


def _storage_classes(cluster: Cluster) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = cluster.request("GET", "/apis/storage.k8s.io/v1/storageclasses")["items"]
    return items


def _wanted_rights(plan: Plan, kinds: list[Kind], *, removal: bool) -> Iterator[tuple[str, str, str, str]]:
    """Yield group, resource, name and verb of all that the run does; name is empty where it is any."""
    for kind in kinds:
        if kind.namespaced:
            for verb in (*_READ, "delete") if removal else (*_READ, "create", "patch"):
                yield kind.group, kind.plural, "", verb
    if not removal:
        for verb in ("get", "create", "patch"):
            yield "", "secrets", "", verb
    yield "", "namespaces", plan.namespace, "get"
    for verb in _READ:
        yield "", "pods", "", verb


def _missing_rights(
    cluster: Cluster, plan: Plan, wanted: Iterable[tuple[str, str, str, str]], *, by_rules: bool = True
) -> list[str]:
    """Return what may not be done, as ``create deployments.apps``; the rules answer most, the rest is asked singly."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": plan.namespace},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubject"
    answer = cluster.request("POST", f"{path}rulesreviews", body=review) if by_rules else {"status": {}}
    rules = answer["status"].get("resourceRules") or []
    missing: dict[str, list[str]] = {}
    for group, resource, name, verb in dict.fromkeys(wanted):
        if any(_grants(rule, group, resource, verb) for rule in rules):
            continue
        asked = {"namespace": plan.namespace, "group": group, "resource": resource, "name": name, "verb": verb}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        if not cluster.request("POST", f"{path}accessreviews", body=body)["status"]["allowed"]:
            missing.setdefault(f"{resource}.{group}" if group else resource, []).append(verb)
    return [f"{', '.join(verbs)} {resource}" for resource, verbs in missing.items()]


def _grants(rule: Mapping[str, Any], group: str, resource: str, verb: str) -> bool:
    def holds(part: str, wanted: str) -> bool:
        return bool({"*", wanted} & set(rule.get(part) or []))

    names = rule.get("resourceNames")
    return not names and holds("apiGroups", group) and holds("resources", resource) and holds("verbs", verb)


def _claims(component: Component) -> Iterator[tuple[Object, Object]]:
    """Yield each volume claim of a component with its spec, those of StatefulSets' templates too."""
    for item in component.objects:
        if item["kind"] == "PersistentVolumeClaim":
            yield item, item["spec"]
        for claim in item.get("spec", {}).get("volumeClaimTemplates") or []:
            yield item, claim["spec"]


def _volume_problems(plan: Plan, found: Found, classes: list[dict[str, Any]] | None) -> list[str]:
    """Return a sentence for each volume that cannot be had: no such class, no default, a smaller size."""
    problems = []
    for component in plan.components:
        variable = _SIZES.get(component.service, f"{component.service}_storage_size")
        for item, spec in _claims(component):
            before = found.objects.get(key(item))
            wanted = spec["resources"]["requests"]["storage"]
            if before and item["kind"] == "PersistentVolumeClaim":
                size = before["spec"]["resources"]["requests"]["storage"]
                if quantity(wanted) < quantity(size):
                    problems.append(
                        f"{label(item)} has {size} and cannot shrink to {wanted}: put {variable} back to {size}"
                    )
                elif quantity(wanted) > quantity(size):
                    problems += _growth(classes or [], before, label(item), variable, size)
            elif not before and classes is not None:
                problems += _class_problem(classes, spec.get("storageClassName"), label(item), component.service)
    return list(dict.fromkeys(problems))


def _growth(classes: list[dict[str, Any]], before: Object, name: str, variable: str, size: str) -> list[str]:
    used = before["spec"].get("storageClassName")
    found = next((item for item in classes if item["metadata"]["name"] == used), None)
    if not found or found.get("allowVolumeExpansion"):
        return []
    return [f"{name} cannot grow: StorageClass {used} does not allow expansion; put {variable} back to {size}"]


def _class_problem(classes: list[dict[str, Any]], wanted: str | None, name: str, service: str) -> list[str]:
    names = sorted(item["metadata"]["name"] for item in classes)
    there = f"the cluster has {', '.join(names)}" if names else "the cluster has none"
    if wanted is None:
        notes = [item["metadata"].get("annotations") or {} for item in classes]
        if any(note.get(mark) == "true" for note in notes for mark in _DEFAULT_CLASS):
            return []
        return [f"{name} needs a default StorageClass, and there is none ({there}): set workspace_storage_class"]
    if wanted == "" or wanted in names:
        return []
    way_out = f"change workspace_storage_class or {service}_storage_class"
    return [f"{name}: there is no StorageClass {wanted} ({there}): {way_out}"]
