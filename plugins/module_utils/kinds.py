"""Kinds of objects, and where the API serves them."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import PART_OF

OURS = f"app.kubernetes.io/part-of={PART_OF}"
"""Label selector of every object of a workspace, pods included."""

_BUILT_IN = {
    "v1": "Namespace:namespaces Pod:pods Service:services ConfigMap:configmaps Secret:secrets Event:events "
    "PersistentVolumeClaim:persistentvolumeclaims ServiceAccount:serviceaccounts",
    "apps/v1": "Deployment:deployments StatefulSet:statefulsets DaemonSet:daemonsets ReplicaSet:replicasets",
    "batch/v1": "Job:jobs CronJob:cronjobs",
    "networking.k8s.io/v1": "Ingress:ingresses NetworkPolicy:networkpolicies",
    "policy/v1": "PodDisruptionBudget:poddisruptionbudgets",
    "autoscaling/v2": "HorizontalPodAutoscaler:horizontalpodautoscalers",
    "rbac.authorization.k8s.io/v1": "Role:roles RoleBinding:rolebindings",
}


@dataclass(frozen=True)
class Kind:
    """A kind and where the API serves it."""

    api_version: str
    name: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """Return the API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str, name: str = "") -> str:
        """Return the REST path of one object, or of all in the namespace."""
        root = "/api" if "/" not in self.api_version else "/apis"
        scope = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{root}/{self.api_version}{scope}/{self.plural}" + (f"/{name}" if name else "")


KINDS: dict[tuple[str, str], Kind] = {
    (version, name): Kind(version, name, plural, namespaced=name != "Namespace")
    for version, line in _BUILT_IN.items()
    for name, _, plural in (pair.partition(":") for pair in line.split())
}
"""The built-in kinds that a workspace is made of; others are discovered."""
