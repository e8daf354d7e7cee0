"""The one family of errors: a message for people, details for machines."""

from __future__ import annotations

from typing import Any


class WorkspaceError(Exception):
    """Anything that stops a run for a reason that its user can act on.

    Args:
        message: what is wrong, the variable's name, and the way out, in one or a few lines.
        details: the same for machines (JSON types only); returned beside ``msg`` by the modules.
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class InputError(WorkspaceError):
    """The inventory asks for something that cannot be; nothing was applied."""


class PlanError(WorkspaceError):
    """The plan contradicts itself: an unknown name, a cycle, a missing secret."""


class ClusterError(WorkspaceError):
    """The cluster cannot be reached, refuses, or lacks something; the message says which."""


class ComponentFailed(WorkspaceError):
    """One or more components did not become ready; ``details`` holds the report."""
