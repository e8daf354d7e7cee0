"""Starts the rollout module outside of Ansible, on a real cluster, with small plans of the node's own image."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PART_OF = {"app.kubernetes.io/managed-by": "homelab.ai_workspace", "app.kubernetes.io/part-of": "ai-workspace"}
SERVE = "mkdir -p /tmp/w; env > /tmp/w/env; exec busybox httpd -f -p 8080 -h /tmp/w"


def start(arguments: dict[str, Any], **environment: str) -> subprocess.Popen[str]:
    """Start the module; its arguments go through stdin, as with pipelining."""
    process = subprocess.Popen(
        [sys.executable, "plugins/modules/rollout.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    process.stdin.close()
    process.stdin = None
    return process


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return the module's result; it must be one JSON object, and nothing on stderr."""
    out, err = process.communicate(timeout=180)
    assert not err, err
    result: dict[str, Any] = json.loads(out)
    result.pop("invocation", None)
    return result


def meta(name: str, component: str) -> dict[str, Any]:
    return {"name": name, "labels": {"app.kubernetes.io/name": component, **PART_OF}}


def namespace(name: str) -> dict[str, Any]:
    item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": PART_OF}}
    return {"name": "namespace", "service": "workspace", "needs": [], "objects": [item], "timeout": 30}


def secret(component: str, **values: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta(component, component), "stringData": values}


def claim(component: str, size: str, **spec: Any) -> dict[str, Any]:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta(f"{component}-data", component),
        "spec": wanted,
    }


def workload(
    component: str, image: str, *, kind: str = "Deployment", script: str = SERVE, **more: Any
) -> dict[str, Any]:
    """Return a workload of one pod that serves its environment by HTTP."""
    container = {
        "name": component,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", script],
        "envFrom": [{"secretRef": {"name": component, "optional": True}}],
        "readinessProbe": {"httpGet": {"path": "/env", "port": 8080}, "periodSeconds": 1},
        **more,
    }
    labels = {"app.kubernetes.io/name": component, "app.kubernetes.io/part-of": "ai-workspace"}
    spec: dict[str, Any] = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": meta(component, component)["labels"]},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
        },
    }
    if kind == "StatefulSet":
        spec |= {"serviceName": component, "podManagementPolicy": "Parallel"}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": meta(component, component), "spec": spec}


def component(name: str, *objects: dict[str, Any], needs: tuple[str, ...] = (), timeout: int = 60) -> dict[str, Any]:
    needs = ("namespace", *needs)
    return {"name": name, "service": name, "needs": list(needs), "objects": list(objects), "timeout": timeout}


def plan(where: str, *components: dict[str, Any], shapes: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "namespace": where,
        "components": [namespace(where), *components],
        "shapes": shapes or {},
        "complete": True,
        "run": "test",
    }
