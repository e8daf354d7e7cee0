"""Reading a workspace out of a task's variables: the bridge between Ansible and the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.template import trust_as_template

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.catalogue import catalogue, options
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.model import Reading, TemplateProblem, read_workspace
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.values import plain


def _trusted(value: Any) -> Any:
    """Return a default of our own specs as Ansible's templating accepts it."""
    return trust_as_template(value) if isinstance(value, str) and "{{" in value else value


def read_task(templar: Any, task_vars: Mapping[str, Any], run: str) -> Reading:
    """Read the workspace of the host that a task runs for.

    Args:
        templar: the action's templar.
        task_vars: the task's variables, templates not yet resolved.
        run: identity of the run.
    """
    roles = catalogue()
    defaults = {name: _trusted(spec["default"]) for name, spec in options(roles).items() if "default" in spec}
    available = {**defaults, **task_vars}
    templar.available_variables = available

    def read(name: str) -> Any:
        value = available[name]
        try:
            return plain(templar.template(value))
        except AnsibleError as error:
            raise TemplateProblem(str(error).splitlines()[0]) from None

    return read_workspace(read, task_vars, roles, run)
