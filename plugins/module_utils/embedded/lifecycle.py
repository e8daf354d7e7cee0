"""The cluster's life: present, stopped, absent; and what would be left of it."""

from __future__ import annotations

import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded import (
    addons,
    host,
    network,
    node,
    processes,
    ready,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.binaries import binaries, go_files
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.cluster import (
    RUN,
    Cluster,
    inside,
    run,
    write,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.images import Image, build_images
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.oci import node_image
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError

FIRST = ("containerd", "etcd", "kube-apiserver")
"""What the others need to start."""


def check(cluster: Cluster) -> None:
    """Refuse what cannot be a cluster of ours, before anything is touched.

    Raises:
        ClusterError: no root, a name that Kubernetes does not take, or a folder that holds other things.
    """
    host.require_root()
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?", cluster.name):
        raise ClusterError(f"cluster_name is {cluster.name!r}; use lower case letters, digits and hyphens only.")
    folder = cluster.state_dir
    if folder.exists() and any(folder.iterdir()) and not (folder / "network").exists():
        raise ClusterError(
            f"cluster_state_dir is {folder}, which holds other things; give a folder that is new or empty."
        )


def present(cluster: Cluster) -> bool:
    """Bring the cluster up, whatever a former run left; say whether anything was started or imported.

    Raises:
        ClusterError: the machine lacks something, a build failed or a part does not become ready.
    """
    check(cluster)
    go_files(cluster)
    host.prepare(cluster)
    busybox = host.busybox(cluster)
    with ThreadPoolExecutor() as pool:
        building = pool.submit(_user_images, cluster)
        programs = binaries(cluster)
        own = node_image(programs, busybox)
        changed = _start(cluster, programs, own)
        return _import(cluster, building.result()) or changed


def _user_images(cluster: Cluster) -> list[Image]:
    return build_images(cluster.docker_dir, cluster.cache_dir, cluster.report) if cluster.docker_dir else []


def _start(cluster: Cluster, programs: Path, own: Image) -> bool:
    """Start what does not run as it should and wait until all works."""
    begun = time.monotonic()
    cluster.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    block = network.block_of(cluster)
    lines = node.commands(cluster, block, programs, own.ref)
    if not network.is_up(cluster) or "containerd" in _wanting(cluster, lines):
        _clear(cluster)
        host.remember()
        host.make_cgroups(cluster)
        network.up(cluster, block)
    node.certificates(cluster, block, programs)
    wanting = _wanting(cluster, lines)
    if wanting:
        cluster.report(f"starting {', '.join(wanting)}")
    processes.end(cluster, lambda process: not process.pod and process.program in wanting, 5)
    for program in (name for name in wanting if name in FIRST):
        processes.start(cluster, program, lines[program])
    ready.wait(cluster, {name: lines[name] for name in FIRST}, lambda: _containerd(cluster))
    imported = _import(cluster, [own])
    ready.wait(cluster, {name: lines[name] for name in FIRST}, lambda: ready.api(cluster, block))
    for program in (name for name in wanting if name not in FIRST):
        processes.start(cluster, program, lines[program])
    objects = json.dumps(addons.objects(block, own.ref))
    if write(cluster.state_dir / "addons.json", objects) or wanting:
        apply = ("apply", "--server-side", "--force-conflicts", "--field-manager=cluster", "-f", "-")
        ready.kubectl(cluster, programs, *apply, stdin=objects)
    ready.wait(cluster, lines, lambda: ready.node(cluster, programs))
    ready.wait(cluster, lines, lambda: ready.dns(block))
    if wanting:
        cluster.report(f"cluster {cluster.name} is ready ({time.monotonic() - begun:.1f} s)")
    return bool(wanting) or imported


def _wanting(cluster: Cluster, lines: dict[str, list[str]]) -> list[str]:
    """Return the daemons that do not run with their present command line."""
    running = [list(process.argv) for process in processes.processes(cluster)]
    return [program for program, argv in lines.items() if argv not in running]


def _ctr(cluster: Cluster, *arguments: str | Path) -> str:
    socket = cluster.run / "run/containerd.sock"
    return run(*inside(cluster, "ctr", "--address", socket, "--namespace", "k8s.io", *arguments))


def _containerd(cluster: Cluster) -> str:
    try:
        _ctr(cluster, "plugins", "ls", "-q")
    except ClusterError as error:
        return str(error)
    return ""


def _import(cluster: Cluster, images: list[Image]) -> bool:
    """Import the images that the node does not have in this version."""
    known = cluster.state_dir / "images.json"
    had = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
    versions = {image: f"{image.archive.name} {image.archive.stat().st_size}" for image in images}
    missing = [image for image in images if had.get(image.ref) != versions[image]]
    for image in missing:
        begun = time.monotonic()
        _ctr(cluster, "images", "import", image.archive)
        had[image.ref] = versions[image]
        write(known, json.dumps(had))
        cluster.report(f"imported {image.ref} ({time.monotonic() - begun:.1f} s)")
    return bool(missing)


def stopped(cluster: Cluster) -> bool:
    """End everything that runs; what is on disk stays. Say whether there was anything."""
    check(cluster)
    was = bool(_running(cluster))
    _clear(cluster)
    _refuse_leftovers(_running(cluster))
    return was


def absent(cluster: Cluster) -> bool:
    """End everything and remove all that the cluster has; say whether there was anything.

    Raises:
        ClusterError: something could not be removed; the message lists it.
    """
    check(cluster)
    was = bool(leftovers(cluster))
    admin = cluster.state_dir / "kubeconfigs/admin.conf"
    if admin.exists() and cluster.kubeconfig.exists() and admin.read_bytes() == cluster.kubeconfig.read_bytes():
        cluster.kubeconfig.unlink()
    _clear(cluster, patience=0)
    _refuse_leftovers(_running(cluster))
    for claim in network.claims(cluster):
        claim.unlink()
    for path in cluster.state_dir.glob("*"):
        if path.name != "network":  # goes last: it says whose folder this is
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(cluster.state_dir, ignore_errors=True)
    with suppress(OSError):
        cluster.state_dir.parent.rmdir()
    _refuse_leftovers(leftovers(cluster))
    return was


def _clear(cluster: Cluster, patience: float = 10) -> None:
    """End all processes, remove the namespaces, control groups and everything of this run.

    Args:
        cluster: the cluster.
        patience: seconds that pods have to close their data.
    """
    if processes.processes(cluster):
        cluster.report(f"stopping cluster {cluster.name}")
    processes.end_all(cluster, patience)
    network.down(cluster)
    processes.remove_cgroups(cluster)
    shutil.rmtree(cluster.state_dir / "run", ignore_errors=True)
    host.restore()


def _refuse_leftovers(left: list[str]) -> None:
    if left:
        raise ClusterError(f"These could not be removed: {'; '.join(left)}.", leftovers=left)


def _running(cluster: Cluster) -> list[str]:
    """List what the cluster has beside files: processes, mounts, wire, address, route, rule, control group."""
    marks = (str(cluster.run), cluster.link, cluster.cgroup)
    found = [f"process {process.pid} {process.argv[0]}" for process in processes.processes(cluster)]
    found += [f"control group {path}" for path in processes.cgroups(cluster)]
    listings = {
        "mount": Path("/proc/self/mounts").read_text(encoding="utf-8"),
        "link": run("ip", "-o", "link"),
        "address": run("ip", "-o", "address"),
        "route": run("ip", "route", "show", "table", "all"),
        "rule": run("iptables-save") if shutil.which("iptables-save") else "",
    }
    for kind, text in listings.items():
        found += [f"{kind} {line.strip()}" for line in text.splitlines() if any(mark in line for mark in marks)]
    return found


def leftovers(cluster: Cluster) -> list[str]:
    """List everything that exists of the cluster; empty when it is absent."""
    paths = [path for path in (cluster.run, cluster.state_dir, *network.claims(cluster)) if path.exists()]
    empty = [RUN] if RUN.exists() and not any(path.is_dir() for path in RUN.iterdir()) else []
    return [*_running(cluster), *(f"path {path}" for path in (*paths, *empty))]
