"""Why something is not ready: the state of its pods, the events, the last log lines, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import KINDS
from ansible_collections.homelab.ai_workspace.plugins.module_utils.readiness import condition

Object = Mapping[str, Any]

GRACE = {
    "InvalidImageName": 0.0,
    "ErrImagePull": 20.0,
    "ImagePullBackOff": 20.0,
    "ErrImageNeverPull": 20.0,
    "CreateContainerConfigError": 10.0,
    "CreateContainerError": 20.0,
    "RunContainerError": 20.0,
    "ReplicaFailure": 20.0,
}
"""Seconds after which a state of a container is a failure: some of them heal by themselves."""

CRASHES = 3
"""Restarts since the rollout began after which a crash loop is a failure."""

_IMAGE = ("InvalidImageName", "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull")
_LINES = 8


@dataclass(frozen=True)
class Problem:
    """A state of a pod or workload that is a failure when it lasts for ``grace`` seconds."""

    subject: str
    reason: str
    text: str
    grace: float
    container: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """Return what stays the same while the problem lasts: a pull alternates between two reasons."""
        return self.subject + "/" + self.container, "image" if self.reason in _IMAGE else self.reason


@dataclass
class Finding:
    """What is known about a failure: data first, text second."""

    what: str
    why: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    do: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def pods_of(workload: Object, pods: Iterable[Object], replica_sets: Iterable[Object]) -> list[Object]:
    """Return the pods that were made from the template just applied, newest last; none while it is not known."""
    owner = workload["metadata"].get("uid", "")
    status = workload.get("status", {})
    if workload["kind"] == "Pod":
        return [pod for pod in pods if pod["metadata"]["uid"] == owner]
    if workload["kind"] != "Job" and int(status.get("observedGeneration", 0)) < int(
        workload["metadata"].get("generation", 0)
    ):
        return []
    revision = ""
    if workload["kind"] == "Deployment":
        number = _revision(workload)
        current = [item for item in replica_sets if _owned(item, owner) and _revision(item) == number]
        owner = current[0]["metadata"]["uid"] if current else "none"
    elif workload["kind"] == "StatefulSet":
        revision = status.get("updateRevision", "none")
    found = [
        pod
        for pod in pods
        if _owned(pod, owner)
        and not pod["metadata"].get("deletionTimestamp")
        and (not revision or pod["metadata"].get("labels", {}).get("controller-revision-hash") == revision)
    ]
    return sorted(found, key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), pod["metadata"]["name"]))


def _owned(item: Object, owner: str) -> bool:
    return any(reference["uid"] == owner for reference in item["metadata"].get("ownerReferences") or [])


def _revision(item: Object) -> str:
    return str((item["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision", ""))


def containers(pod: Object) -> Iterator[Mapping[str, Any]]:
    """Yield the status of each container of a pod, init containers first."""
    status = pod.get("status", {})
    yield from [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def restarts(pods: Iterable[Object]) -> dict[tuple[str, str], int]:
    """Return how often each container has restarted, by pod uid and container."""
    return {
        (pod["metadata"]["uid"], entry["name"]): entry.get("restartCount", 0)
        for pod in pods
        for entry in containers(pod)
    }


def problems(workload: Object, pods: Iterable[Object], baseline: Mapping[tuple[str, str], int]) -> Iterator[Problem]:
    """Yield the problems of a workload.

    Args:
        workload: its newest state.
        pods: those of the template just applied.
        baseline: restarts before this rollout; only later ones count.
    """
    refused = condition(workload, "ReplicaFailure")
    if refused.get("status") == "True":
        name = workload["metadata"]["name"]
        yield Problem(
            name, "ReplicaFailure", f"no pod can be made: {refused.get('message', '')}", GRACE["ReplicaFailure"]
        )
    for pod in pods:
        for entry in containers(pod):
            waiting = (entry.get("state") or {}).get("waiting") or {}
            reason, name = waiting.get("reason", ""), entry["name"]
            since = entry.get("restartCount", 0) - baseline.get((pod["metadata"]["uid"], name), 0)
            if reason in GRACE or (reason == "CrashLoopBackOff" and since >= CRASHES):
                yield Problem(pod["metadata"]["name"], reason, _container(entry), GRACE.get(reason, 0.0), name)


def _container(entry: Mapping[str, Any]) -> str:
    """Return one sentence about a container that is not ready; empty when there is nothing to say."""
    name, count = entry["name"], entry.get("restartCount", 0)
    state = entry.get("state") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or (entry.get("lastState") or {}).get("terminated") or {}
    times = f"{count} restart" + ("" if count == 1 else "s")
    if waiting.get("reason") in _IMAGE:
        return f"image {entry.get('image', '?')} of container {name} cannot be pulled: {waiting.get('message', '')}"
    if ended and (state.get("terminated") or waiting.get("reason") == "CrashLoopBackOff"):
        if not ended.get("exitCode") and ended.get("reason") == "Completed" and not count:
            return ""
        why = f" ({ended['reason']})" if ended.get("reason") not in (None, "Error", "Completed") else ""
        return f"container {name} exits with {ended.get('exitCode')}{why}, {times}"
    if waiting:
        text = f": {waiting['message']}" if waiting.get("message") else ""
        return f"container {name} waits ({waiting.get('reason', 'unknown')}){text}"
    if not entry.get("ready", False) and "running" in state:
        ended_text = f"; it exited with {ended.get('exitCode')} before, {times}" if ended else ""
        return f"container {name} runs, but its probe has not passed{ended_text}"
    return ""


def diagnose(
    cluster: Cluster, namespace: str, item: Object, reason: str, pods: list[Object], problem: Problem | None
) -> Finding:
    """Return what is known about an object that did not become ready; asks for events and logs, each once.

    Args:
        cluster: the cluster.
        namespace: the workspace's.
        item: the object in its newest state.
        reason: what its verdict or the time-out said.
        pods: those of the template just applied.
        problem: what made it fail early, None at a time-out.
    """
    finding = Finding(f"{item['kind']} {namespace}/{item['metadata']['name']}: {reason}")
    bad = [pod for pod in pods if condition(pod, "Ready").get("status") != "True"]
    if problem:
        finding.why.append(problem.text)
        bad = [pod for pod in bad if pod["metadata"]["name"] == problem.subject] or bad
    pod = bad[-1] if bad else None
    if pod:
        finding.why += [text for text in sentences(pod) if text not in finding.why]
    events = [event for subject in (pod, item) if subject for event in _events(cluster, namespace, subject)]
    finding.why += list(dict.fromkeys(events))[-3:]
    entry = _culprit(pod, problem) if pod else None
    if pod and entry:
        finding.log = _log(cluster, namespace, pod["metadata"]["name"], entry)
    finding.do = _remedy(finding, problem, namespace, pod, item)
    return finding


def sentences(pod: Object) -> Iterator[str]:
    """Yield what keeps a pod from being ready, a sentence each."""
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield f"pod {pod['metadata']['name']} cannot be scheduled: {scheduled.get('message', '')}"
    yield from filter(None, map(_container, containers(pod)))


def _culprit(pod: Object, problem: Problem | None) -> Mapping[str, Any] | None:
    """Return the status of the container whose log tells most: it has run, and is not ready."""
    ran = [
        entry
        for entry in containers(pod)
        if _container(entry)
        and (entry.get("restartCount") or set(entry.get("state") or {}) & {"running", "terminated"})
    ]
    return next((entry for entry in ran if problem and entry["name"] == problem.container), ran[0] if ran else None)


def _events(cluster: Cluster, namespace: str, subject: Object) -> list[str]:
    """Return the last warnings about an object, oldest first."""
    query = {"fieldSelector": f"involvedObject.uid={subject['metadata'].get('uid', '')},type=Warning"}
    path = KINDS["v1", "Event"].path(namespace)
    try:
        items = cluster.request("GET", path, query=query, timeout=5, patient=False)["items"]
    except ClusterError:
        return []  # the right to read events is not required
    items.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    return [f"event {event.get('reason')}: {' '.join(event.get('message', '').split())}" for event in items[-3:]]


def _log(cluster: Cluster, namespace: str, pod: str, entry: Mapping[str, Any]) -> list[str]:
    """Return the last log lines of a container, of its previous run when it crashed."""
    path = KINDS["v1", "Pod"].path(namespace, pod) + "/log"
    query = {"container": entry["name"], "tailLines": str(_LINES)}
    crashed = "waiting" in (entry.get("state") or {}) and entry.get("restartCount")
    for extra in ({"previous": "true"}, {}) if crashed else ({},):
        try:
            lines = cluster.text(path, {**query, **extra}).splitlines()
        except ClusterError:
            continue
        if lines:
            return [line.rstrip()[:400] for line in lines]
    return []


def _remedy(finding: Finding, problem: Problem | None, namespace: str, pod: Object | None, item: Object) -> str:
    """Return the first remedy whose sign is seen."""
    reason = problem.reason if problem else ""
    words = " ".join(finding.why)
    remedies = (
        (
            reason in _IMAGE,
            "correct the image in the inventory (<role>_image, workspace_image_registry), and run again",
        ),
        ("quota" in words, "raise the quota of the namespace, or lower <role>_resources"),
        (reason == "ReplicaFailure", "the cluster refuses the pod; change what the message names, and run again"),
        (
            reason in ("CreateContainerConfigError", "CreateContainerError"),
            "a ConfigMap or Secret that the pod reads is missing or wrong; see why, and run again",
        ),
        (
            "unbound" in words or "persistentvolumeclaim" in words.lower(),
            f"see the volume claims: kubectl -n {namespace} describe pvc; set workspace_storage_class",
        ),
        (
            "cannot be scheduled" in words,
            "give the cluster more room, lower <role>_resources, or change <role>_node_selector",
        ),
        (bool(finding.log), "the log says what the program misses; correct it in the inventory, and run again"),
    )
    subject = f"pod {pod['metadata']['name']}" if pod else f"{item['kind'].lower()} {item['metadata']['name']}"
    otherwise = f"look closer: kubectl -n {namespace} describe {subject}"
    return next((remedy for sign, remedy in remedies if sign), otherwise)
