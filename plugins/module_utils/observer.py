"""What the cluster looks like now: one watch a kind, started when somebody first waits for that kind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from ansible_collections.homelab.ai_workspace.plugins.module_utils.apply import Key, key
from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import ApiError, Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import OURS, Kind

Object = Mapping[str, Any]
Event = Callable[[], None]
"""Something that happened in a thread; it runs in the main one."""

_GONE = 410
_FORBIDDEN = 403


class Clock(Protocol):
    """Time and waiting, so that tests need neither."""

    def now(self) -> float:
        """Return seconds since some moment."""

    def take(self, inbox: SimpleQueue[Event], seconds: float) -> list[Event]:
        """Return all events in the inbox; wait for the first one, ``seconds`` at most."""


class SystemClock:
    """The real time."""

    def now(self) -> float:
        """Return the monotonic time."""
        return time.monotonic()

    def take(self, inbox: SimpleQueue[Event], seconds: float) -> list[Event]:
        """Return all events in the inbox; wait for the first one."""
        events: list[Event] = []
        try:
            events.append(inbox.get(timeout=max(0.0, seconds)))
            while True:
                events.append(inbox.get_nowait())
        except Empty:
            return events


class Observer:
    """Keeps the newest state of the objects of a workspace, by watching.

    Args:
        cluster: the cluster.
        namespace: the workspace's.
        inbox: where the threads of the watches put what they saw.
    """

    def __init__(self, cluster: Cluster, namespace: str, inbox: SimpleQueue[Event]) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._inbox = inbox
        self._watched: set[Kind] = set()
        self._listed: set[tuple[str, str]] = set()
        self._objects: dict[Key, Object] = {}

    def watch(self, kind: Kind) -> None:
        """Start to watch a kind, once."""
        if kind not in self._watched:
            self._watched.add(kind)
            threading.Thread(target=self._follow, args=(kind,), name=f"watch {kind.plural}", daemon=True).start()

    def listed(self, kind: Kind) -> bool:
        """Tell whether the kind has been seen at all."""
        return (kind.api_version, kind.name) in self._listed

    def newest(self, applied: Object) -> Object:
        """Return the newest state of an object: as watched, or as applied while the watch is behind."""
        seen = self._objects.get(key(applied))
        return seen if seen and _version(seen) >= _version(applied) else applied

    def get(self, item: Object) -> Object | None:
        """Return an object as watched."""
        return self._objects.get(key(item))

    def all(self, kind: str) -> list[Object]:
        """Return all watched objects of a kind."""
        return [item for item in self._objects.values() if item["kind"] == kind]

    def replace(self, kind: Kind, items: list[dict[str, Any]]) -> None:
        """Take over a complete list of a kind."""
        identity = (kind.api_version, kind.name)
        self._listed.add(identity)
        kept = {name: item for name, item in self._objects.items() if name[:2] != identity}
        self._objects = kept | {key(item): item for item in items}

    def see(self, change: str, item: Object) -> None:
        """Take over one watch event."""
        if change == "DELETED":
            self._objects.pop(key(item), None)
        else:
            self._objects[key(item)] = item

    def _follow(self, kind: Kind) -> None:
        """List, then watch, for as long as the process lives; a watch that is too old starts with a list again."""
        path = kind.path(self._namespace)
        # A namespace itself carries no label that could be relied on: it may be the user's own.
        query = {"labelSelector": OURS} if kind.namespaced else {"fieldSelector": f"metadata.name={self._namespace}"}
        version = ""
        while True:
            try:
                if not version:
                    answer = self._cluster.request("GET", path, query=query)
                    version = answer["metadata"]["resourceVersion"]
                    self._put_list(kind, answer["items"])
                for event in self._cluster.watch(path, {**query, "allowWatchBookmarks": "true"}, version):
                    item = event["object"]
                    version = item["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        self._put_event(event["type"], item)
                self._cluster.sleep(0.1)
            except ApiError as error:
                version = "" if error.status == _GONE else version
                if error.status == _FORBIDDEN:
                    return  # only what is not required is not asked for beforehand
                self._cluster.sleep(0.5)
            except ClusterError:
                self._cluster.sleep(0.5)

    def _put_list(self, kind: Kind, items: list[dict[str, Any]]) -> None:
        named = [{**item, "apiVersion": kind.api_version, "kind": kind.name} for item in items]
        self._inbox.put(lambda: self.replace(kind, named))

    def _put_event(self, change: str, item: Object) -> None:
        self._inbox.put(lambda: self.see(change, item))


def _version(item: Object) -> int:
    text = str(item["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0
