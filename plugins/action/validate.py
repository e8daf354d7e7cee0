"""Check every variable of a workspace at once, and open its plan. See the module's documentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible import context
from ansible.plugins.action import ActionBase

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.draft import FACT, open_draft, run_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.reading import read_task


class ActionModule(ActionBase):
    """Runs in the controller's process; touches no cluster."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the model, and the opened draft as a fact; or fail with all problems in one message."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        run = run_of(self._task)
        reading = read_task(self._templar, task_vars, run)
        problems = [*_usage(task_vars, run), *_doubles(task_vars), *reading.problems]
        if problems:
            count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            lines = "\n".join(f"  {line}" for line in problems)
            host = task_vars["inventory_hostname"]
            return result | {
                "failed": True,
                "msg": f"{host}: {count} in the inventory; nothing was applied.\n{lines}",
            }
        return result | reading.model | {"changed": False, "ansible_facts": {FACT: open_draft(reading.model)}}


def _usage(task_vars: Mapping[str, Any], run: str) -> Iterator[str]:
    """Yield what is wrong with how the playbook was called."""
    arguments = context.CLIARGS
    # Molecule always skips tags of its own, which no task of ours carries.
    skipped = [tag for tag in arguments.get("skip_tags") or () if "notest" not in tag]
    if set(arguments.get("tags") or ["all"]) != {"all"} or skipped:
        yield (
            "--tags and --skip-tags are not supported, as they make half a plan; for a part of the workspace use "
            '-e \'{"workspace_only": ["meilisearch"]}\''
        )
    if arguments.get("start_at_task"):
        yield "--start-at-task is not supported, as it makes half a plan; run the playbook from its start"
    mine = task_vars.get("workspace")
    if mine is not None and not (isinstance(mine, Mapping) and mine.get("run") == run):
        yield "workspace is a variable of yours; its name is taken by the result of validate, rename yours"


def _doubles(task_vars: Mapping[str, Any]) -> Iterator[str]:
    """Yield other hosts that lead to the same namespace of the same cluster; the first host looks for all."""
    hosts = task_vars.get("ansible_play_hosts_all") or []
    if len(hosts) < 2 or task_vars["inventory_hostname"] != hosts[0]:  # noqa: PLR2004 - one host has no double
        return
    seen: dict[tuple[str, ...], str] = {}
    for host in hosts:
        variables = task_vars["hostvars"][host]
        target = tuple(
            str(variables.get(name, default))
            for name, default in (
                ("ansible_connection", "ssh"),
                ("workspace_kubeconfig", ""),
                ("workspace_context", ""),
                ("workspace_namespace", "ai-workspace"),
            )
        )
        if target[0] != "local":
            target = (*target, str(variables.get("ansible_host", host)))
        if target in seen:
            yield (
                f"{host} and {seen[target]} are the same namespace ({target[3]}) of the same cluster; "
                "give one of them another workspace_namespace, workspace_context or workspace_kubeconfig"
            )
        seen.setdefault(target, host)
