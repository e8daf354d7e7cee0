"""Run the module of the same name and show its progress."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.progress import live_progress


class ActionModule(ActionBase):
    """Hand everything to the module, and a file for its lines."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        result = super().run(tmp, task_vars)
        with live_progress(Display()) as path:
            arguments = {**self._task.args, "progress_file": path}
            result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        return result
