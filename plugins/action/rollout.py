"""Render the plan, then start one module that rolls it out. See the module's documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import InputError, WorkspaceError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import Plan
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.catalogue import catalogue, shapes
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.cluster_module import run_cluster_module
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.draft import current_draft, run_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.files import rendered_files, write_files
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.model import Reading
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.objects import render
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.reading import read_task


class _Hidden(str):
    """Text that does not show itself: ANSIBLE_DEBUG prints the arguments of a module."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'(hidden)'"


class ActionModule(ActionBase):
    """Renders in the controller; everything that needs the cluster happens in the module."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result, or the list of files written."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        try:
            draft = current_draft(task_vars, run_of(self._task))
            plan = render({**draft, "complete": _complete(draft)}, shapes(catalogue()))
            if folder := self._task.args.get("render_dir"):
                target = Path(folder).expanduser().absolute() / task_vars["inventory_hostname"]
                return result | write_files(target, rendered_files(plan), dry_run=self._task.check_mode)
            if draft["only"]:
                plan = plan.only([item.name for item in plan.components if item.service in draft["only"]])
            reading = read_task(self._templar, task_vars, draft["run"])
            return result | self._roll_out(plan, reading, task_vars)
        except WorkspaceError as error:
            return result | {"failed": True, "msg": str(error), **error.details}

    def _roll_out(self, plan: Plan, reading: Reading, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Start the module with the plan and the given secrets."""
        variables = reading.model["variables"]
        arguments = {
            **{key: value for key, value in self._task.args.items() if key != "render_dir"},
            "plan": plan.to_data(),
            "secrets": _Hidden(json.dumps(reading.values)),
            "force_conflicts": variables["workspace_force_conflicts"],
        }
        return run_cluster_module(self, "rollout", arguments, variables, task_vars)


def _complete(draft: Mapping[str, Any]) -> bool:
    """Tell whether every service that is on was planned, and the whole is to be rolled out."""
    planned = {spec["service_name"] for spec in draft["components"].values()}
    if unknown := set(draft["only"]) - set(draft["services"]):
        raise InputError(f"workspace_only: {', '.join(sorted(unknown))} is not on")
    return not draft["only"] and planned == set(draft["services"])
