"""Tell the module where the workspace runs, and show its table. See the module's documentation."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import InputError, WorkspaceError
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.cluster_module import run_cluster_module
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.draft import run_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.reading import read_task


class ActionModule(ActionBase):
    """Reads the model in the controller; the module speaks to the cluster."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        try:
            reading = read_task(self._templar, task_vars, run_of(self._task))
            if reading.problems:
                raise InputError("\n".join(reading.problems))
            arguments = {"namespace": reading.model["namespace"], **self._task.args}
            return result | run_cluster_module(self, "status", arguments, reading.model["variables"], task_vars)
        except WorkspaceError as error:
            return result | {"failed": True, "msg": str(error), **error.details}
