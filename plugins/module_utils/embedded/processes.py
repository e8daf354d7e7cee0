"""The cluster's processes, found by looking at the machine.

There are no pid files: a process belongs to the cluster when it is in one of its namespaces, in its
control group, or is one of its programs with the cluster's folder among its arguments. So a stale
pid cannot be hit, and what a killed run left is recognised.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.cluster import Cluster, inside
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.host import cgroup_roots

SHIM = "containerd-shim-runc-v2"
DAEMONS = (
    "containerd",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubelet",
    "local-path-provisioner",
)
PAUSE = ("/bin/busybox", "sleep", "2147483647")


@dataclass(frozen=True)
class Process:
    """One process of the cluster."""

    pid: int
    argv: tuple[str, ...]
    pod: bool

    @property
    def program(self) -> str:
        """The program's name without its folder."""
        return Path(self.argv[0]).name

    @property
    def started(self) -> float:
        """Start in seconds since the epoch."""
        ticks = int(Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


def processes(cluster: Cluster) -> list[Process]:
    """Return every living process of the cluster."""
    own = {file.stat().st_ino for file in cluster.namespaces if file.exists()}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            argv = tuple((folder / "cmdline").read_text(encoding="utf-8", errors="replace").split("\0")[:-1])
            if not argv:  # a kernel thread or a zombie
                continue
            pod = f"/{cluster.cgroup}/" in (folder / "cgroup").read_text(encoding="utf-8")
            daemon = Path(argv[0]).name in (*DAEMONS, SHIM) and any(str(cluster.run) in word for word in argv)
            if pod or daemon or own & {(folder / kind).stat().st_ino for kind in ("ns/net", "ns/mnt")}:
                found.append(Process(int(folder.name), argv, pod))
    return found


def start(cluster: Cluster, program: str, argv: list[str]) -> None:
    """Start a daemon in the cluster's network; it outlives us. Its last log is kept as NAME.log.1."""
    log = cluster.state_dir / "log" / f"{program}.log"
    log.parent.mkdir(exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    with log.open("wb") as out:
        subprocess.Popen(
            inside(cluster, *argv),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env={"PATH": os.environ["PATH"], "HOME": str(cluster.run)},
        )


def log_tail(cluster: Cluster, program: str) -> str:
    """Return the last words of a daemon, for an error message."""
    log = cluster.state_dir / "log" / f"{program}.log"
    return " | ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]) if log.exists() else ""


def end(cluster: Cluster, chosen: Callable[[Process], bool], patience: float) -> None:
    """Ask the chosen processes to end, wait, and kill those that did not."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + seconds
        asked: set[int] = set()
        while left := [process for process in processes(cluster) if chosen(process)]:
            for process in left:
                if process.pid not in asked or number == signal.SIGKILL:
                    asked.add(process.pid)
                    with suppress(ProcessLookupError):
                        os.kill(process.pid, number)
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)


def end_all(cluster: Cluster, patience: float) -> None:
    """End everything: first what would restart pods, then pods (databases close), then their ground."""
    ground = ("etcd", "containerd", SHIM)
    end(cluster, lambda process: not process.pod and process.program not in (*ground, "kube-apiserver"), 3)
    end(cluster, lambda process: process.pod and process.argv != PAUSE, patience)
    end(cluster, lambda process: process.program not in ground, 1)
    end(cluster, lambda process: process.program != SHIM, 5)
    end(cluster, lambda _process: True, 0)


def remove_cgroups(cluster: Cluster) -> None:
    """Remove the pods' control groups; they are empty."""
    for group in cgroups(cluster):
        for folder, _folders, _files in os.walk(group, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()


def cgroups(cluster: Cluster) -> list[Path]:
    """Return the cluster's control groups."""
    return [path for root in cgroup_roots("cgroup", "cgroup2") if (path := root / cluster.cgroup).exists()]
