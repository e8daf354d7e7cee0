"""The documented face of the embedded cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: embedded_cluster
short_description: Run a real single-node Kubernetes on a bare Linux machine
description:
  - Builds Kubernetes, etcd, CoreDNS and local-path-provisioner from Go modules, once a version, and runs
    them with the distribution's containerd in namespaces of their own, all state under one folder.
  - A tool for trying and testing; one node, no high availability. Needs root.
options:
  name:
    description: Name of the cluster and of its node.
    type: str
    required: true
  state:
    description:
      - V(present) brings the cluster up, also from what a killed run or a reboot left.
      - V(stopped) ends every process and keeps the data; V(absent) leaves nothing.
    type: str
    choices: [present, stopped, absent]
    default: present
  kubernetes_version:
    description: Kubernetes version; must be the one in O(go_dir)/go.mod.
    type: str
    required: true
  state_dir:
    description: Folder for everything of this cluster.
    type: path
    required: true
  cache_dir:
    description: Folder for built programs and images, shared by all clusters of the user. By default
      C(ai-workspace) in E(XDG_CACHE_HOME) or in C(~/.cache).
    type: path
  go_dir:
    description: Folder with the go.mod and go.sum of the programs.
    type: path
    required: true
  images_dir:
    description: Folder of Dockerfiles whose images the node gets; none when left out.
    type: path
  kubeconfig:
    description: Where the administrator's kubeconfig goes; by default C(kubeconfig) in O(state_dir).
    type: path
  progress_file:
    description: File that takes a line whenever something starts or ends.
    type: path
author:
  - The homelab.ai_workspace authors
"""

EXAMPLES = r"""
- name: Bring the cluster up
  homelab.ai_workspace.embedded_cluster:
    name: sandbox
    kubernetes_version: 1.34.2
    state_dir: /var/lib/sandbox
    go_dir: roles/cluster/files/go
"""

RETURN = r"""
kubeconfig:
  description: Path of the administrator's kubeconfig.
  type: str
  returned: always
leftovers:
  description: What could not be removed.
  type: list
  elements: str
  returned: on failure of O(state=stopped) and O(state=absent)
"""

import os
import select
import sys
from datetime import UTC, datetime
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded import lifecycle
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.cluster import Cluster, Report
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import WorkspaceError

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "stopped", "absent"], "default": "present"},
    "kubernetes_version": {"type": "str", "required": True},
    "state_dir": {"type": "path", "required": True},
    "cache_dir": {"type": "path"},
    "go_dir": {"type": "path", "required": True},
    "images_dir": {"type": "path"},
    "kubeconfig": {"type": "path"},
    "progress_file": {"type": "path"},
}


def reporter(path: str | None) -> Report:
    """Return what writes a line to the file at once, and ends the module when nobody waits for it any more."""
    waiting = select.poll()
    waiting.register(sys.stdout.fileno(), 0)

    def report(line: str) -> None:
        if waiting.poll(0):  # Ansible was interrupted and has closed its end
            raise SystemExit(1)
        if path and Path(path).parent.is_dir():  # not so on a remote host
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(f"{datetime.now(UTC).astimezone():%H:%M:%S} {line}\n")

    return report


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS)
    given = module.params
    state_dir = Path(given["state_dir"]).resolve()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cluster = Cluster(
        name=given["name"],
        state_dir=state_dir,
        cache_dir=Path(given["cache_dir"] or Path(cache) / "ai-workspace"),
        version=given["kubernetes_version"],
        go_dir=Path(given["go_dir"]),
        docker_dir=Path(given["images_dir"]) if given["images_dir"] else None,
        kubeconfig=Path(given["kubeconfig"] or state_dir / "kubeconfig"),
        report=reporter(given["progress_file"]),
    )
    action = {"present": lifecycle.present, "stopped": lifecycle.stopped, "absent": lifecycle.absent}
    try:
        changed = action[given["state"]](cluster)
    except WorkspaceError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(changed=changed, kubeconfig=str(cluster.kubeconfig))


if __name__ == "__main__":
    main()
