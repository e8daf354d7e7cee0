"""What is refused before anything is touched; the life itself is proved by the cluster tests."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded import host, lifecycle
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError

ACTIONS = (lifecycle.present, lifecycle.stopped, lifecycle.absent)


@pytest.fixture(autouse=True)
def root(monkeypatch):
    monkeypatch.setattr(host.os, "geteuid", lambda: 0)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_folder_of_somebody_else_is_never_taken_nor_removed(make_cluster, action):
    cluster = make_cluster()
    letter = cluster.state_dir / "letter.txt"
    letter.write_text("dear")
    with pytest.raises(ClusterError, match=r"cluster_state_dir is .*, which holds other things"):
        action(cluster)
    assert [*cluster.state_dir.iterdir()] == [letter]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("system", "user", "said"), [("Linux", 1000, "needs root"), ("Darwin", 0, "needs Linux; this is Darwin")]
)
def test_a_machine_that_cannot_is_told_the_way_out(make_cluster, monkeypatch, action, system, user, said):
    monkeypatch.setattr(host.platform, "system", lambda: system)
    monkeypatch.setattr(host.os, "geteuid", lambda: user)
    with pytest.raises(ClusterError, match=f"{said}.*cluster_provider"):
        action(make_cluster())


@pytest.mark.parametrize("name", ["Sandbox", "a_b", "", "-a"])
def test_a_name_that_kubernetes_does_not_take_is_refused(make_cluster, name):
    with pytest.raises(ClusterError, match="cluster_name is"):
        lifecycle.present(dataclasses.replace(make_cluster(), name=name))


def test_missing_programs_without_apt_are_listed(make_cluster, monkeypatch):
    monkeypatch.setattr(host.shutil, "which", lambda _program: None)
    with pytest.raises(ClusterError, match=r"Install these first, this machine has no apt-get: containerd, .*runc"):
        host.install(make_cluster())


def test_a_full_disk_is_told(make_cluster, monkeypatch):
    usage = dataclasses.make_dataclass("Usage", ["free"])(1 << 30)
    monkeypatch.setattr(host.shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(ClusterError, match="1 GiB free"):
        host.prepare(make_cluster())
