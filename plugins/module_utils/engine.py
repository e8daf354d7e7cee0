"""Runs the components along the graph: acts on their objects, judges them, tells what happens, gives up in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.apply import Change, key
from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.diagnosis import (
    Finding,
    Problem,
    diagnose,
    pods_of,
    problems,
    restarts,
    sentences,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.graph import Graph
from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import KINDS
from ansible_collections.homelab.ai_workspace.plugins.module_utils.observer import Clock, Event, Observer
from ansible_collections.homelab.ai_workspace.plugins.module_utils.readiness import READY, Verdict
from ansible_collections.homelab.ai_workspace.plugins.module_utils.report import Progress, Result, duration
from ansible_collections.homelab.ai_workspace.plugins.module_utils.workers import Workers

Object = Mapping[str, Any]

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Pod")
_QUIET = 5.0
"""Seconds of silence about a component after which the reason of its waiting is told."""


@dataclass
class Task:
    """One node of the graph: the objects to act on, all of a wave at the same time, one wave after the other."""

    name: str
    needs: tuple[str, ...]
    waves: list[list[Object]]
    timeout: float
    result: Result = field(init=False)
    pending: int = 0
    started: float = 0.0
    told: float = 0.0
    problems: dict[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with nothing done."""
        self.result = Result(self.name)


def in_waves(objects: Iterable[Object]) -> list[list[Object]]:
    """Return what workloads read first, then the workloads."""
    items = list(objects)
    first = [item for item in items if item["kind"] not in WORKLOADS]
    return [wave for wave in (first, [item for item in items if item["kind"] in WORKLOADS]) if wave]


@dataclass
class Engine:
    """Everything that one run shares.

    Args:
        cluster: the cluster; in check mode nothing is waited for.
        namespace: the workspace's.
        act: does what is to be done with one object, in a thread; raises ClusterError.
        judge: tells whether an object is as wanted, from what ``act`` returned and what is watched.
        progress: tells each change of state.
        clock: time.
        words: the states of a component that is done, changed or not.
    """

    cluster: Cluster
    namespace: str
    act: Callable[[Object], Change]
    judge: Callable[[Change, Observer], Verdict]
    progress: Progress
    clock: Clock
    workers: Workers
    words: tuple[str, str] = ("ready", "unchanged")
    inbox: SimpleQueue[Event] = field(default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        """Begin with nothing seen."""
        self.observer = Observer(self.cluster, self.namespace, self.inbox)
        self.baseline: dict[tuple[str, str], int] = {}
        self.pods_listed = False

    def run(self, tasks: Iterable[Task]) -> dict[str, Result]:
        """Run all tasks and return what became of each, in their order."""
        self.tasks = {task.name: task for task in tasks}
        self.graph = Graph({task.name: task.needs for task in self.tasks.values()})
        self._start()
        while not self.graph.finished:
            for event in self.clock.take(self.inbox, self._patience()):
                event()
            self._note_pods()
            for task in list(self._running()):
                if task.pending == 0:
                    self._look(task)
            self._start()
        return {name: task.result for name, task in self.tasks.items()}

    def _running(self) -> Iterable[Task]:
        return (self.tasks[name] for name, state in self.graph.states.items() if state == "running")

    def _start(self) -> None:
        for name in self.graph.start():
            task = self.tasks[name]
            task.started = task.told = self.clock.now()
            self._next_wave(task)

    def _next_wave(self, task: Task) -> None:
        wave = task.waves.pop(0) if task.waves else []
        task.pending = len(wave)
        for item in wave:
            self._act(task, item)
        if not wave:
            self.inbox.put(lambda: None)  # nothing to do: wakes the loop, which judges it

    def _act(self, task: Task, item: Object) -> None:
        def done(future: Future[Change]) -> None:
            self.inbox.put(lambda: self._acted(task, future))

        self.workers.submit(lambda: self.act(item)).add_done_callback(done)

    def _acted(self, task: Task, future: Future[Change]) -> None:
        """Take over what became of one object; the next wave starts when the last of this one is there."""
        task.pending -= 1
        error = future.exception()
        if error is None:
            task.result.changes.append(future.result())
        elif not isinstance(error, ClusterError):
            raise error
        elif task.result.state != "failed":
            self._fail(task, Finding(str(error)))
        if task.pending == 0 and task.result.state != "failed" and task.waves:
            self._next_wave(task)

    def _look(self, task: Task) -> None:
        """Judge a task all of whose objects were acted on; in check mode nothing comes of them."""
        if self.cluster.dry_run:
            self._finish(task)
            return
        verdicts = [(change, self.judge(change, self.observer)) for change in task.result.changes]
        open_ones = [(change, verdict) for change, verdict in verdicts if verdict.state != "ready"]
        if not open_ones:
            self._finish(task)
            return
        for change, _ in open_ones:
            self._watch(change)
        now = self.clock.now()
        failed = next(((change, verdict) for change, verdict in open_ones if verdict.state == "failed"), None)
        found = self._problem(task, [change for change, _ in open_ones], now)
        change, verdict = found[0] if found else failed or open_ones[0]
        if found or failed or now - task.started >= task.timeout:
            late = "" if found or failed else f" (after {duration(task.timeout)})"
            self._give_up(task, change, verdict.reason + late, found[1] if found else None)
        else:
            self._tell_waiting(task, self._detail(change) or verdict.reason, now)

    def _tell_waiting(self, task: Task, reason: str, now: float) -> None:
        """Tell why a task waits, after a while of silence: at once when it is news, else seldom."""
        if now - task.told >= (_QUIET if reason != task.result.reason else 6 * _QUIET):
            task.result.reason, task.told = reason, now
            self.progress(task.name, f"waits: {reason}")

    def _detail(self, change: Change) -> str:
        """Return what keeps the newest pod of a workload from being ready, as far as it is known."""
        if not change.after or change.after["kind"] not in WORKLOADS:
            return ""
        pods = self._pods(self.observer.newest(change.after))
        return next((text for pod in reversed(pods) for text in sentences(pod)), "")

    def _watch(self, change: Change) -> None:
        item = change.after or change.before or {}
        self.observer.watch(self.cluster.kind_of(item))
        if item["kind"] in WORKLOADS and change.after:
            self.observer.watch(KINDS["v1", "Pod"])
            if item["kind"] == "Deployment":
                self.observer.watch(KINDS["apps/v1", "ReplicaSet"])

    def _note_pods(self) -> None:
        """Remember, once, how often the pods had restarted when the first look at them was taken."""
        if not self.pods_listed and self.observer.listed(KINDS["v1", "Pod"]):
            self.pods_listed = True
            self.baseline = restarts(self.observer.all("Pod"))

    def _pods(self, workload: Object) -> list[Object]:
        return pods_of(workload, self.observer.all("Pod"), self.observer.all("ReplicaSet"))

    def _problem(self, task: Task, changes: list[Change], now: float) -> tuple[tuple[Change, Verdict], Problem] | None:
        """Return a problem that has lasted too long, with its workload."""
        current: dict[tuple[str, str], float] = {}
        found = None
        for change in changes:
            if change.after and change.after["kind"] in WORKLOADS:
                workload = self.observer.newest(change.after)
                for problem in problems(workload, self._pods(workload), self.baseline):
                    since = task.problems.get(problem.identity, now)
                    current[problem.identity] = since
                    if now - since >= problem.grace and not found:
                        found = ((change, Verdict("failed", self.judge(change, self.observer).reason)), problem)
        task.problems = current
        return found

    def _patience(self) -> float:
        """Return the seconds until something has to be looked at again though nothing was seen."""
        now = self.clock.now()
        moments = [task.started + task.timeout for task in self._running() if task.pending == 0]
        if any(task.problems for task in self._running()):
            moments.append(now + 1.0)
        if moments:
            moments.append(now + _QUIET)
        return max(0.0, min(moments) - now) if moments else 60.0

    def _give_up(self, task: Task, change: Change, reason: str, problem: Problem | None) -> None:
        """Ask the cluster why, in a thread; the task counts as running until the answer is there."""
        item = self.observer.newest(change.after) if change.after else (change.before or {})
        pods = self._pods(item) if item["kind"] in WORKLOADS else []
        task.pending = 1

        def done(future: Future[Finding]) -> None:
            error = future.exception()
            finding = Finding(f"{key(item)[1]} {key(item)[2]}: {reason} ({error})") if error else future.result()
            self.inbox.put(lambda: self._fail(task, finding))

        job = self.workers.submit(lambda: diagnose(self.cluster, self.namespace, item, reason, pods, problem))
        job.add_done_callback(done)

    def _fail(self, task: Task, finding: Finding) -> None:
        self._settle(task, "failed")
        task.result.finding = finding
        task.result.reason = "; ".join([finding.what, *finding.why[:1]])
        self.progress(task.name, f"failed after {duration(task.result.seconds)}: {task.result.reason}")
        for name, cause in self.graph.settle(task.name, done=False).items():
            self.tasks[name].result.reason = f"needs {cause}"
            self.progress(name, f"not started: needs {cause}")

    def _finish(self, task: Task) -> None:
        changed = task.result.changed
        state = self.words[0 if changed else 1]
        self._settle(task, state)
        task.result.reason = ""
        self.progress(
            task.name, state if self.cluster.dry_run or not changed else f"{state} in {duration(task.result.seconds)}"
        )
        self.graph.settle(task.name, done=True)

    def _settle(self, task: Task, state: str) -> None:
        task.result.state = state
        task.result.seconds = self.clock.now() - task.started


def applied(change: Change, observer: Observer, check: Callable[[Object], Verdict]) -> Verdict:
    """Judge an applied object by its newest state; one that vanished is waited for."""
    assert change.after is not None  # noqa: S101 - apply() always returns the object
    kind = KINDS.get((change.after["apiVersion"], change.after["kind"]))
    if kind and observer.listed(kind) and observer.get(change.after) is None:
        return Verdict("progressing", "it is not there")
    return check(observer.newest(change.after))


def removed(change: Change, observer: Observer, cluster: Cluster) -> Verdict:
    """Judge a removed object: ready when it is gone, and with it all that it owned."""
    item = change.before or {}
    if not observer.listed(cluster.kind_of(item)):
        return Verdict("progressing", "waiting for the first look")
    seen = observer.get(item)
    if seen is None or seen["metadata"].get("uid") != item["metadata"].get("uid"):
        return READY
    return Verdict("progressing", f"{item['kind']} {item['metadata']['name']} and its pods are still stopping")
