"""An API server in memory, behind the interface of urllib3's pool: enough of it for the rollout's logic."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import KINDS
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import Component, Plan, Shape
from ansible_collections.homelab.ai_workspace.plugins.module_utils.workers import T, Workers

LABELS = {"app.kubernetes.io/managed-by": "homelab.ai_workspace", "app.kubernetes.io/part-of": "ai-workspace"}
PLURALS = {kind.plural: kind for kind in KINDS.values()}


@dataclass
class Answer:
    """A response of urllib3."""

    status: int
    data: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the lines."""
        yield from self.data.splitlines(keepends=True)

    def close(self) -> None:
        """Do nothing."""


class Stream(Answer):
    """A watch: what has happened since, then what happens; it never ends."""

    def __init__(self, api: FakeApi, path: str, version: int) -> None:
        super().__init__(200, b"")
        self.api, self.path, self.next, self.waits = api, path, version, False
        api.streams.append(self)

    def __iter__(self) -> Iterator[bytes]:
        """Yield an event a line; block while there is none."""
        while True:
            with self.api.news:
                self.waits = True
                self.api.news.wait_for(lambda: len(self.api.log) > self.next)
                self.waits = False
                path, event = self.api.log[self.next]
                self.next += 1
            if path.rpartition("/")[0] == self.path:
                yield json.dumps(event).encode()


def failure(status: int, message: str = "", **details: Any) -> Answer:
    return Answer(status, json.dumps({"message": message, "details": details}).encode())


@dataclass
class FakeApi:
    """Objects by REST path. ``controller`` plays all controllers: it sees each applied object and sets its status."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    controller: Callable[[dict[str, Any]], None] = lambda _item: None
    refuse: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(
        default_factory=lambda: [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    )
    allowed: bool = True
    classes: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    log: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Each change; the resource version is its length."""
    news: threading.Condition = field(default_factory=threading.Condition)
    streams: list[Stream] = field(default_factory=list)

    @property
    def version(self) -> int:
        """Return the number of changes so far."""
        return len(self.log)

    def request(self, method: str, url: str, **options: Any) -> Answer:
        """Answer one request."""
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = json.loads(options["body"]) if options.get("body") else None
        self.requests.append((method, parts.path, query, body))
        planned = self.refuse.get((method, parts.path))
        if planned:
            return planned.pop(0)
        answer = self._answer(method, parts.path, query, body)
        return answer if isinstance(answer, Answer) else Answer(200, json.dumps(answer).encode())

    def writes(self) -> list[tuple[str, str]]:
        """Return method and path of all that would change something."""
        return [(method, path) for method, path, _, _ in self.requests if method != "GET" and "reviews" not in path]

    def add(self, item: dict[str, Any], namespace: str = "ns") -> dict[str, Any]:
        """Store an object as the server would."""
        kind = KINDS[item["apiVersion"], item["kind"]]
        path = kind.path(namespace, item["metadata"]["name"])
        self._note("ADDED", path, made := copy.deepcopy(item))
        return made

    def _note(self, change: str, path: str, item: dict[str, Any]) -> None:
        """Store a new state of an object, and tell those who watch."""
        with self.news:
            item["metadata"] |= {"resourceVersion": str(len(self.log) + 1)}
            item["metadata"].setdefault("uid", f"uid-{path}")
            item["metadata"].setdefault("generation", 1)
            self.objects[path] = item
            if change == "DELETED":
                del self.objects[path]
            self.log.append((path, {"type": change, "object": copy.deepcopy(item)}))
            self.news.notify_all()

    def _answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Any:
        fixed: dict[str, Any] = {
            "version": {"major": "1", "minor": "34"},
            "selfsubjectrulesreviews": {"status": {"resourceRules": self.rules}},
            "selfsubjectaccessreviews": {"status": {"allowed": self.allowed}},
            "storageclasses": {"items": self.classes},
        }
        if path.rpartition("/")[2] in fixed:
            return fixed[path.rpartition("/")[2]]
        if path.endswith("/log"):
            return Answer(200, b"last words\n")
        if "watch" in query:
            return Stream(self, path, int(query["resourceVersion"]))
        handler = {"GET": self._get, "PATCH": self._patch, "POST": self._post, "DELETE": self._delete}[method]
        return handler(path, query, body)

    def _get(self, path: str, query: Mapping[str, str], _body: Any) -> Any:
        if path in self.objects:
            return self.objects[path]
        if path.rpartition("/")[2] not in PLURALS:
            return failure(404, "not found")
        items = [item for name, item in self.objects.items() if name.rpartition("/")[0] == path]
        wanted = [pair.split("=") for pair in query.get("labelSelector", "").split(",") if pair]
        found = [item for item in items if all(item["metadata"].get("labels", {}).get(k) == v for k, v in wanted)]
        if "fieldSelector" in query and path.endswith("/events"):
            found = items
        return {"metadata": {"resourceVersion": str(self.version)}, "items": found}

    def _patch(self, path: str, query: Mapping[str, str], body: Any) -> Any:
        before = self.objects.get(path)
        version = body["metadata"].get("resourceVersion")
        if version and before and version != before["metadata"]["resourceVersion"]:
            return failure(409, "conflict")
        item = copy.deepcopy(body)
        if before:
            item["metadata"] = {**before["metadata"], **body["metadata"]}
            item["status"] = before.get("status", {})
            if "force" not in query:  # a merge patch
                item["data"] = {**before.get("data", {}), **body.get("data", {})}
            if {**item, "status": 0} == {**before, "status": 0}:
                return before
            changed = item.get("spec") != before.get("spec")
            item["metadata"]["generation"] = before["metadata"]["generation"] + changed
        if "dryRun" in query:
            return {**item, "metadata": {**item["metadata"], "resourceVersion": "dry"}}
        return self._store(path, item)

    def _post(self, path: str, query: Mapping[str, str], body: Any) -> Any:
        name = f"{path}/{body['metadata']['name']}"
        if name in self.objects:
            return failure(409, "already exists")
        return body if "dryRun" in query else self._store(name, copy.deepcopy(body))

    def _delete(self, path: str, _query: Mapping[str, str], _body: Any) -> Any:
        if path not in self.objects:
            return failure(404, "not found")
        item = self.objects[path]
        self._note("DELETED", path, item)
        return item

    def _store(self, path: str, item: dict[str, Any]) -> dict[str, Any]:
        """Store an object, answer with it, and let the controllers see it."""
        self._note("MODIFIED", path, item)
        answer = copy.deepcopy(item)
        seen = copy.deepcopy(item)
        self.controller(seen)
        if seen != answer:
            self._note("MODIFIED", path, seen)
        return answer


class Inline(Workers):
    """Workers that do each job at once, in the caller's thread."""

    def __init__(self) -> None:
        """Start no threads."""

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Do the job."""
        future: Future[T] = Future()
        try:
            future.set_result(job())
        except ClusterError as error:
            future.set_exception(error)
        return future


class FakeClock:
    """Time that passes when nothing else can happen: all watches wait for news, and the inbox is empty."""

    def __init__(self, api: FakeApi) -> None:
        self.time = 0.0
        self.api = api
        self.others = set(threading.enumerate())

    def now(self) -> float:
        """Return the time."""
        return self.time

    def take(self, inbox: SimpleQueue[Callable[[], None]], seconds: float) -> list[Callable[[], None]]:
        """Return what has been put; without any, let the time pass."""
        while True:
            quiet = self._quiet()
            try:
                return [inbox.get(timeout=0 if quiet else 0.01)]
            except Empty:
                if quiet:
                    self.time += max(seconds, 0.001)
                    return []

    def _quiet(self) -> bool:
        watches = [thread for thread in set(threading.enumerate()) - self.others if thread.name.startswith("watch ")]
        with self.api.news:
            idle = [stream for stream in self.api.streams if stream.waits and stream.next == len(self.api.log)]
            return len(idle) == len(watches)


def cluster(api: FakeApi, *, dry_run: bool = False) -> Cluster:
    pauses: list[float] = []
    return Cluster(api, "https://c", dict, "workspace_kubeconfig (k)", dry_run, sleep=pauses.append)


def item(kind: str, name: str, version: str = "v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": dict(LABELS)}, **more}


def deployment(name: str, image: str = "a:1", **pod: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": name, "image": image, **pod}]}
    return item("Deployment", name, "apps/v1", spec={"replicas": 1, "template": {"metadata": {}, "spec": spec}})


def make_ready(item: dict[str, Any]) -> None:
    """Play a controller that makes every Deployment available at once."""
    if item["kind"] == "Deployment":
        ready = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
        item["status"] = {"observedGeneration": item["metadata"]["generation"], **ready}


def plan(*components: Component, **shapes: Shape) -> Plan:
    return Plan("ns", components, shapes)
