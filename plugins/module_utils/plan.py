"""The plan: what the planning half hands to the rollout half, free of secret values.

It is the only type that both halves know. The planning half (``plugin_utils``) builds it out of
variables; the rollout half (``module_utils``) applies it and never sees a variable.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import PlanError

MANAGER = "homelab.ai_workspace"
"""The field manager of every object that a rollout applies, and its ``app.kubernetes.io/managed-by``."""

PART_OF = "ai-workspace"
"""The label value ``app.kubernetes.io/part-of`` of every object."""

STORE = "workspace-secrets"
"""Name of the Secret that keeps generated and given values; component Secrets are derived from it."""

HASH_ANNOTATION = "ai-workspace.homelab/config-hash"
"""Annotation of a pod template: keyed hash of what the pod reads. The rollout writes it."""

DATA_ANNOTATION = "ai-workspace.homelab/holds-data"
"""Annotation ``"true"`` of objects whose removal loses data (volumes, the secret store)."""

HASH_KEY = "workspace_hash_key"
"""Name of the generated secret that keys the hash."""

REFERENCE = re.compile(r"⟦secret:(?P<name>[A-Za-z0-9_.-]+)(?:\|(?P<encoding>urlencode))?⟧")
"""A secret reference: stands for a value until the rollout; ``|urlencode`` percent-encodes it there."""

_SHORTEST = 8
_ALPHABETS = {"hex": "0123456789abcdef", "alphanumeric": string.ascii_letters + string.digits}


def reference(name: str) -> str:
    """Return the reference to secret ``name``.

    Raises:
        PlanError: the name holds a character that a reference cannot carry.
    """
    token = f"⟦secret:{name}⟧"
    if not REFERENCE.fullmatch(token):
        message = f"secret name {name!r}: letters, digits, '.', '_' and '-' are allowed"
        raise PlanError(message)
    return token


def standing(name: str) -> bool:
    """Tell whether a secret has a name of its own, which the cluster remembers.

    Other names are paths of the inventory, such as ``librechat_extra_env.TOKEN``: what the inventory drops is gone.
    """
    return "." not in name


def references(value: Any) -> set[str]:
    """Return the names of all secrets that ``value`` (any JSON type) refers to."""
    if isinstance(value, str):
        return {match["name"] for match in REFERENCE.finditer(value)}
    if isinstance(value, Mapping):
        return {name for item in (*value.keys(), *value.values()) for name in references(item)}
    if isinstance(value, (list, tuple)):
        return {name for item in value for name in references(item)}
    return set()


@dataclass(frozen=True)
class Shape:
    """How a secret that nobody gave is generated: ``length`` characters of ``alphabet``."""

    alphabet: str
    length: int
    minimum: int = _SHORTEST
    """Fewest characters of a given value; shorter than eight would mask half of the output."""

    def __post_init__(self) -> None:
        """Refuse a shape that cannot be generated, or that would give a guessable value."""
        if self.alphabet not in _ALPHABETS or self.length < _SHORTEST:
            message = f"secret shape {self!r}: alphabet is one of {', '.join(_ALPHABETS)}, length at least {_SHORTEST}"
            raise PlanError(message)

    def generate(self) -> str:
        """Return a new random value of this shape."""
        return "".join(secrets.choice(_ALPHABETS[self.alphabet]) for _ in range(self.length))

    def placeholder(self) -> str:
        """Return the fixed value of this shape that stands in rendered files."""
        return ("0" if self.alphabet == "hex" else "x") * self.length

    def fits(self, value: str) -> bool:
        """Tell whether ``value`` can serve: exactly so many hex digits, or at least ``minimum`` characters."""
        if self.alphabet == "hex":
            return len(value) == self.length and set(value.lower()) <= set(_ALPHABETS["hex"])
        return len(value) >= self.minimum

    def __str__(self) -> str:
        """Say what fits, for messages."""
        return f"{self.length} hex digits" if self.alphabet == "hex" else f"at least {self.minimum} characters"


@dataclass(frozen=True)
class Component:
    """One workload with all its objects, and the components that must be ready before it."""

    name: str
    service: str
    needs: tuple[str, ...] = ()
    objects: tuple[Mapping[str, Any], ...] = ()
    timeout: int = 300
    """Seconds from the start of the component to readiness; after that it has failed."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Component:
        """Build a component from its JSON form."""
        return cls(**{**data, "needs": tuple(data["needs"]), "objects": tuple(data["objects"])})


@dataclass(frozen=True)
class Plan:
    """Everything that one workspace should be: components, their order, and shapes of secrets."""

    namespace: str
    components: tuple[Component, ...]
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    complete: bool = False
    """True when a full site run made it; only then may objects that left it be pruned."""
    run: str = ""

    def __post_init__(self) -> None:
        """Refuse unknown names, doubles and cycles by name.

        Raises:
            PlanError: with the names.
        """
        names = [component.name for component in self.components]
        doubles = sorted({name for name in names if names.count(name) > 1})
        if doubles:
            message = f"components planned twice: {', '.join(doubles)}"
            raise PlanError(message)
        for component in self.components:
            unknown = sorted(set(component.needs) - set(names))
            if unknown:
                message = (
                    f"component {component.name} needs {', '.join(unknown)}, which nobody planned "
                    f"(planned: {', '.join(sorted(names))})"
                )
                raise PlanError(message)
        self.order()

    def order(self) -> list[str]:
        """Return the component names so that each stands after all that it needs.

        Raises:
            PlanError: the needs form a cycle; the message spells it.
        """
        needs = {component.name: component.needs for component in self.components}
        ordered: list[str] = []
        path: list[str] = []

        def visit(name: str) -> None:
            if name in path:
                message = f"needs form a cycle: {' -> '.join([*path[path.index(name) :], name])}"
                raise PlanError(message)
            if name not in ordered:
                path.append(name)
                for need in needs[name]:
                    visit(need)
                path.pop()
                ordered.append(name)

        for name in needs:
            visit(name)
        return ordered

    def only(self, wanted: Iterable[str]) -> Plan:
        """Return the part that holds the components ``wanted`` and all that they need; it is not complete."""
        keep: set[str] = set()
        needs = {component.name: component.needs for component in self.components}
        queue = list(wanted)
        while queue:
            name = queue.pop()
            if name not in keep:
                keep.add(name)
                queue.extend(needs[name])
        components = tuple(component for component in self.components if component.name in keep)
        return Plan(self.namespace, components, self.shapes, complete=False, run=self.run)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Plan:
        """Build a plan from its JSON form, which ``to_data`` made.

        Raises:
            PlanError: the plan contradicts itself.
        """
        return cls(
            namespace=data["namespace"],
            components=tuple(Component.parse(item) for item in data["components"]),
            shapes={name: Shape(**shape) for name, shape in data["shapes"].items()},
            complete=data["complete"],
            run=data["run"],
        )

    def to_data(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)
