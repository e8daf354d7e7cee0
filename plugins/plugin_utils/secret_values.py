"""Taking secret values out of variables: references go into the model, values stay apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import reference, references

_NAMES = (
    (re.compile(r"workspace_secrets\.(.+)"), r"\1"),
    (re.compile(r"workspace_providers\.(.+)\.api_key"), r"\1_api_key"),
    (re.compile(r"librechat_storage\.(.+)"), r"\1"),
)


def secret_name(path: str) -> str:
    """Return the name of the secret that stands at ``path`` of the inventory, in a reference's letters."""
    for pattern, name in _NAMES:
        if pattern.fullmatch(path):
            path = pattern.sub(name, path).replace(".", "_")
            break
    return re.sub(r"[^A-Za-z0-9_.-]", "-", path)


def redact(value: Any, spec: Mapping[str, Any], path: str, values: dict[str, str]) -> Any:
    """Return ``value`` with a reference in place of every value that can be a credential.

    Args:
        value: a checked value of a variable.
        spec: its argument spec; ``no_log: true`` marks what is secret, a dict or a list with all that it holds.
        path: name of the variable with the keys down to the value.
        values: filled with the values by the names of their references.
    """
    if value is None or value == "":
        return value
    if isinstance(value, Mapping):
        below = spec.get("options", {})
        inherited = {"no_log": spec.get("no_log", False)}
        return {key: redact(item, below.get(key, inherited), f"{path}.{key}", values) for key, item in value.items()}
    if isinstance(value, list):
        below = {"options": spec.get("options", {}), "no_log": spec.get("no_log", False)}
        return [redact(item, below, f"{path}.{_label(item, index)}", values) for index, item in enumerate(value)]
    if not spec.get("no_log"):
        return value
    name = secret_name(path)
    values[name] = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return reference(name)


def _label(item: Any, index: int) -> str:
    """Return what names an item of a list: its own name where it has one, so that order does not matter."""
    if isinstance(item, Mapping) and item.get("name"):
        return re.sub(r"[^a-z0-9]+", "-", str(item["name"]).lower()).strip("-") or str(index)
    return str(index)


def forged(value: Any) -> bool:
    """Tell whether a value of the user's looks like a reference; such a one would be replaced."""
    return bool(references(value))
