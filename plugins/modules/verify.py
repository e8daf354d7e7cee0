"""Prove that a workspace works."""

# Copyright: the homelab.ai_workspace authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: verify
short_description: Prove that a workspace works
description:
  - Uses the workspace as a person does. Signs up, logs in, has an answer streamed by each provider of the chat,
    searches, uploads a file and asks about it; and tries what must be refused.
  - Upstream's health checks stay green when a database is gone; this does not.
  - Reaches the pods through the Kubernetes API (port-forward), from any machine that has a kubeconfig. It needs the
    rights to list pods and to create pods/portforward, pods/exec where registration is off, and to delete pods with
    O(restarts=true).
  - Its user C(verify-<random>@verify.invalid) is deleted at the end where LibreChat allows that.
  - The playbook C(verify.yml) calls it; the action of the same name fills in O(settings).
version_added: 0.1.0
author:
  - The homelab.ai_workspace authors (@homelab)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
options:
  settings:
    description:
      - What is on in the workspace. Made by the action.
    type: dict
    required: true
  restarts:
    description:
      - Also deletes each pod once, one after the other, and checks that nothing is lost.
    type: bool
    default: false
  progress_file:
    description:
      - File to which a line is appended for each check.
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
    description: Does nothing.
    support: full
"""

EXAMPLES = r"""
- name: Prove that the workspace works, after each of its pods was deleted too
  homelab.ai_workspace.verify:
    restarts: true
"""

RETURN = r"""
checks:
  description: The checks in their order; on failure those that failed, as the lines have shown the others.
  returned: always
  type: list
  elements: dict
  sample: [{name: search finds the message, passed: true, seconds: 1.2, message: ""}]
proved:
  description: Engines that the checks went through.
  returned: always
  type: list
  elements: str
  sample: ["valkey: docker.io/valkey/valkey:8.1.4"]
not_proved:
  description: What stands in for another engine, and what no check tries.
  returned: always
  type: list
  elements: str
  sample: ["librechat: stand-in (contract only); localhost/ai-workspace/stand-ins/librechat:sandbox"]
left:
  description: What stays in the workspace.
  returned: always
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.homelab.ai_workspace.plugins.module_utils import interruption
from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import AUTH_OPTIONS, connect, texts
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import WorkspaceError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.checks import Settings
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.running import Tell, failures, verify

ARGUMENTS: dict[str, Any] = {
    **AUTH_OPTIONS,
    # A path, which messages name; given as a dict, its texts are masked below.
    "kubeconfig": {"type": "raw"},
    "settings": {"type": "dict", "required": True},
    "restarts": {"type": "bool", "default": False},
    "progress_file": {"type": "path"},
    "controller_pid": {"type": "int"},
}


def teller(path: str | None) -> Tell:
    """Return what appends a line to the file at once."""

    def tell(line: str) -> None:
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(" ".join(line.splitlines()) + "\n")

    return tell


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    if isinstance(params["kubeconfig"], dict):
        module.no_log_values |= texts(params["kubeconfig"])
    if module.check_mode:
        module.exit_json(changed=False, checks=[], proved=[], not_proved=["anything: check mode"], left=[])
    try:
        interruption.heed(params["controller_pid"])
        settings = Settings(**params["settings"])
        result = verify(connect(params), settings, teller(params["progress_file"]), restarts=params["restarts"])
    except WorkspaceError as error:
        module.fail_json(msg=str(error), **error.details)
    except interruption.Interrupted as stop:
        module.fail_json(msg=str(stop))
    if text := failures(result["checks"]):
        count = len(text.splitlines())
        module.fail_json(msg=f"{count} of {len(result['checks'])} checks failed:\n{text}", **result)
    # The user and the restarts leave the workspace as it was meant to be.
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
