"""Checking one value against its argument spec: every problem, in the words of YAML."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

_TRUE = {"true", "yes", "on", "1", "y", "t"}
_FALSE = {"false", "no", "off", "0", "n", "f"}
_NEAR = 0.84
"""Similarity (0 to 1) from which a name counts as a misspelling of another: two slips in a dozen letters."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the name in ``known`` that ``name`` is probably a misspelling of."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=_NEAR)
    return found[0] if found else None


def hint(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean X?`` for the nearest known name, else what is allowed."""
    known = sorted(known)
    near = nearest(name, known) or next(iter(difflib.get_close_matches(name, known, n=1)), None)
    return f" Did you mean {near}?" if near else f" Allowed: {', '.join(known)}."


def plain(value: Any) -> Any:
    """Return ``value`` in Python's own types (ansible-core tags its strings, and dumpers refuse those)."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()  # YAML 1.1 makes one of 2026-11-21; every reader of ours wants the text
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value) if kind is not str else str.__str__(value)
    return value


def kind_of(value: Any) -> str:
    """Return YAML's word for the type of ``value``."""
    words = ((bool, "bool"), (int, "int"), (float, "float"), (str, "str"), (Mapping, "dict"), (list, "list"))
    return next((word for kind, word in words if isinstance(value, kind)), "null")


def _number(value: Any, kind: Callable[[Any], Any]) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError  # noqa: TRY004 - one way to say "does not fit"
    number = kind(value)
    if kind is int and isinstance(value, float) and number != value:
        raise ValueError
    return number


def _bool(value: Any) -> bool:
    word = str(value).lower()
    if isinstance(value, (bool, int, str)) and word in _TRUE | _FALSE:
        return word in _TRUE
    raise ValueError


def _str(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError


def _dict(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise ValueError


def _list(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    raise ValueError


CONVERT: dict[str, Callable[[Any], Any]] = {
    "str": _str,
    "path": _str,
    "int": lambda value: _number(value, int),
    "float": lambda value: _number(value, float),
    "bool": _bool,
    "dict": _dict,
    "list": _list,
    "raw": lambda value: value,
}


def holds_secret(spec: Mapping[str, Any]) -> bool:
    """Tell whether a value of this option, or something in it, can be a secret."""
    return bool(spec.get("no_log")) or any(holds_secret(item) for item in (spec.get("options") or {}).values())


def _shown(value: Any, *, secret: bool) -> str:
    """Return ``value`` as a message may show it: never a secret, never long."""
    if secret:
        return "a hidden value"
    text = re.sub(r"\s+", " ", repr(plain(value)))
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004


def check(value: Any, spec: Mapping[str, Any], path: str, problems: list[str], *, secret: bool = False) -> Any:
    """Return ``value`` converted to what ``spec`` says; add one line to ``problems`` for each thing wrong.

    Args:
        value: what the inventory holds.
        spec: an option in the form of Ansible's argument specs (type, elements, choices, options, required).
        path: name of the variable, with the keys down to the value.
        problems: the list to add to; a line never quotes a value of an option with ``no_log``.
        secret: the value stands below an option with ``no_log``.
    """
    secret = secret or bool(spec.get("no_log"))
    kind = spec.get("type", "str")
    try:
        value = CONVERT[kind](value)
    except (ValueError, TypeError):
        # A key where a dict with the key is wanted is a secret, too.
        shown = _shown(value, secret=secret or holds_secret(spec))
        problems.append(f"{path} is {shown} ({kind_of(value)}); allowed is {kind}")
        return value
    choices = spec.get("choices")
    if choices and value not in choices:
        problems.append(f"{path} is {_shown(value, secret=secret)}; allowed is {', '.join(map(str, choices))}")
    if kind == "dict" and "options" in spec:
        return _check_dict(value, spec["options"], path, problems, secret=secret)
    if kind == "list" and ("elements" in spec or "options" in spec):
        element = {"type": spec.get("elements", "dict"), "options": spec.get("options")}
        element = {key: item for key, item in element.items() if item}
        return [check(item, element, f"{path}[{index}]", problems, secret=secret) for index, item in enumerate(value)]
    return value


def _check_dict(
    value: Mapping[str, Any], known: Mapping[str, Any], path: str, problems: list[str], *, secret: bool
) -> dict[str, Any]:
    checked = {}
    for key, item in value.items():
        if key not in known:
            problems.append(f"{path}.{key} is not known.{hint(str(key), known)}")
        elif item is not None:
            checked[str(key)] = check(item, known[key], f"{path}.{key}", problems, secret=secret)
    for key, spec in known.items():
        if spec.get("required") and value.get(key) is None:
            problems.append(f"{path}.{key} is missing; it is required")
        elif key not in checked and "default" in spec:
            checked[key] = spec["default"]
    return checked
