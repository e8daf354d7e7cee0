"""Tell what of a workspace runs."""

# Copyright: the homelab.ai_workspace authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Tell what of a workspace runs
description:
  - Reads the components of a workspace from the cluster; changes nothing.
  - It tells what Kubernetes knows. Whether the workspace works is what M(homelab.ai_workspace.verify) finds out.
version_added: 0.1.0
author:
  - The homelab.ai_workspace authors (@homelab)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
options:
  namespace:
    description:
      - Where the workspace runs. Filled in by the action.
    type: str
    required: true
  progress_file:
    description:
      - File that takes the table.
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
    description: Changes nothing in any case.
    support: full
"""

EXAMPLES = r"""
- name: Show what runs
  homelab.ai_workspace.status:
"""

RETURN = r"""
components:
  description: A row a component; none when nothing runs.
  returned: always
  type: list
  elements: dict
  sample:
    - component: valkey
      ready: 1/1
      restarts: "0"
      age: 3 h
      volumes: valkey-data-valkey-0 1Gi
      image: docker.io/valkey/valkey:8.1.4
urls:
  description: Where the workspace is reached from outside the cluster.
  returned: always
  type: list
  elements: str
  sample: ["https://chat.example.com"]
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.homelab.ai_workspace.plugins.module_utils import interruption
from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import AUTH_OPTIONS, connect, texts
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import WorkspaceError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.status import status, table, urls

ARGUMENTS: dict[str, Any] = {
    **AUTH_OPTIONS,
    # A path, which messages name; given as a dict, its texts are masked below.
    "kubeconfig": {"type": "raw"},
    "namespace": {"type": "str", "required": True},
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
        cluster, namespace = connect(params), params["namespace"]
        rows, found = status(cluster, namespace, datetime.now(UTC)), urls(cluster, namespace)
    except WorkspaceError as error:
        module.fail_json(msg=str(error), **error.details)
    except interruption.Interrupted as stop:
        module.fail_json(msg=str(stop))
    lines = table(rows) if rows else [f"nothing runs in the namespace {namespace}"]
    if rows:
        lines += ["", *(found or [f"reached by: kubectl -n {namespace} port-forward service/librechat 3080"])]
    if params["progress_file"]:
        Path(params["progress_file"]).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    module.exit_json(changed=False, components=rows, urls=found)


if __name__ == "__main__":
    main()
