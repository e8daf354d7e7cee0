"""Command lines and configurations."""

from __future__ import annotations

import json
import tomllib
from ipaddress import IPv4Network
from pathlib import Path

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded import addons, node
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.network import Block

BLOCK = Block(IPv4Network("10.254.16.0/20"))


def read(cluster, path: str) -> str:
    return (cluster.state_dir / Path(path).relative_to(cluster.run)).read_text(encoding="utf-8")


def test_a_changed_configuration_changes_the_command_line(make_cluster):
    cluster = make_cluster()
    lines = node.commands(cluster, BLOCK, Path("/bin"), "node:1")
    assert lines == node.commands(cluster, BLOCK, Path("/bin"), "node:1")
    other = node.commands(cluster, BLOCK, Path("/bin"), "node:2")
    changed = {program for program in lines if lines[program] != other[program]}
    assert changed == {"containerd", "local-path-provisioner"}


def test_each_daemon_is_known_by_the_clusters_folder(make_cluster):
    cluster = make_cluster()
    for argv in node.commands(cluster, BLOCK, Path("/bin"), "node:1").values():
        assert any(str(cluster.run) in word for word in argv)


def test_containerd_keeps_everything_under_the_clusters_folder(make_cluster):
    cluster = make_cluster()
    flag = node.commands(cluster, BLOCK, Path("/bin"), "node:1")["containerd"][1]
    settings = tomllib.loads(read(cluster, flag.removeprefix("--config=")))
    cri = settings["plugins"]["io.containerd.grpc.v1.cri"]
    paths = (settings["root"], settings["state"], settings["grpc"]["address"], cri["cni"]["conf_dir"])
    assert all(path.startswith(f"{cluster.run}/") for path in paths)
    assert (cri["sandbox_image"], cri["restrict_oom_score_adj"]) == ("node:1", True)


def test_kubelet_of_two_clusters_use_different_control_groups(make_cluster):
    groups = set()
    for name in ("one", "two"):
        cluster = make_cluster(name)
        flags = node.commands(cluster, BLOCK, Path("/bin"), "node:1")["kubelet"]
        config = next(flag.removeprefix("--config=") for flag in flags if flag.startswith("--config="))
        groups.add(json.loads(read(cluster, config))["cgroupRoot"])
    assert len(groups) == 2


def test_names_outside_the_cluster_are_answered_and_never_forwarded():
    assert "forward" not in addons.COREFILE
    assert ".:53 {" in addons.COREFILE


def test_the_only_storage_class_is_the_default_one():
    items = addons.objects(BLOCK, "node:1")["items"]
    classes = [item for item in items if item["kind"] == "StorageClass"]
    assert [item["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] for item in classes] == [
        "true"
    ]
