"""What a rollout tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.apply import Change
from ansible_collections.homelab.ai_workspace.plugins.module_utils.diagnosis import Finding
from ansible_collections.homelab.ai_workspace.plugins.module_utils.report import (
    Progress,
    Result,
    duration,
    failure_text,
    urls,
)
from tests.unit.plugins.module_utils.fake_api import item


def test_the_text_of_a_failure() -> None:
    finding = Finding("Deployment ns/rag-api: 1 pod is not available", ["it exits with 1", "event x"], ["no"], "look")
    results = {
        "valkey": Result("valkey", "unchanged"),
        "rag-api": Result("rag-api", "failed", seconds=41.2, finding=finding),
        "librechat": Result("librechat", reason="needs rag-api"),
        "top": Result("top", reason="needs librechat"),
        "pgvector": Result("pgvector", "ready"),
    }
    assert failure_text(results).splitlines() == [
        "rag-api failed after 41 s; librechat, top are not started because they need rag-api",
        "  what   Deployment ns/rag-api: 1 pod is not available",
        "  why    it exits with 1",
        "         event x",
        "  log    no",
        "  do     look",
        "  ready  valkey, pgvector",
    ]


def test_progress(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    told = Progress(str(path), ["valkey"], lambda text: text.replace("geheim", "***"))
    told("valkey", "waits: geheim\nline")
    assert path.read_text(encoding="utf-8") == "valkey            waits: *** line\n"
    Progress(None, [], str)("valkey", "ready")


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (0.94, "0.9 s"), (3.4, "3 s"), (300.0, "300 s")])
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({"type": "ClusterIP", "ports": [{"port": 80}]}, {}, []),
        ({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}, {}, ["http://10.0.0.9:30080"]),
        ({"type": "LoadBalancer", "ports": [{"port": 443}]}, [{"hostname": "h"}], ["https://h"]),
        ({"type": "LoadBalancer", "ports": [{"port": 80}]}, [{"ip": "10.0.0.1"}], ["http://10.0.0.1"]),
        ({"type": "LoadBalancer", "ports": [{"port": 3080}]}, [{"ip": "::1"}], ["http://[::1]:3080"]),
    ],
)
def test_addresses_of_services(spec: dict[str, Any], status: Any, expected: list[str]) -> None:
    made = item("Service", "web", spec=spec)
    seen = {**made, "status": {"loadBalancer": {"ingress": status}} if status else {}}
    results = {"web": Result("web", "ready", changes=[Change(None, made), Change(made, None)])}
    found = urls(results, lambda _item: seen, lambda: "10.0.0.9")
    assert [entry["url"] for entry in found] == expected


def test_no_address_without_a_node() -> None:
    made = item("Service", "web", spec={"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]})
    results = {"web": Result("web", "ready", changes=[Change(None, made)])}
    assert urls(results, lambda same: same, lambda: "") == []
