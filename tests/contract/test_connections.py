"""What the NetworkPolicies of the case core amount to, by network-config-analyzer: the edges of needs, nothing else."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.cases.playbooks import CASES, PROGRAMS, objects

NEEDS = {
    ("librechat", "ferretdb"): {27017},
    ("librechat", "valkey"): {6379},
    ("librechat", "meilisearch"): {7700},
    ("librechat", "rag-api"): {8000},
    ("rag-api", "pgvector"): {5432},
    ("ferretdb", "documentdb"): {5432},
}
"""Who may reach whom, at which ports: upstream's own wiring (contracts 7)."""

DNS = {53}
"""Open to everywhere, as where it answers differs."""


def stranger(name: str, label: str) -> list[dict[str, Any]]:
    """Return a namespace with one pod in it."""
    spec = {"containers": [{"name": "x", "image": "x"}]}
    labels = {"app.kubernetes.io/name": label}
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": label, "namespace": name, "labels": labels},
            "spec": spec,
        },
    ]


def connections(items: list[dict[str, Any]], folder: Path) -> dict[tuple[str, str], set[int] | str]:
    """Return the allowed connections from pod to pod, with their TCP ports; ``all`` where nothing is closed."""
    kinds = ("Namespace", "Pod", "Deployment", "StatefulSet", "NetworkPolicy")
    path = folder / "objects.yaml"
    path.write_text(yaml.safe_dump_all([item for item in items if item["kind"] in kinds]), encoding="utf-8")
    out = folder / "out.json"
    subprocess.run(
        [PROGRAMS / "nca", "--connectivity", path, "-n", path, "-p", path, "--output_format", "json", "-f", out],
        check=True,
        capture_output=True,
        timeout=60,
    )
    pods = {(item["metadata"]["namespace"], item["metadata"]["name"]) for item in items if item["kind"] in kinds[1:4]}
    found: dict[tuple[str, str], set[int] | str] = {}
    for rule in json.loads(out.read_text(encoding="utf-8"))[0]["explanation"][0]["rules"]:
        if "src_pods" in rule and "dst_pods" in rule:
            for source, target in itertools.product(_pods(rule, "src", pods), _pods(rule, "dst", pods)):
                for connection in rule["connection"]:
                    found[source, target] = "all" if isinstance(connection, str) else set(connection["dst_ports"])
    return found


def _pods(rule: dict[str, Any], end: str, pods: set[tuple[str, str]]) -> set[str]:
    """Return the names of the pods at one end; the analyzer writes ``*``, names, or labels that it found to fit."""
    inside = {name for namespace, name in pods if namespace in rule[f"{end}_ns"]}
    names: set[str] = set()
    for text in rule[f"{end}_pods"]:
        listed = re.search(r"app.kubernetes.io/name in \(([^)]*)\)", text)
        names |= inside if text == "*" else set(listed[1].split(",") if listed else [text])
    assert names <= inside, names
    return names


def test_pods_reach_what_they_need_and_nothing_else(tmp_path: Path) -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in (CASES / "rendered/core/golden").iterdir()}
    items = [*objects(files), *stranger("elsewhere", "stranger"), *stranger("monitoring", "prometheus")]
    strangers = {"stranger", "prometheus"}
    found = connections(items, tmp_path)
    own = {pair: ports for pair, ports in found.items() if not set(pair) & strangers}
    assert own == NEEDS
    across = {pair: ports for pair, ports in found.items() if set(pair) & strangers and not set(pair) <= strangers}
    assert {pair: ports for pair, ports in across.items() if ports != DNS} == {
        ("stranger", "librechat"): {3080},  # an ingress controller has no labels that we could know
        ("prometheus", "librechat"): {3080},
        ("prometheus", "ferretdb"): {8088},
    }
