"""What the machine must offer, and what is installed when it does not."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import tempfile
from pathlib import Path

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.cluster import (
    RUN,
    Cluster,
    run,
    write,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError

CNI_DIR = Path("/usr/lib/cni")
PACKAGES = {
    "containerd": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
}
"""Program -> Debian's package."""

SYSCTLS = (
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""What a kubelet sets on the whole machine; put back when the last cluster stops."""

FIXED = (Path("/var/lib/cni"), Path("/var/lib/kubelet"), Path("/var/log/containers"))
"""Where CNI plugins and the kubelet write, whatever they are told; each cluster mounts its own there."""


def require_root() -> None:
    """Refuse a machine that cannot run containers for us; nothing has been touched yet.

    Raises:
        ClusterError: not Linux, or not root.
    """
    way_out = "set cluster_provider to kind, or give workspace_kubeconfig of a cluster that you have"
    if platform.system() != "Linux":
        raise ClusterError(f"The embedded cluster needs Linux; this is {platform.system()}: {way_out}.")
    if os.geteuid() != 0:
        raise ClusterError(f"The embedded cluster needs root: run it as root or with become, {way_out}.")
    # A root shell made by `su` finds no sbin.
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def prepare(cluster: Cluster) -> None:
    """Install what is missing and check what cannot be installed, before anything is made.

    Raises:
        ClusterError: a package manager or a feature of the kernel is missing, or the disk is full.
    """
    for folder in (cluster.state_dir, cluster.cache_dir):
        parent = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(parent).free >> 30
        if free < 3:  # noqa: PLR2004 - GiB
            raise ClusterError(f"{parent} has {free} GiB free; the embedded cluster needs 3 GiB and 5 GiB to build.")
    install(cluster)
    for module, proof in (("overlay", "/proc/filesystems"), ("br_netfilter", "/proc/sys/net/bridge")):
        path = Path(proof)
        if not (module in path.read_text(encoding="utf-8") if path.is_file() else path.exists()):
            run("modprobe", module)
    if not pod_cgroup_roots():
        raise ClusterError("No cgroup with the controllers memory, cpu and pids is mounted on this machine.")


def install(cluster: Cluster) -> None:
    """Install the distribution's packages whose programs are missing."""
    missing = {package for program, package in PACKAGES.items() if not shutil.which(program)}
    if not (CNI_DIR / "bridge").exists():
        missing.add("containernetworking-plugins")
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise ClusterError(f"Install these first, this machine has no apt-get: {', '.join(sorted(missing))}.")
    cluster.report(f"installing {', '.join(sorted(missing))}")
    apt("install", "--no-install-recommends", *sorted(missing))


def apt(*arguments: str) -> None:
    """Run apt-get; with fresh package lists when it fails with those at hand."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ("apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=300")
    try:
        run(*command, *arguments, env=env)
    except ClusterError:
        run(*command, "update", env=env)
        run(*command, *arguments, env=env)


def busybox(cluster: Cluster) -> Path:
    """Return Debian's static busybox; it is unpacked into the cache, not installed."""
    kept = cluster.cache_dir / "busybox"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder, contextlib.chdir(folder):
            apt("download", "busybox-static")
            run("dpkg-deb", "--extract", next(Path().glob("*.deb")), "root")
            next(path for path in Path("root").rglob("bin/busybox") if not path.is_symlink()).rename(kept)
    return kept


def cgroup_roots(*kinds: str) -> list[Path]:
    """Return where control groups of these kinds (cgroup, cgroup2) are mounted."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    return [Path(mount[1]) for mount in mounts if mount[2] in kinds]


def pod_cgroup_roots() -> list[Path]:
    """Return the roots in which a kubelet makes its groups: one in version 2, else one a controller."""
    for root in cgroup_roots("cgroup2"):
        if "memory" in (root / "cgroup.controllers").read_text(encoding="utf-8"):
            return [root]
    roots = cgroup_roots("cgroup")
    return roots if {"memory", "cpu", "pids"} <= {part for root in roots for part in root.name.split(",")} else []


def make_cgroups(cluster: Cluster) -> None:
    """Make the control group under which the kubelet puts its pods."""
    for root in pod_cgroup_roots():
        control = root / "cgroup.subtree_control"
        for controller in ("cpuset", "cpu", "io", "memory", "hugetlb", "pids") if control.exists() else ():
            if controller in (root / "cgroup.controllers").read_text(encoding="utf-8").split():
                control.write_text(f"+{controller}", encoding="utf-8")
        (root / cluster.cgroup).mkdir(exist_ok=True)


def remember() -> None:
    """Write down what the kubelet is going to change, unless another cluster did; make places for mounts."""
    for folder in FIXED:
        folder.mkdir(parents=True, exist_ok=True)
    if not (RUN / "sysctl").exists():
        values = {key: Path("/proc/sys", key).read_text(encoding="utf-8").strip() for key in SYSCTLS}
        write(RUN / "sysctl", "".join(f"{key} {value}\n" for key, value in values.items()))


def restore() -> None:
    """When no cluster is left, put the kernel's settings back and remove what all of them used."""
    if not RUN.exists() or any(path.is_dir() for path in RUN.iterdir()):
        return
    for line in (RUN / "sysctl").read_text(encoding="utf-8").splitlines() if (RUN / "sysctl").exists() else ():
        key, value = line.split(maxsplit=1)
        Path("/proc/sys", key).write_text(value, encoding="utf-8")
    shutil.rmtree(RUN)
    for folder in FIXED:
        with contextlib.suppress(OSError):  # not empty: others use it
            folder.rmdir()
