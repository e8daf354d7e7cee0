"""Helpers of these tests: specs, drafts and plans by a few words."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import HASH_KEY, Component, Plan, Shape
from ansible_collections.homelab.ai_workspace.plugins.module_utils.secrets import resolve
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.objects import render
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.spec import parse

SETTINGS: dict[str, Any] = {
    "namespace": "home",
    "pod_security": "restricted",
    "network_policies": False,
    "monitoring": False,
    "image_registry": None,
    "image_pull_secrets": [],
    "storage_class": None,
}


def spec(role: str = "web", **fields: Any) -> dict[str, Any]:
    """Return a checked spec: one pod with one port, less and more by ``fields``."""
    base = {"name": role, "image": "web:1", "user": 1000, "ports": {"http": 80}, "ready": {"tcp": "http"}}
    return parse({**base, **fields}, role)


def draft(*specs: Mapping[str, Any], endpoints: Mapping[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """Return the draft that holds these specs."""
    return {
        "run": "run",
        "complete": True,
        "settings": {**SETTINGS, **settings},
        "endpoints": endpoints or {},
        "components": {item["name"]: item for item in specs},
    }


def planned(*specs: Mapping[str, Any], shapes: Mapping[str, Shape] | None = None, **options: Any) -> Plan:
    """Return the plan of these specs."""
    return render(draft(*specs, **options), shapes or {})


def made(*specs: Mapping[str, Any], **options: Any) -> dict[str, dict[str, Any]]:
    """Return the objects of the last spec by kind; each kind must stand once."""
    items = list(planned(*specs, **options).components[-1].objects)
    kinds = [item["kind"] for item in items]
    assert len(kinds) == len(set(kinds)), kinds
    return dict(zip(kinds, map(dict, items), strict=True))


def pod(*specs: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Return the pod spec of the last spec's workload."""
    objects = made(*specs, **options)
    workload = objects.get("Deployment") or objects["StatefulSet"]
    found: dict[str, Any] = workload["spec"]["template"]["spec"]
    return found


def container(*specs: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Return the container of the last spec's workload."""
    found: dict[str, Any] = pod(*specs, **options)["containers"][0]
    return found


def resolved_text(text: str, **values: str) -> str:
    """Return a text of a Secret after the rollout put in the values."""
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"X": text}}
    plan = Plan("home", (Component("s", "s", objects=(secret,)),))
    data = resolve(plan, {HASH_KEY: "0" * 64, **values}).components[0].objects[0]["data"]
    return base64.b64decode(data["X"]).decode()
