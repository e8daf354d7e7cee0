"""The compact spec of a component: its fields, their types, and what one field means for another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import PlanError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import references
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.values import check, plain

_PROBE = {
    "type": "dict",
    "options": {
        "http": {"type": "dict", "options": {"port": {"required": True}, "path": {"default": "/"}}},
        "tcp": {"type": "str"},
        "exec": {"type": "list", "elements": "str"},
        "period": {"type": "int", "default": 5},
        "timeout": {"type": "int", "default": 5},
        "failures": {"type": "int", "default": 3},
    },
}

FIELDS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": ["Deployment", "StatefulSet"], "default": "Deployment"},
    "image": {"type": "str", "required": True},
    "command": {"type": "list", "elements": "str"},
    "args": {"type": "list", "elements": "str"},
    "user": {"type": "int", "required": True},
    "group": {"type": "int"},
    "replicas": {"type": "int", "default": 1},
    "ports": {"type": "dict", "default": {}},
    "service": {
        "type": "dict",
        "default": {},
        "options": {"type": {"default": "ClusterIP"}, "node_port": {"type": "int"}},
    },
    "env": {"type": "dict", "default": {}},
    "secret_env": {"type": "dict", "default": {}},
    "extra_env": {"type": "dict", "default": {}},
    "files": {"type": "dict", "default": {}},
    "volumes": {"type": "dict", "default": {}},
    "empty_dirs": {"type": "dict", "default": {}},
    "ready": {**_PROBE, "required": True},
    "live": _PROBE,
    "start_seconds": {"type": "int", "default": 120},
    "grace_seconds": {"type": "int", "default": 30},
    "pre_stop": {"type": "list", "elements": "str"},
    "needs": {"type": "list", "elements": "str", "default": []},
    "egress": {"type": "list", "elements": "str", "default": []},
    "resources": {"type": "dict", "default": {}},
    "ingress": {"type": "dict", "default": {}},
    "autoscaling": {"type": "dict", "default": {}},
    "node_selector": {"type": "dict", "default": {}},
    "tolerations": {"type": "list", "elements": "dict", "default": []},
    "overrides": {"type": "list", "elements": "dict", "default": []},
    "metrics": {
        "type": "dict",
        "options": {"port": {"required": True}, "path": {"default": "/metrics"}, "secret_env": {"type": "str"}},
    },
    "timeout": {"type": "int", "default": 300},
}

_VOLUME = {
    "mount": {"type": "str"},
    "mounts": {"type": "dict"},
    "size": {"type": "str", "required": True},
    "storage_class": {"type": "str"},
    "access_modes": {"type": "list", "elements": "str", "default": ["ReadWriteOnce"]},
}
_EMPTY_DIR = {"medium": {"type": "str", "choices": ["Memory"]}, "size_limit": {"type": "str"}}
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,48}[a-z0-9])?")
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse(arguments: Mapping[str, Any], role: str) -> dict[str, Any]:
    """Return a complete, checked spec with every default filled in.

    Args:
        arguments: what the role gives ``component``; null means "not given".
        role: name of the role, for messages and labels.

    Raises:
        PlanError: with one line a problem, each naming role, component and field.
    """
    problems: list[str] = []
    given = {key: value for key, value in plain(arguments).items() if value is not None}
    prefix = f"role {role}, component {given.get('name', '?')}"
    spec = check(given, {"type": "dict", "options": FIELDS}, prefix, problems)
    if not problems:
        spec["service_name"] = role
        spec.setdefault("group", spec["user"])
        _cross_check(spec, prefix, problems)
    if problems:
        raise PlanError("\n".join(problems), problems=problems)
    return dict(spec)


def _cross_check(spec: dict[str, Any], prefix: str, problems: list[str]) -> None:
    """Check what types alone do not tell, and give nested dicts their defaults."""
    if not _NAME.fullmatch(spec["name"]):
        problems.append(f"{prefix}.name: allowed are up to 50 of a-z, 0-9 and '-'")
    if spec["user"] == 0:
        problems.append(f"{prefix}.user is 0; a container never runs as root")
    spec["ports"] = {
        name: check(port, {"type": "int"}, f"{prefix}.ports.{name}", problems) for name, port in spec["ports"].items()
    }
    for name in ("env", "secret_env", "extra_env"):
        spec[name] = dict(_environment(spec[name], f"{prefix}.{name}", problems))
    for name, value in spec["secret_env"].items():
        if not references(value):
            problems.append(f"{prefix}.secret_env.{name} holds no secret reference; use env")
    for name, options in (("volumes", _VOLUME), ("empty_dirs", _EMPTY_DIR)):
        spec[name] = {
            key: check(item or {}, {"type": "dict", "options": options}, f"{prefix}.{name}.{key}", problems)
            for key, item in spec[name].items()
        }
    _check_volumes(spec, prefix, problems)
    for name in ("ready", "live"):
        if name in spec:
            _check_probe(spec[name], spec["ports"], f"{prefix}.{name}", problems)


def _environment(env: Mapping[str, Any], path: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that have a value, as text."""
    for name, value in env.items():
        if not ENV_NAME.fullmatch(name):
            problems.append(f"{path}.{name}: allowed are letters, digits and '_' in a variable's name")
        if value is not None:
            yield name, check(value, {"type": "str"}, f"{path}.{name}", problems)


def _check_volumes(spec: Mapping[str, Any], prefix: str, problems: list[str]) -> None:
    volumes = {name: volume for name, volume in spec["volumes"].items() if isinstance(volume, Mapping)}
    for name, volume in volumes.items():
        if ("mount" in volume) == ("mounts" in volume):
            problems.append(f"{prefix}.volumes.{name}: give either mount (a path) or mounts (path: sub_path)")
    single = [name for name, volume in volumes.items() if one_writer(volume)]
    if single and (spec["replicas"] > 1 or spec["autoscaling"].get("enabled")):
        problems.append(f"{prefix}: volume {single[0]} has one writer, so replicas is 1 and autoscaling is off")


def _check_probe(probe: Mapping[str, Any], ports: Mapping[str, int], path: str, problems: list[str]) -> None:
    if sum(handler in probe for handler in ("http", "tcp", "exec")) != 1:
        problems.append(f"{path}: give one of http, tcp, exec")
    port = probe.get("http", {}).get("port", probe.get("tcp"))
    if port is not None and port not in ports:
        problems.append(f"{path} names the port {port!r}; known are {', '.join(ports)}")


def one_writer(volume: Mapping[str, Any]) -> bool:
    """Tell whether a volume must never be mounted by two pods (contracts 0.2)."""
    return "ReadWriteMany" not in volume.get("access_modes", [])
