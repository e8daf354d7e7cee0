"""Secret values: which are needed, how they meet their references, and how they stay out of every text.

Pure functions, used by the rollout (``store.py`` reads and writes the cluster) and by the rendering in the controller.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import PlanError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import (
    HASH_ANNOTATION,
    HASH_KEY,
    REFERENCE,
    Component,
    Plan,
    Shape,
    references,
)

HIDDEN = "***"
_SHORTEST = 8
_KEY_SHAPE = Shape("hex", 64)


class Values(Mapping[str, str]):
    """Secret values by name. Whatever prints it shows the names only."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        """Return a value."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._values)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._values)

    def __repr__(self) -> str:
        """Show names, never values."""
        return f"Values({', '.join(f'{name}={HIDDEN}' for name in sorted(self._values))})"


def needed(plan: Plan) -> set[str]:
    """Return the names of all secrets that the plan refers to, the key of the hashes with them."""
    return {HASH_KEY} | references([component.objects for component in plan.components])


def check_given(plan: Plan, given: Mapping[str, str]) -> list[str]:
    """Return a sentence for each given value whose shape does not fit; values are never quoted."""
    return [
        f"workspace_secrets.{name} does not fit: it must be {shape}"
        for name, shape in sorted(plan.shapes.items())
        if name in given and not shape.fits(given[name])
    ]


def complete(plan: Plan, given: Mapping[str, str], found: Mapping[str, str]) -> Values:
    """Return a value for each secret that the plan needs: given, else found, else generated.

    Raises:
        PlanError: a given value does not fit its shape, or a secret has no value and no shape; all in one message.
    """
    problems = check_given(plan, given)
    values: dict[str, str] = {}
    for name in sorted(needed(plan)):
        shape = plan.shapes.get(name, _KEY_SHAPE if name == HASH_KEY else None)
        value = given.get(name) or found.get(name) or (shape.generate() if shape else None)
        if value is None:
            problems.append(f"secret {name} has no value: give it in workspace_secrets.{name}")
        else:
            values[name] = value
    if problems:
        raise PlanError("\n".join(problems), problems=problems)
    return Values(values)


def read_store(stored: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the values in the store object; none when there is no store yet."""
    data = (stored or {}).get("data") or {}
    return {name: base64.b64decode(text).decode("utf-8", "replace") for name, text in data.items()}


def resolve(plan: Plan, values: Mapping[str, str]) -> Plan:
    """Return the plan with values in its Secrets and a keyed hash of what each pod reads in its template.

    Args:
        plan: holds references inside ``Secret.stringData`` only.
        values: a value for each reference and for ``HASH_KEY``.

    Raises:
        PlanError: a reference stands elsewhere, or a value is missing; all in one message.
    """
    missing = sorted(needed(plan) - set(values))
    problems = [f"secret {name} has no value: give it in workspace_secrets.{name}" for name in missing]
    for component in plan.components:
        for item in component.objects:
            outside = {key: part for key, part in item.items() if (item["kind"], key) != ("Secret", "stringData")}
            if references(outside):
                problems.append(
                    f"component {component.name}: {item['kind']} {item['metadata']['name']} refers to the secret "
                    f"{', '.join(sorted(references(outside)))} outside of a Secret's stringData"
                )
    if problems:
        raise PlanError("\n".join(problems), problems=problems)
    return replace(plan, components=tuple(_resolve_component(item, values) for item in plan.components))


def _resolve_component(component: Component, values: Mapping[str, str]) -> Component:
    objects = [_fill(item, values) for item in component.objects]
    readable = {
        (item["kind"], item["metadata"]["name"]): {**(item.get("data") or {}), **(item.get("binaryData") or {})}
        for item in objects
        if item["kind"] in ("ConfigMap", "Secret")
    }
    return replace(component, objects=tuple(_stamp(item, readable, values[HASH_KEY]) for item in objects))


def _fill(item: Mapping[str, Any], values: Mapping[str, str]) -> Mapping[str, Any]:
    """Return a Secret whose stringData became data, all references replaced; other objects as they are."""
    if item["kind"] != "Secret" or "stringData" not in item:
        return item

    def value(match: re.Match[str]) -> str:
        text = values[match["name"]]
        return quote(text, safe="") if match["encoding"] else text

    filled = {key: encode(REFERENCE.sub(value, text)) for key, text in item["stringData"].items()}
    rest = {key: part for key, part in item.items() if key != "stringData"}
    return {**rest, "data": {**(item.get("data") or {}), **filled}}


def _stamp(
    item: Mapping[str, Any], readable: Mapping[tuple[str, str], Mapping[str, str]], key: str
) -> Mapping[str, Any]:
    """Return the object with the keyed hash of what its pods read as an annotation of its pod template."""
    template = (item.get("spec") or {}).get("template")
    if item["kind"] not in ("Deployment", "StatefulSet", "DaemonSet", "Job") or not template:
        return item
    read = sorted(
        (kind, name, entry, readable[kind, name][entry])
        for kind, name, entries in _sources(template["spec"])
        if (kind, name) in readable
        for entry in (readable[kind, name] if entries is None else entries)
        if entry in readable[kind, name]
    )
    if not read:
        return item
    digest = hmac.new(key.encode(), json.dumps(sorted(set(read))).encode(), hashlib.sha256).hexdigest()
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), HASH_ANNOTATION: digest}
    stamped = {**template, "metadata": {**metadata, "annotations": annotations}}
    return {**item, "spec": {**item["spec"], "template": stamped}}


def _sources(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str] | None]]:
    """Yield kind, name and keys (None: all) of each ConfigMap and Secret that a pod spec reads."""
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        for entry in container.get("env") or []:
            origin = entry.get("valueFrom") or {}
            for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                if field in origin:
                    yield kind, origin[field]["name"], [origin[field]["key"]]
        for entry in container.get("envFrom") or []:
            for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
                if field in entry:
                    yield kind, entry[field]["name"], None
    for volume in spec.get("volumes") or []:
        for source in [volume, *((volume.get("projected") or {}).get("sources") or [])]:
            for field, kind in (("secret", "Secret"), ("configMap", "ConfigMap")):
                if field in source:
                    origin = source[field]
                    items = origin.get("items")
                    name = origin.get("secretName") or origin["name"]
                    yield kind, name, [entry["key"] for entry in items] if items else None


def masker(values: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that replaces each secret value in a text: raw, base64, URL-escaped or JSON-escaped.

    Values below eight characters stay (they would mask half of the text); each line of a longer one counts too.
    """
    forms = {form for value in values.values() for form in _forms(value) if len(form) >= _SHORTEST}
    if not forms:
        return str
    pattern = re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))
    return lambda text: pattern.sub(HIDDEN, text)


def mask(text: str, values: Mapping[str, str]) -> str:
    """Return ``text`` with each secret value in it replaced."""
    return masker(values)(text)


def mask_all(data: Any, hide: Callable[[str], str]) -> Any:
    """Return JSON data with every text in it masked by ``hide``."""
    if isinstance(data, str):
        return hide(data)
    if isinstance(data, Mapping):
        return {key: mask_all(item, hide) for key, item in data.items()}
    if isinstance(data, (list, tuple)):
        return [mask_all(item, hide) for item in data]
    return data


def _forms(value: str) -> Iterable[str]:
    for part in {value, *value.splitlines()}:
        if len(part) >= _SHORTEST:
            yield from (part, quote(part, safe=""), quote_plus(part), quote(part))
            yield from (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
            for shift in range(3):  # base64 of a longer text that holds the value at any offset
                encoded = base64.b64encode(b"\0" * shift + part.encode()).decode().rstrip("=")
                whole = encoded[(0, 2, 3)[shift] :]
                yield whole if (shift + len(part.encode())) % 3 == 0 else whole[:-1]


def encode(text: str) -> str:
    """Return text as it stands in a Secret's data."""
    return base64.b64encode(text.encode()).decode()
