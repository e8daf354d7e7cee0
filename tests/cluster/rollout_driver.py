"""Starts the rollout module outside of Ansible, on a real cluster, with small plans of the node's own image."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import ApiError, connect
from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import KINDS

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


class Bench:
    """A namespace of its own on the cluster under test, and the module to fill it.

    Args:
        name: of the test; the namespace is called after it.
        folder: for progress files.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.namespace = "t-rollout-" + re.sub("[^a-z0-9]+", "-", name.lower().removeprefix("test_"))[:40].strip("-")
        self.kubeconfig = os.environ["KUBECONFIG"]
        self.cluster = connect({"kubeconfig": self.kubeconfig})
        self.progress_file = folder / "progress"
        node = self.cluster.request("GET", "/api/v1/nodes")["items"][0]
        names = [name for image in node["status"]["images"] for name in image.get("names", [])]
        self.image = next(name for name in names if "ai-workspace-node" in name)

    def arguments(
        self, *components: dict[str, Any], shapes: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Return the module's arguments for a plan of these components."""
        return {
            "plan": plan(self.namespace, *components, shapes=shapes),
            "kubeconfig": self.kubeconfig,
            "progress_file": str(self.progress_file),
            **more,
        }

    def run(self, *components: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Run the module to its end and return its result."""
        return finish(start(self.arguments(*components, **more)))

    def workload(self, component: str, **more: Any) -> dict[str, Any]:
        """Return a workload of the node's image."""
        return workload(component, **{"image": self.image, **more})

    def items(self, kind: str, version: str = "v1") -> dict[str, dict[str, Any]]:
        """Return all objects of a kind by name."""
        return {item["metadata"]["name"]: item for item in self.cluster.list(KINDS[version, kind], self.namespace, "")}

    def pods(self) -> dict[str, str]:
        """Return the uid of each pod by the name of its component."""
        pods = self.items("Pod").values()
        return {pod["metadata"]["labels"]["app.kubernetes.io/name"]: pod["metadata"]["uid"] for pod in pods}

    def secret(self, name: str) -> dict[str, str]:
        """Return the values of a Secret."""
        data = self.items("Secret")[name]["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def progress(self) -> str:
        """Return the lines that the runs so far have told."""
        return self.progress_file.read_text(encoding="utf-8") if self.progress_file.exists() else ""

    def exists(self) -> bool:
        """Tell whether the namespace is there."""
        return self.cluster.find(KINDS["v1", "Namespace"].path("", self.namespace)) is not None

    def remove(self, *, wait: bool) -> None:
        """Delete the namespace."""
        path = KINDS["v1", "Namespace"].path("", self.namespace)
        with contextlib.suppress(ApiError):
            self.cluster.request("DELETE", path)
        if wait:
            wait_for(lambda: not self.exists())


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something holds, or fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)
