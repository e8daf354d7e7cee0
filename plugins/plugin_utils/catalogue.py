"""The catalogue: what all roles of the collection declare, read once a run.

Three files of a role speak to it: ``meta/argument_specs.yml`` (the variables), ``defaults/main.yml``
(the same defaults, for Ansible) and ``vars/main.yml`` (what the role tells the model about its service).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import Shape

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

ROLES = Path(__file__).resolve().parents[2] / "roles"


@dataclass(frozen=True)
class Role:
    """What one role declares."""

    name: str
    options: Mapping[str, Any]
    """Its variables, in the form of Ansible's argument specs."""
    service: Mapping[str, Any]
    """``__<role>_service``: endpoint, needs, uses; empty for a role that is no service."""
    shapes: Mapping[str, Shape]
    """``__<role>_secrets``: shapes of the secrets that it generates when nobody gives them."""
    removed: Mapping[str, Any] = field(default_factory=dict)
    """``__<role>_removed``: variables of earlier versions and what replaces them."""


def _load(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader) if path.exists() else {}  # noqa: S506 - a safe loader


@cache
def catalogue(roles: Path = ROLES) -> dict[str, Role]:
    """Return all roles by name.

    Args:
        roles: the collection's ``roles`` folder.
    """
    found = {}
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        name = path.parents[1].name
        private = _load(roles / name / "vars" / "main.yml") or {}
        found[name] = Role(
            name=name,
            options=_load(path)["argument_specs"]["main"].get("options", {}),
            service=private.get(f"__{name}_service", {}),
            shapes={key: Shape(**shape) for key, shape in private.get(f"__{name}_secrets", {}).items()},
            removed=private.get(f"__{name}_removed", {}),
        )
    return found


def options(roles: Mapping[str, Role]) -> dict[str, Any]:
    """Return the specs of all variables of ``roles`` by name."""
    return {name: spec for role in roles.values() for name, spec in role.options.items()}


def shapes(roles: Mapping[str, Role]) -> dict[str, Shape]:
    """Return the shapes of all secrets that ``roles`` generate."""
    return {name: shape for role in roles.values() for name, shape in role.shapes.items()}
