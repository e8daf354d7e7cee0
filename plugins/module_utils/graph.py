"""Which component may start now: the ``needs`` edges as a small state machine, without time or cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

State = Literal["waiting", "running", "done", "failed", "not started"]


class Graph:
    """The components of a plan and how far each is.

    Args:
        needs: for each component the components that must be done before it starts; free of cycles.
    """

    def __init__(self, needs: Mapping[str, Iterable[str]]) -> None:
        self.needs = {name: tuple(before) for name, before in needs.items()}
        self.states: dict[str, State] = dict.fromkeys(self.needs, "waiting")

    def start(self) -> list[str]:
        """Return the components that may start now, and count them as running."""
        ready = [
            name
            for name, state in self.states.items()
            if state == "waiting" and all(self.states[need] == "done" for need in self.needs[name])
        ]
        self.states.update(dict.fromkeys(ready, "running"))
        return ready

    def settle(self, name: str, *, done: bool) -> dict[str, str]:
        """Note the end of a component.

        Returns:
            after a failure, each component that can therefore not start, with the need that stops it.
        """
        self.states[name] = "done" if done else "failed"
        stopped: dict[str, str] = {}
        found = not done
        while found:
            found = False
            for other, state in self.states.items():
                cause = next((n for n in self.needs[other] if self.states[n] in ("failed", "not started")), None)
                if state == "waiting" and cause:
                    self.states[other] = "not started"
                    stopped[other] = cause
                    found = True
        return stopped

    @property
    def finished(self) -> bool:
        """Tell whether nothing runs and nothing more can start."""
        return not any(state in ("waiting", "running") for state in self.states.values())


def inverted(needs: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return for each component those that need it: the order of removal."""
    return {name: [other for other, before in needs.items() if name in before] for name in needs}
