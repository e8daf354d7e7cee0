"""Waiting until the cluster really works."""

from __future__ import annotations

import json
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.cluster import Cluster, run
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.network import Block
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.processes import log_tail, processes
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError

QUESTION = b"\0\1\1\0\0\1\0\0\0\0\0\0\12kubernetes\7default\3svc\7cluster\5local\0\0\1\0\1"
"""DNS: the A record of kubernetes.default.svc.cluster.local."""


def wait(cluster: Cluster, lines: dict[str, list[str]], check: Callable[[], str], seconds: float = 120) -> None:
    """Wait until check returns no reason to wait.

    Raises:
        ClusterError: one of the daemons ended, or the time is over; with the reason and the daemon's last words.
    """
    deadline = time.monotonic() + seconds
    while reason := check():
        alive = {process.program for process in processes(cluster)}
        for program in lines:
            if program not in alive:
                log = cluster.state_dir / "log" / f"{program}.log"
                raise ClusterError(f"{program} ended while the cluster started ({log}): {log_tail(cluster, program)}")
        if time.monotonic() > deadline:
            raise ClusterError(f"Cluster {cluster.name} is not ready after {seconds:.0f} s: {reason}.")
        time.sleep(0.1)


def api(cluster: Cluster, block: Block) -> str:
    """Ask the API server whether it is ready."""
    context = ssl.create_default_context(cafile=str(cluster.state_dir / "pki/ca.crt"))
    try:
        with urllib.request.urlopen(f"https://{block.node}:6443/readyz", timeout=5, context=context):
            return ""
    except OSError as error:
        return f"the API server says {error}"


def kubectl(cluster: Cluster, binaries: Path, *arguments: str, stdin: str = "") -> str:
    """Run kubectl as the cluster's own administrator."""
    config = cluster.state_dir / "kubeconfigs/super-admin.conf"
    return run(
        binaries / "kubectl",
        f"--cache-dir={cluster.state_dir}/kubectl",
        "--kubeconfig",
        config,
        *arguments,
        stdin=stdin,
    )


def node(cluster: Cluster, binaries: Path) -> str:
    """Look whether the node and all that runs on it is described as it is now, and the node is Ready.

    After a stop the API still holds yesterday's state: a node's heartbeat must be younger than the kubelet,
    and a pod that counts as Ready must have containers that are younger than containerd.
    """
    wanted = ("containerd", "kubelet")
    started = {found.program: found.started - 1 for found in processes(cluster) if found.program in wanted}
    items = json.loads(kubectl(cluster, binaries, "get", "nodes,pods,storageclasses", "-A", "-o", "json"))["items"]
    nodes = [item for item in items if item["kind"] == "Node" and item["metadata"]["name"] == cluster.name]
    heartbeat = _condition(nodes[0], "Ready") if nodes else {}
    if heartbeat.get("status") != "True" or _time(heartbeat["lastHeartbeatTime"]) < started["kubelet"]:
        return f"the node is not Ready ({heartbeat.get('message', 'the kubelet has not registered')})"
    if not any(item["kind"] == "StorageClass" for item in items):
        return "there is no StorageClass"
    for pod in (item for item in items if item["kind"] == "Pod"):
        starts = [state["running"]["startedAt"] for state in _states(pod) if "running" in state]
        fresh = all(_time(start) >= started["containerd"] for start in starts)
        if _condition(pod, "Ready").get("status") == "True" and not fresh:
            return f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']} has not been started again"
    return ""


def dns(block: Block) -> str:
    """Ask CoreDNS, through its Service, for the API server's address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
        question.settimeout(0.5)
        question.sendto(QUESTION, (str(block.dns), 53))
        try:
            answer = question.recv(512)
        except OSError as error:
            return f"CoreDNS does not answer ({error})"
    return "" if answer.endswith(block.services[1].packed) else "CoreDNS does not know the API server's Service"


def _condition(item: dict[str, Any], kind: str) -> dict[str, Any]:
    conditions = item.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _states(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [container["state"] for container in pod.get("status", {}).get("containerStatuses", [])]


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
