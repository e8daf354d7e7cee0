"""The draft of a plan: opened by ``validate``, filled by ``component``, read by ``rollout`` - in one run.

It is a fact, so that it survives from task to task; a fact cache would also bring yesterday's back,
so it is stamped with the run of ansible-playbook that opened it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import PlanError

FACT = "__workspace_plan"

_SETTINGS = (
    "namespace",
    "pod_security",
    "network_policies",
    "monitoring",
    "image_registry",
    "image_pull_secrets",
    "storage_class",
)


def run_of(task: Any) -> str:
    """Return the identity of this run of ansible-playbook: every task's uuid starts with it."""
    return str(task._uuid).rpartition("-")[0]  # noqa: SLF001 - nothing public tells one run from another


def open_draft(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the empty draft of a model."""
    variables = model["variables"]
    return {
        "run": model["run"],
        "settings": {name: variables.get(f"workspace_{name}") for name in _SETTINGS},
        "services": model["services"],
        "only": variables["workspace_only"],
        "endpoints": model["endpoints"],
        "components": {},
    }


def current_draft(task_vars: Mapping[str, Any], run: str) -> dict[str, Any]:
    """Return this run's draft.

    Raises:
        PlanError: there is none, as in a run of a part of the playbook.
    """
    draft = task_vars.get("ansible_facts", {}).get(FACT)
    if not draft or draft["run"] != run:
        raise PlanError(
            "no plan was opened in this run: run the playbook from its start (--start-at-task and --tags make half "
            'a plan). For a part of the workspace use -e \'{"workspace_only": ["meilisearch"]}\''
        )
    return dict(draft)
