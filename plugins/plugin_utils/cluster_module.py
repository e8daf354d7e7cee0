"""Start a module where the cluster is reached: interpreter, kubeconfig, pipelining, live lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.progress import live_progress


def run_cluster_module(
    action: ActionBase,
    name: str,
    arguments: Mapping[str, Any],
    variables: Mapping[str, Any],
    task_vars: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the result of one module; the lines of its progress file are shown while it runs.

    Args:
        action: the action that the task runs.
        name: of the module, without the collection.
        arguments: of the module; kubeconfig and context are added where the task did not give them.
        variables: of the model.
        task_vars: of the task.
    """
    local = task_vars.get("ansible_connection") == "local" or action._play_context.connection == "local"  # noqa: SLF001 - part of an action
    arguments = dict(arguments)
    if "workspace_kubeconfig" in variables:
        path = variables["workspace_kubeconfig"]
        arguments.setdefault("kubeconfig", os.path.abspath(os.path.expanduser(path)) if local else path)  # noqa: PTH100, PTH111
    if "workspace_context" in variables:
        arguments.setdefault("context", variables["workspace_context"])
    if local:
        # An inventory host would otherwise get the first Python on PATH, without the kubernetes client.
        task_vars = {"ansible_python_interpreter": sys.executable, **task_vars}
    connection = action._connection  # noqa: SLF001 - part of an action
    if connection.has_pipelining:
        # Without it the arguments, secrets among them, would stand in a file while the module runs.
        connection.set_option("pipelining", True)  # noqa: FBT003 - Ansible's own signature
    several = len(task_vars.get("ansible_play_hosts_all") or []) > 1
    with live_progress(Display(), f"{task_vars['inventory_hostname']}  " if several else "") as path:
        result: dict[str, Any] = action._execute_module(  # noqa: SLF001 - part of an action
            module_name=f"homelab.ai_workspace.{name}",
            module_args={**arguments, **({"progress_file": path, "controller_pid": os.getppid()} if local else {})},
            task_vars=task_vars,
        )
    result.pop("invocation", None)
    return result
