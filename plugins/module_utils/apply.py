"""One object to the cluster and back: server-side apply, what it changed, and why it was refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import ApiError, Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import MANAGER

Object = Mapping[str, Any]
Key = tuple[str, str, str]

_CONFLICT, _INVALID, _FORBIDDEN, _NOT_FOUND = 409, 422, 403, 404
_OF_THE_SERVER = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")
_OF_THE_CONTROLLER = ("deployment.kubernetes.io/revision", "pv.kubernetes.io/", "volume.", "deprecated.daemonset.")


def key(item: Object) -> Key:
    """Return what identifies an object in its namespace."""
    return item["apiVersion"], item["kind"], item["metadata"]["name"]


def label(item: Object) -> str:
    """Return an object's kind and name, for messages."""
    return f"{item['kind']} {item['metadata']['name']}"


@dataclass(frozen=True)
class Change:
    """What became of one object. ``before`` is None when it did not exist, ``after`` when it does not any more."""

    before: Object | None
    after: Object | None

    @property
    def changed(self) -> bool:
        """Tell whether anything but the server's own bookkeeping differs."""
        if self.before is None or self.after is None:
            return self.before is not self.after
        if self.before["metadata"].get("resourceVersion") == self.after["metadata"].get("resourceVersion"):
            return False
        return essence(self.before) != essence(self.after)


def essence(item: Object) -> dict[str, Any]:
    """Return an object without its status and without what the server and the controllers note on it."""
    metadata = {name: part for name, part in item["metadata"].items() if name not in _OF_THE_SERVER}
    notes = metadata.pop("annotations", None) or {}
    own = {name: note for name, note in notes.items() if not name.startswith(_OF_THE_CONTROLLER)}
    if own:
        metadata["annotations"] = own
    return {**{name: part for name, part in item.items() if name != "status"}, "metadata": metadata}


def apply(cluster: Cluster, item: Object, namespace: str, before: Object | None, *, force: bool) -> Change:
    """Apply one object on the server's side and return what changed.

    Args:
        cluster: in check mode the server only says what it would do.
        item: the complete object.
        namespace: where it goes, unless its kind has no namespace.
        before: the object as it was, None when it did not exist with our labels.
        force: take over fields that another manager owns.

    Raises:
        ClusterError: refused; the message names the object and the way out.
    """
    path = cluster.kind_of(item).path(namespace, item["metadata"]["name"])
    query = {"fieldManager": MANAGER, "force": "true" if force else "false"}
    try:
        after = cluster.request("PATCH", path, body=item, query=query, content="application/apply-patch+yaml")
    except ApiError as error:
        raise ClusterError(explain(item, error), status=error.status) from error
    return Change(before, after)


def explain(item: Object, error: ApiError) -> str:
    """Return one sentence for a refused object: what, why, and the way out."""
    name = label(item)
    if error.status == _CONFLICT and error.causes:
        others = sorted({cause["message"].partition('"')[2].partition('"')[0] for cause in error.causes})
        fields = ", ".join(cause.get("field", "?") for cause in error.causes)
        return (
            f"{name}: {fields} was set by {' and '.join(others)}, not by this collection; undo that, leave the field "
            "out of the inventory, or take it over with workspace_force_conflicts: true"
        )
    if error.status == _INVALID and ("immutable" in error.args[0] or "updates to statefulset" in error.args[0]):
        return (
            f"{name} cannot be changed like this on a running object ({error}); put the value back, or run "
            "playbooks/teardown.yml (volumes and secrets stay) and roll out again"
        )
    if error.status == _INVALID:
        return f"{name} is not valid: {error}"
    if error.status == _FORBIDDEN:
        return f"{name} is refused by the cluster: {error}"
    return f"{name} could not be applied: {error} (HTTP {error.status})"


def remove(cluster: Cluster, item: Object, namespace: str) -> Change:
    """Delete one object; it goes when all that it owns, its pods too, has gone.

    Raises:
        ClusterError: refused.
    """
    path = cluster.kind_of(item).path(namespace, item["metadata"]["name"])
    try:
        cluster.request("DELETE", path, body={"propagationPolicy": "Foreground"})
    except ApiError as error:
        if error.status not in (_NOT_FOUND, _CONFLICT):  # gone, or going already
            raise ClusterError(f"{label(item)} could not be removed: {error} (HTTP {error.status})") from error
    return Change(item, None)


def diff(change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both sides of a change as they may be shown: no bookkeeping, values of Secrets hidden."""
    sides = [essence(side) if side else {} for side in (change.before, change.after)]
    data = [side.get("data") or {} for side in sides]
    if (change.before or change.after or {}).get("kind") == "Secret":
        for side, own, other in ((sides[0], data[0], data[1]), (sides[1], data[1], data[0])):
            if own:
                side["data"] = {name: _hidden(name, own, other, new=own is data[1]) for name in sorted(own)}
    return sides[0], sides[1]


def _hidden(name: str, own: Mapping[str, str], other: Mapping[str, str], *, new: bool) -> str:
    return "(hidden, changed)" if new and name in other and own[name] != other[name] else "(hidden)"
