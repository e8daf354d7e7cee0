"""Add one component to the plan. See the module's documentation."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import WorkspaceError
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.draft import FACT, current_draft, run_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.spec import parse


class ActionModule(ActionBase):
    """Runs in the controller's process; touches no cluster."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the draft with the component in it, replacing one of the same name."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        role = self._task._role  # noqa: SLF001 - how an action learns its role
        name = role.get_name().rpartition(".")[2] if role else "workspace"
        try:
            draft = current_draft(task_vars or {}, run_of(self._task))
            spec = parse(self._task.args, name)
        except WorkspaceError as error:
            return result | {"failed": True, "msg": str(error), **error.details}
        draft["components"] = {**draft["components"], spec["name"]: spec}
        return result | {"changed": False, "ansible_facts": {FACT: draft}}
