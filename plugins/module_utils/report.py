"""What a rollout tells: one line a state change while it runs, data at the end, and a short text on failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.addresses import reached_at
from ansible_collections.homelab.ai_workspace.plugins.module_utils.apply import Change, diff
from ansible_collections.homelab.ai_workspace.plugins.module_utils.diagnosis import Finding

Object = Mapping[str, Any]


@dataclass
class Result:
    """What became of one component."""

    name: str
    state: str = "not started"
    seconds: float = 0.0
    reason: str = ""
    finding: Finding | None = None
    changes: list[Change] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Tell whether any object changed."""
        return any(change.changed for change in self.changes)

    def to_data(self) -> dict[str, Any]:
        """Return the JSON form, without the objects."""
        data: dict[str, Any] = {
            "state": self.state,
            "changed": self.changed,
            "seconds": round(self.seconds, 1),
            "reason": self.reason,
        }
        return {**data, "finding": self.finding.to_data()} if self.finding else data


class Progress:
    """Writes one line a state change to a file, at once.

    Args:
        path: the file; None writes nothing.
        names: of the components, so that the lines stand in columns.
        mask: takes secret values out of a line.
    """

    def __init__(self, path: str | None, names: list[str], mask: Callable[[str], str]) -> None:
        self._file = Path(path).open("a", encoding="utf-8", buffering=1) if path else None  # noqa: SIM115 - lives on
        self._width = max([16, *map(len, names)]) + 2
        self.mask = mask

    def __call__(self, name: str, text: str) -> None:
        """Tell that the state of ``name`` is now ``text``."""
        if self._file:
            line = " ".join(self.mask(text).split())
            self._file.write(f"{name:<{self._width}}{line}\n")
            self._file.flush()


def duration(seconds: float) -> str:
    """Return a duration for people, such as ``3 s``."""
    return f"{seconds:.1f} s" if seconds < 1 else f"{seconds:.0f} s"


def counts(results: Mapping[str, Result]) -> dict[str, int]:
    """Return how many components are in which state, and how many objects there are and changed."""
    states = [result.state for result in results.values()]
    changes = [change for result in results.values() for change in result.changes]
    return {
        **{state.replace(" ", "_"): states.count(state) for state in sorted(set(states))},
        "objects": len(changes),
        "objects_changed": sum(change.changed for change in changes),
    }


def failure_text(results: Mapping[str, Result]) -> str:
    """Return the report of a failed run: each failure with what, why, log and remedy, then what is ready."""
    stopped = {name: result for name, result in results.items() if result.state == "not started"}
    lines: list[str] = []
    for name, result in results.items():
        if result.state != "failed":
            continue
        waiting = [other for other in stopped if _root(other, stopped) == name]
        head = f"{name} failed after {duration(result.seconds)}"
        if waiting:
            verb = "is" if len(waiting) == 1 else "are"
            need = "it needs" if len(waiting) == 1 else "they need"
            head += f"; {', '.join(waiting)} {verb} not started because {need} {name}"
        finding = result.finding or Finding(result.reason)
        lines += [head, *_block("what", [finding.what]), *_block("why", finding.why), *_block("log", finding.log)]
        lines += _block("do", [finding.do] if finding.do else [])
    done = [name for name, result in results.items() if result.state not in ("failed", "not started")]
    return "\n".join([*lines, *_block("ready", [", ".join(done) or "nothing"])])


def _root(name: str, stopped: Mapping[str, Result]) -> str:
    """Return the failed component at the end of the chain of needs; a reason is ``needs NAME``."""
    while name in stopped:
        name = stopped[name].reason.removeprefix("needs ")
    return name


def _block(title: str, lines: list[str]) -> list[str]:
    return [f"  {title if not index else '':<6} {line}" for index, line in enumerate(lines)]


def diffs(results: Mapping[str, Result], dump: Callable[[Any], str]) -> list[dict[str, str]]:
    """Return what changed as Ansible shows it: two YAML texts an object, in a fixed order, values of Secrets hidden."""
    shown = []
    for name in sorted(results):
        for change in sorted(results[name].changes, key=_label):
            before, after = diff(change)
            if change.changed and before != after:
                title = f"{name}: {_label(change)}"
                shown.append(
                    {
                        "before_header": title,
                        "after_header": title,
                        "before": dump(before) if before else "",
                        "after": dump(after) if after else "",
                    }
                )
    return shown


def _label(change: Change) -> str:
    item = change.after or change.before or {}
    return f"{item['kind']} {item['metadata']['name']}"


def urls(
    results: Mapping[str, Result], newest: Callable[[Object], Object], nodes: Callable[[], str]
) -> list[dict[str, str]]:
    """Return where components can be reached from outside: Ingresses, load balancers, node ports.

    Args:
        results: with the objects as applied.
        newest: returns an object as last seen.
        nodes: returns the address of a node, empty when unknown; asked only when a NodePort needs it.
    """
    found = []
    for name, result in results.items():
        for change in result.changes:
            item = newest(change.after) if change.after else {}
            found += [{"component": name, "url": address} for address in reached_at(item, nodes)]
    return found
