"""What the parts of the embedded cluster share: who it is, where its things are, how commands run."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError

RUN = Path("/run/ai-workspace")
"""Holds one folder a running cluster; memory, so a reboot empties it."""

Report = Callable[[str], None]
"""Takes one line for the user."""


@dataclass(frozen=True)
class Cluster:
    """One embedded cluster.

    Args:
        name: name of the cluster and of its one node.
        state_dir: everything that outlives a stop: etcd, volumes, images, certificates, logs.
        cache_dir: what all clusters of this user share: built programs, claimed address blocks.
        version: Kubernetes version without the leading v.
        go_dir: folder of the go.mod that names the programs.
        docker_dir: folder of the Dockerfiles; None when no image is to be built.
        kubeconfig: where the administrator's kubeconfig goes.
        report: takes each line of progress.
    """

    name: str
    state_dir: Path
    cache_dir: Path
    version: str
    go_dir: Path
    docker_dir: Path | None
    kubeconfig: Path
    report: Report

    @cached_property
    def id(self) -> str:
        """Short identity; it differs between two checkouts, since the folder is part of it."""
        return hashlib.sha256(str(self.state_dir.resolve()).encode()).hexdigest()[:8]

    @property
    def run(self) -> Path:
        """Where the cluster's own mount namespace has the state folder.

        Programs see only this path: it is short enough for sockets and holds no space. On the host
        it holds the two files that keep the namespaces.
        """
        return RUN / self.id

    @property
    def namespaces(self) -> tuple[Path, Path]:
        """The files that keep the network and the mount namespace."""
        return self.run / "net", self.run / "mnt"

    @property
    def link(self) -> str:
        """The host's end of the wire."""
        return f"aiw{self.id}"

    @property
    def cgroup(self) -> str:
        """The control group that holds all pods."""
        return f"aiw-{self.id}"


def inside(cluster: Cluster, *argv: object) -> list[str]:
    """Return the command that runs argv in the cluster's namespaces."""
    net, mnt = cluster.namespaces
    return ["nsenter", f"--net={net}", f"--mount={mnt}", "--", *map(str, argv)]


def run(*argv: object, stdin: str = "", env: dict[str, str] | None = None) -> str:
    """Run a program to its end and return its stdout.

    Raises:
        ClusterError: it is missing or ended with an error; its last words are quoted.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, env=env)
    except FileNotFoundError:
        raise ClusterError(f"{words[0]} is not installed on this machine.") from None
    if done.returncode:
        last = " ".join((done.stderr or done.stdout).split())[-800:]
        raise ClusterError(f"`{' '.join(words)[:200]}` ended with {done.returncode}: {last}")
    return done.stdout


def write(path: Path, text: str, mode: int = 0o600) -> bool:
    """Write a file when its content differs; say whether it did."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode)
    path.write_text(text, encoding="utf-8")
    return True
