"""Apply a plan as a graph, in one start."""

# Copyright: the homelab.ai_workspace authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Apply a plan as a graph and wait until it is ready
description:
  - Applies every component of O(plan) the moment everything that it needs is ready, independent ones at the same time,
    and waits for readiness by watching the cluster.
  - Checks everything that can be checked before the first change, and tells all that is wrong in one message.
  - Secrets are taken from O(secrets), else read from the cluster, else generated once.
  - A second run changes nothing and restarts no pod. After an interruption it can be run again.
  - With O(state=absent), removes what carries the labels of the workspace, in reverse order. Volumes, secrets and the
    namespace stay unless O(delete_data=true).
  - Roles do not call this module; the action of the same name makes O(plan) and O(secrets) out of what they planned.
version_added: 0.1.0
author:
  - The homelab.ai_workspace authors (@homelab)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
options:
  plan:
    description:
      - The components with their objects and needs. It holds references to secrets, never values.
      - Made by the action.
    type: dict
    required: true
  secrets:
    description:
      - Values of secrets by name as JSON, as the inventory gives them. Made by the action.
    type: jsonarg
    default: "{}"
  state:
    description:
      - V(present) applies the plan, V(absent) removes the workspace.
    type: str
    choices: [present, absent]
    default: present
  delete_data:
    description:
      - With O(state=absent), removes also volumes, the stored secrets and, when this collection made it, the namespace.
    type: bool
    default: false
  force_conflicts:
    description:
      - Takes over fields that another manager, such as C(kubectl edit), has set.
    type: bool
    default: false
  timeout_factor:
    description:
      - Multiplies the time-out of each component; more for slow machines.
    type: float
    default: 1.0
  progress_file:
    description:
      - File to which a line is appended for each change of state.
    type: path
  controller_pid:
    description:
      - Process of ansible-playbook, where it runs on this machine; when it has gone, the module stops.
    type: int
requirements:
  - python >= 3.11
  - kubernetes >= 31
attributes:
  check_mode:
    description: Asks the server what it would do; changes nothing.
    support: full
  diff_mode:
    description: Returns what changed as YAML, values of Secrets hidden.
    support: full
"""

EXAMPLES = r"""
- name: Roll out what the roles planned
  homelab.ai_workspace.rollout:

- name: Take the workspace down, keep its volumes and secrets
  homelab.ai_workspace.rollout:
    state: absent
"""

RETURN = r"""
components:
  description: What became of each component, by name.
  returned: after the preflight
  type: dict
  sample:
    valkey: {state: ready, changed: true, seconds: 3.1, reason: ""}
    librechat: {state: not started, changed: false, seconds: 0.0, reason: needs rag-api}
counts:
  description: Components in each state, objects, and objects that changed.
  returned: after the preflight
  type: dict
  sample: {ready: 7, objects: 42, objects_changed: 42}
urls:
  description: Where components are reached from outside the cluster (Ingress, load balancer, node port).
  returned: after the preflight
  type: list
  elements: dict
  sample: [{component: librechat, url: "https://chat.example.com"}]
problems:
  description: All that the preflight found.
  returned: when the preflight failed
  type: list
  elements: str
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.homelab.ai_workspace.plugins.module_utils import interruption
from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import AUTH_OPTIONS, connect, texts
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import WorkspaceError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.observer import SystemClock
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import Plan
from ansible_collections.homelab.ai_workspace.plugins.module_utils.removal import take_down
from ansible_collections.homelab.ai_workspace.plugins.module_utils.rolling import Options, roll_out
from ansible_collections.homelab.ai_workspace.plugins.module_utils.secrets import Values
from ansible_collections.homelab.ai_workspace.plugins.module_utils.workers import Workers

ARGUMENTS: dict[str, Any] = {
    **AUTH_OPTIONS,
    # A path, which messages name; given as a dict, its texts are masked below.
    "kubeconfig": {"type": "raw"},
    "plan": {"type": "dict", "required": True},
    # One text: the leaves of a dict would be shown by `invocation`, and short ones would mask half of the output.
    "secrets": {"type": "jsonarg", "default": "{}", "no_log": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "delete_data": {"type": "bool", "default": False},
    "force_conflicts": {"type": "bool", "default": False},
    "timeout_factor": {"type": "float", "default": 1.0},
    "progress_file": {"type": "path"},
    "controller_pid": {"type": "int"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    if isinstance(params["kubeconfig"], dict):
        module.no_log_values |= texts(params["kubeconfig"])
    try:
        interruption.heed(params["controller_pid"])
        plan = Plan.parse(params["plan"])
        cluster = connect(params, dry_run=module.check_mode)
        options = Options(params["force_conflicts"], params["timeout_factor"], params["progress_file"], module._diff)  # noqa: SLF001 - AnsibleModule has no public name for it
        if params["state"] == "absent":
            result = take_down(cluster, plan, options, SystemClock(), Workers(), delete_data=params["delete_data"])
        else:
            given = Values(json.loads(params["secrets"]))
            result = roll_out(cluster, plan, given, options, SystemClock(), Workers())
    except WorkspaceError as error:
        module.fail_json(msg=str(error), **error.details)
    except interruption.Interrupted as stop:
        module.fail_json(msg=str(stop))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
