"""Tell the module what is on, show its lines, and write JUnit. See the module's documentation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import InputError, WorkspaceError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.junit import junit
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.cluster_module import run_cluster_module
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.draft import run_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.librechat import librechat_config
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
            arguments = {key: value for key, value in self._task.args.items() if key != "junit"}
            arguments["settings"] = settings_of(reading.model)
            variables = reading.model["variables"]
            result |= run_cluster_module(self, "verify", arguments, variables, task_vars)
        except WorkspaceError as error:
            return result | {"failed": True, "msg": str(error), **error.details}
        if (path := self._task.args.get("junit")) and result.get("checks"):
            write_junit(Path(path).expanduser(), result["checks"], task_vars)
        if result.get("failed") and result.get("checks"):
            # Ansible prints all of a failed result; the lines have shown the rest.
            result["checks"] = [check for check in result["checks"] if not check["passed"]]
        return result


def settings_of(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the module knows of the workspace; no secret is among it."""
    variables = model["variables"]
    chats = librechat_config(model)["endpoints"] if "librechat" in model["services"] else {}
    providers = {name: given.get("base_url", "") for name, given in model["providers"].items() if name != "custom"}
    providers |= {entry["name"]: entry["base_url"] for entry in model["providers"].get("custom", [])}
    domains = variables["librechat_registration"].get("allowed_domains") or ["verify.invalid"]
    return {
        "namespace": model["namespace"],
        "version": variables["librechat_version"],
        "endpoints": {
            name: {key: endpoint[key] for key in ("component", "port") if key in endpoint and not endpoint["external"]}
            for name, endpoint in model["endpoints"].items()
        },
        "chats": [
            *(name for name in ("openAI", "anthropic") if name in chats),
            *(entry["name"] for entry in chats.get("custom", [])),
        ],
        "providers": providers,
        "domain": domains[0],
        "network_policies": variables["workspace_network_policies"],
    }


def write_junit(path: Path, checks: list[dict[str, Any]], task_vars: Mapping[str, Any]) -> None:
    """Write the XML on the controller; one file a host where the play has several."""
    host = task_vars["inventory_hostname"]
    if len(task_vars.get("ansible_play_hosts_all") or []) > 1:
        path = path.with_name(f"{path.stem}-{host}{path.suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(junit(host, checks))
