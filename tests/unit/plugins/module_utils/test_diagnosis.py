"""Why something is not ready, out of saved objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.homelab.ai_workspace.plugins.module_utils.diagnosis import (
    diagnose,
    pods_of,
    problems,
    restarts,
    sentences,
)
from tests.unit.plugins.module_utils.fake_api import Answer, FakeApi, cluster, failure, item

FIXTURES = Path(__file__).parents[3] / "fixtures" / "cluster"


def cluster_object(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FIXTURES / f"{name}.yml").read_text(encoding="utf-8"))
    return loaded


BAD = cluster_object("deployment-not-available")


@pytest.mark.parametrize(
    ("fixture", "words"),
    [
        ("pod-ready", []),
        ("pod-crash-loop", ["container bad exits with 3, 2 restarts"]),
        ("pod-probe-failing", ["container probe runs, but its probe has not passed"]),
        ("pod-config-error", ['container cfg waits (CreateContainerConfigError): secret "nope" not found']),
        ("pod-unschedulable", ["pod big-0 cannot be scheduled: 0/1 nodes are available"]),
        ("pod-image-cannot-be-pulled", ["image registry.invalid/none:1 of container img cannot be pulled"]),
    ],
)
def test_sentences(fixture: str, words: list[str]) -> None:
    found = list(sentences(cluster_object(fixture)))
    assert len(found) == len(words)
    assert all(text.startswith(word) for text, word in zip(found, words, strict=True)), found


@pytest.mark.parametrize(
    ("fixture", "reason", "grace"),
    [
        ("pod-image-cannot-be-pulled", "ErrImagePull", 20.0),
        ("pod-config-error", "CreateContainerConfigError", 10.0),
        ("pod-probe-failing", None, None),
        ("pod-crash-loop", None, None),
    ],
)
def test_problems(fixture: str, reason: str | None, grace: float | None) -> None:
    found = list(problems(BAD, [cluster_object(fixture)], {}))
    assert [(problem.reason, problem.grace) for problem in found] == ([(reason, grace)] if reason else [])


def test_a_crash_loop_counts_the_restarts_of_this_run_only() -> None:
    pod = cluster_object("pod-crash-loop")
    pod["status"]["containerStatuses"][0]["restartCount"] = 9
    assert [problem.reason for problem in problems(BAD, [pod], {})] == ["CrashLoopBackOff"]
    before = restarts([pod])
    assert not list(problems(BAD, [pod], before))
    pod["status"]["containerStatuses"][0]["restartCount"] = 12
    assert len(list(problems(BAD, [pod], before))) == 1


def test_two_reasons_of_a_failing_pull_are_one_problem() -> None:
    pod = cluster_object("pod-image-cannot-be-pulled")
    first = next(problems(BAD, [pod], {})).identity
    pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] = "ImagePullBackOff"
    assert next(problems(BAD, [pod], {})).identity == first


def test_a_refused_pod_is_a_problem_of_the_workload() -> None:
    found = list(problems(cluster_object("deployment-quota"), [], {}))
    assert [problem.reason for problem in found] == ["ReplicaFailure"]
    assert "exceeded quota" in found[0].text


def test_only_pods_of_the_new_template_count() -> None:
    workload, current, pod = map(cluster_object, ("deployment-ready", "replicaset-current", "pod-ready"))
    assert pods_of(workload, [pod], [current]) == [pod]
    old = {**current, "metadata": {**current["metadata"], "annotations": {"deployment.kubernetes.io/revision": "0"}}}
    assert pods_of(workload, [pod], [old]) == []
    assert pods_of(cluster_object("deployment-old-generation"), [pod], [current]) == []
    ending = {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": "now"}}
    assert pods_of(workload, [ending], [current]) == []


def test_only_pods_of_the_new_revision_count() -> None:
    workload, pod = cluster_object("statefulset-ready"), cluster_object("statefulset-pod-ready")
    assert pods_of(workload, [pod], []) == [pod]
    assert pods_of(cluster_object("statefulset-rolling"), [pod], []) == []


def test_pods_of_jobs_and_of_themselves() -> None:
    pod = cluster_object("pod-ready")
    job = item("Job", "j", "batch/v1")
    job["metadata"] |= {"uid": pod["metadata"]["ownerReferences"][0]["uid"], "generation": 1}
    assert pods_of(job, [pod], []) == [pod]
    assert pods_of(pod, [pod], []) == [pod]


def event(reason: str, message: str, when: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": when},
        "reason": reason,
        "message": message,
        "lastTimestamp": when,
    }


def test_a_crash_is_told_with_events_and_the_log_of_the_run_before() -> None:
    api = FakeApi()
    api.add(event("BackOff", "restarting\n failed", "2"), "ai-workspace")
    api.add(event("Unhealthy", "refused", "1"), "ai-workspace")
    pod = cluster_object("pod-crash-loop")
    finding = diagnose(cluster(api), "ai-workspace", BAD, "1 pod is not available", [pod], None)
    assert finding.what == "Deployment ai-workspace/bad: 1 pod is not available"
    assert finding.why == [
        "container bad exits with 3, 2 restarts",
        "event Unhealthy: refused",
        "event BackOff: restarting failed",
    ]
    assert finding.log == ["last words"]
    assert api.requests[-1][2] == {"container": "bad", "tailLines": "8", "previous": "true"}
    assert finding.do.startswith("the log says")


def test_a_diagnosis_does_without_events_and_logs() -> None:
    pod = cluster_object("pod-crash-loop")
    api = FakeApi()
    api.refuse["GET", "/api/v1/namespaces/ai-workspace/events"] = [failure(403), failure(403)]
    log = f"/api/v1/namespaces/ai-workspace/pods/{pod['metadata']['name']}/log"
    api.refuse["GET", log] = [failure(400), Answer(200, b"")]
    finding = diagnose(cluster(api), "ai-workspace", BAD, "late", [pod], None)
    assert finding.why == ["container bad exits with 3, 2 restarts"]
    assert finding.log == []
    assert f"describe pod {pod['metadata']['name']}" in finding.do


@pytest.mark.parametrize(
    ("fixture", "words"),
    [
        ("pod-image-cannot-be-pulled", "correct the image"),
        ("pod-config-error", "a ConfigMap or Secret"),
        ("pod-unschedulable", "give the cluster more room"),
    ],
)
def test_remedies(fixture: str, words: str) -> None:
    pod = cluster_object(fixture)
    problem = next(problems(BAD, [pod], {}), None)
    assert words in diagnose(cluster(FakeApi()), "ai-workspace", BAD, "late", [pod], problem).do


def test_remedies_without_a_pod() -> None:
    workload = cluster_object("deployment-quota")
    problem = next(problems(workload, [], {}))
    assert "quota" in diagnose(cluster(FakeApi()), "ai-workspace", workload, "late", [], problem).do
    assert "describe deployment bad" in diagnose(cluster(FakeApi()), "ai-workspace", BAD, "late", [], None).do
