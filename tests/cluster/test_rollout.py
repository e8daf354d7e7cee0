"""The rollout module on a real cluster: what it applies, restarts, fails on, and removes."""

from __future__ import annotations

import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.rollout_driver import Bench, claim, component, finish, secret, start, wait_for

SHAPES = {"db_password": {"alphabet": "alphanumeric", "length": 32}}
GIVEN = "sk-geheim/äöü+%41$(X)"


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(request.node.name, tmp_path)
    bench.remove(wait=True)
    yield bench
    bench.remove(wait=False)


def core(bench: Bench, *, motto: str = "first") -> list[dict[str, Any]]:
    """Return a small workspace: a database with a volume, a cache, and a front end that needs both."""
    uri = "postgresql://u:⟦secret:openai_api_key|urlencode⟧@db/⟦secret:db_password⟧"
    return [
        component(
            "web",
            secret("web", URI=uri, KEY="⟦secret:openai_api_key⟧", MOTTO=motto),
            bench.workload("web"),
            needs=("db", "cache"),
        ),
        component("cache", bench.workload("cache")),
        component(
            "db",
            secret("db", PASSWORD="⟦secret:db_password⟧"),
            claim("db", "64Mi"),
            bench.workload("db", kind="StatefulSet"),
        ),
    ]


def test_life(bench: Bench) -> None:
    given = {"openai_api_key": GIVEN}
    planned = bench.run(*core(bench), shapes=SHAPES, secrets=given, _ansible_check_mode=True, _ansible_diff=True)
    assert planned["changed"], planned
    assert not bench.exists()
    assert len(planned["diff"]) == planned["counts"]["objects"] == 7
    assert GIVEN not in str(planned)

    first = bench.run(*core(bench), shapes=SHAPES, secrets=given)
    assert [entry["state"] for entry in first["components"].values()] == ["ready"] * 4, first
    lines = [line.split()[0] for line in bench.progress().splitlines()]
    assert lines[0] == "namespace"
    assert lines[-1] == "web"
    pods, password = bench.pods(), bench.secret("db")["PASSWORD"]
    assert len(password) == 32
    assert bench.secret("web")["KEY"] == GIVEN
    assert bench.secret("web")["URI"] == (
        f"postgresql://u:sk-geheim%2F%C3%A4%C3%B6%C3%BC%2B%2541%24%28X%29@db/{password}"
    )

    second = bench.run(*core(bench), shapes=SHAPES)  # the given value is found in the cluster now
    assert not second["changed"], second
    assert second["counts"] == {"unchanged": 4, "objects": 7, "objects_changed": 0}
    assert bench.pods() == pods
    assert bench.secret("db")["PASSWORD"] == password

    third = bench.run(*core(bench, motto="second"), shapes=SHAPES, _ansible_diff=True)
    assert {name for name, entry in third["components"].items() if entry["changed"]} == {"web"}
    assert [entry["after_header"] for entry in third["diff"]] == ["web: Deployment web", "web: Secret web"]
    assert "MOTTO: (hidden, changed)" in third["diff"][1]["after"]
    assert "KEY: (hidden)" in third["diff"][1]["after"]
    after = bench.pods()
    assert {name for name in pods if pods[name] != after[name]} == {"web"}

    gone = bench.run(*core(bench)[:2], core(bench)[2], shapes=SHAPES, state="absent")
    assert gone["changed"], gone
    assert not bench.items("Pod")
    assert list(bench.items("PersistentVolumeClaim")) == ["db-data"]
    assert "workspace-secrets" in bench.items("Secret")
    assert "web" not in bench.items("Secret")
    assert not bench.run(*core(bench), shapes=SHAPES, state="absent")["changed"]

    again = bench.run(*core(bench), shapes=SHAPES)
    assert again["changed"]
    assert bench.secret("db")["PASSWORD"] == password
    assert bench.run(*core(bench), state="absent", delete_data=True)["changed"]
    assert not bench.exists()
    assert not bench.run(*core(bench), state="absent", delete_data=True)["changed"]


def test_wrong_image_then_corrected(bench: Bench) -> None:
    wrong = "registry.invalid/none:1"
    broken = bench.run(
        component("store", bench.workload("store", kind="StatefulSet", image=wrong)),
        component("front", bench.workload("front", image=wrong)),
        component("above", bench.workload("above"), needs=("store",)),
    )
    assert broken["failed"]
    assert broken["components"]["store"]["state"] == broken["components"]["front"]["state"] == "failed"
    assert broken["components"]["above"] == {
        "state": "not started",
        "changed": False,
        "seconds": 0.0,
        "reason": "needs store",
    }
    assert "store failed after" in broken["msg"]
    assert "above is not started because it needs store" in broken["msg"]
    assert f"image {wrong} of container store cannot be pulled" in broken["msg"]
    assert "<role>_image" in broken["msg"]

    whole = bench.run(
        component("store", bench.workload("store", kind="StatefulSet")),
        component("front", bench.workload("front")),
        component("above", bench.workload("above"), needs=("store",)),
    )
    assert [entry["state"] for entry in whole["components"].values()] == ["unchanged", "ready", "ready", "ready"], whole


def test_two_branches_fail_and_the_third_goes_on(bench: Bench) -> None:
    never = {"httpGet": {"path": "/none", "port": 8080}, "periodSeconds": 1}
    crash = "echo key is $KEY; echo twice $KEY >&2; exit 7"
    result = bench.run(
        component("slow", bench.workload("slow", readinessProbe=never), timeout=8),
        component(
            "crash",
            secret("crash", KEY="⟦secret:openai_api_key⟧"),
            bench.workload("crash", script=crash),
            timeout=8,
        ),
        component("fine", bench.workload("fine")),
        component("last", bench.workload("last"), needs=("slow", "fine")),
        secrets={"openai_api_key": GIVEN},
        _ansible_diff=True,
    )
    states = {name: entry["state"] for name, entry in result["components"].items()}
    assert states == {
        "namespace": "ready",
        "slow": "failed",
        "crash": "failed",
        "fine": "ready",
        "last": "not started",
    }, result
    assert "runs, but its probe has not passed" in result["msg"]
    assert "container crash exits with 7" in result["msg"]
    assert "key is ***" in result["components"]["crash"]["finding"]["log"]
    assert "ready  namespace, fine" in result["msg"]
    assert GIVEN not in str(result) + bench.progress()


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "SIGHUP", "closed"])
def test_stopped_in_the_wait(bench: Bench, how: str) -> None:
    never = {"httpGet": {"path": "/none", "port": 8080}, "periodSeconds": 1}
    process = start(bench.arguments(component("slow", bench.workload("slow", readinessProbe=never))))
    wait_for(lambda: "slow" in bench.pods())
    began = time.monotonic()
    if how == "closed":
        assert process.stdout
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(timeout=5)
        assert not errors
    else:
        process.send_signal(signal.Signals[how])
        result = finish(process)
        assert result["failed"]
        assert f"interrupted by {how}" in result["msg"]
    assert time.monotonic() - began < 5  # 0.2 s on an idle machine
    assert process.returncode == 1
    assert bench.run(component("slow", bench.workload("slow")))["components"]["slow"]["state"] == "ready"


def test_two_runs_at_once_agree_on_secrets(bench: Bench) -> None:
    part = component("db", secret("db", PASSWORD="⟦secret:db_password⟧"))
    processes: list[subprocess.Popen[str]] = [start(bench.arguments(part, shapes=SHAPES)) for _ in range(3)]
    results: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda p=process: results.append(finish(p))) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(result.get("failed") for result in results), results
    assert bench.secret("db")["PASSWORD"] == bench.secret("workspace-secrets")["db_password"]


def test_somebody_elses_field(bench: Bench) -> None:
    part = component("web", bench.workload("web"))
    bench.run(part)
    body = {"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}}
    path = f"/apis/apps/v1/namespaces/{bench.namespace}/deployments/web"
    query = {"fieldManager": "kubectl-edit"}
    bench.cluster.request("PATCH", path, body=body, query=query, content="application/merge-patch+json")
    refused = bench.run(part)
    assert "kubectl-edit" in refused["msg"]
    assert "workspace_force_conflicts" in refused["msg"]
    assert not bench.run(part, force_conflicts=True).get("failed")
    assert not bench.run(part)["changed"]


def test_a_second_run_is_quick(bench: Bench) -> None:
    parts = [
        component(f"c{number}", *(secret(f"c{number}-{index}", KEY="value") for index in range(10)))
        for number in range(6)
    ]
    bench.run(*parts)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert not bench.run(*parts)["changed"]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"60 unchanged objects: {seconds:.2f} s of processor time, the start of Python included")  # noqa: T201 - a figure
    assert seconds < 3
