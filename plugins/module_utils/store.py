"""The store: the one Secret of a workspace that keeps the values of its standing secrets, given or generated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import ApiError, Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import KINDS
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import (
    DATA_ANNOTATION,
    MANAGER,
    PART_OF,
    STORE,
    Plan,
    standing,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.secrets import (
    Values,
    complete,
    encode,
    read_store,
)

_CONFLICT = 409
_SECRETS = KINDS["v1", "Secret"]


def settle(
    cluster: Cluster, plan: Plan, given: Mapping[str, str], stored: Mapping[str, Any] | None
) -> tuple[Values, bool]:
    """Return all values after writing what the store lacks, and whether it was written.

    Two runs at once cannot each generate: the later of the two is refused with a conflict, and reads again.

    Args:
        cluster: where the store is; in check mode nothing is persisted.
        plan: names the namespace, the references and the shapes.
        given: values of the inventory.
        stored: the store as read just before, or None.
    """
    for last in (False,) * 9 + (True,):
        found = read_store(stored)
        values = complete(plan, given, found)
        lacking = {name: value for name, value in values.items() if standing(name) and found.get(name) != value}
        if not lacking:
            break
        try:
            _write(cluster, plan.namespace, lacking, stored)
        except ApiError as error:
            if last or error.status != _CONFLICT:
                raise
            stored = cluster.find(_SECRETS.path(plan.namespace, STORE))
        else:
            return values, True
    return values, False


def _write(cluster: Cluster, namespace: str, values: Mapping[str, str], stored: Mapping[str, Any] | None) -> None:
    """Add values to the store; keys that stand in it already are never removed.

    Raises:
        ApiError: 409 when somebody else wrote it since it was read.
    """
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": STORE,
            "labels": {"app.kubernetes.io/managed-by": MANAGER, "app.kubernetes.io/part-of": PART_OF},
            "annotations": {DATA_ANNOTATION: "true"},
        },
        "data": {name: encode(value) for name, value in values.items()},
    }
    query = {"fieldManager": MANAGER}
    if stored is None:
        cluster.request("POST", _SECRETS.path(namespace), body=body, query=query)
        return
    body["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"]
    path = _SECRETS.path(namespace, STORE)
    cluster.request("PATCH", path, body=body, query=query, content="application/merge-patch+json")
