"""The cluster's ground: a network and a mount namespace, a wire to the host, a block of addresses.

The host reaches nodes, Services and pods through one route; its own firewall and forwarding stay as
they are, and the namespace has no default route, so nothing leaves the machine.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.cluster import (
    Cluster,
    inside,
    run,
    write,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.host import FIXED
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError

RANGES = ("10.254.0.0/16", "172.30.0.0/16", "198.18.0.0/15")
"""Where a free block of 4096 addresses is looked for, in this order."""


@dataclass(frozen=True)
class Block:
    """The addresses of one cluster."""

    network: IPv4Network

    @property
    def services(self) -> IPv4Network:
        """ClusterIPs."""
        return next(self.network.subnets(new_prefix=22))

    @property
    def pods(self) -> IPv4Network:
        """Pod addresses."""
        return list(self.network.subnets(new_prefix=22))[1]

    @property
    def host(self) -> IPv4Address:
        """The host's end of the wire, in the last /30."""
        return self.network[-3]

    @property
    def node(self) -> IPv4Address:
        """The node's end of the wire."""
        return self.network[-2]

    @property
    def dns(self) -> IPv4Address:
        """ClusterIP of CoreDNS."""
        return self.services[10]


def block_of(cluster: Cluster) -> Block:
    """Return the block that the cluster has, or claim a free one and remember it.

    Raises:
        ClusterError: every block meets a route of this machine or belongs to another cluster, or the one that
            the cluster has is used by another program now.
    """
    remembered = cluster.state_dir / "network"
    routes = [
        ipaddress.IPv4Network(route["dst"])
        for route in json.loads(run("ip", "-j", "-4", "route", "show", "table", "all"))
        if route["dst"] != "default" and route.get("dev") != cluster.link
    ]
    if remembered.exists():
        network = ipaddress.IPv4Network(remembered.read_text(encoding="utf-8").strip())
        if any(route.subnet_of(network) for route in routes):
            raise ClusterError(
                f"The addresses of cluster {cluster.name}, {network}, are used by another network of this machine;"
                " end that one, or remove the cluster with cluster_state absent and make it anew."
            )
        return Block(network)
    for network in _candidates():
        if not any(network.overlaps(route) for route in routes) and _claim(cluster, network):
            write(remembered, f"{network}\n")
            return Block(network)
    raise ClusterError(f"No free block of addresses in {', '.join(RANGES)}: this machine has routes to all of them.")


def _candidates() -> Iterator[IPv4Network]:
    for text in RANGES:
        yield from ipaddress.IPv4Network(text).subnets(new_prefix=20)


def _claim(cluster: Cluster, network: IPv4Network) -> bool:
    """Claim a block among the clusters of this user, also the stopped ones."""
    claim = cluster.cache_dir / "networks" / str(network.network_address)
    claim.parent.mkdir(parents=True, exist_ok=True)
    if claim.exists():
        owner = Path(claim.read_text(encoding="utf-8"))
        if owner != cluster.state_dir and (owner / "network").exists():
            return False
        claim.unlink()
    try:
        with claim.open("x", encoding="utf-8") as file:
            file.write(str(cluster.state_dir))
    except FileExistsError:
        return False
    return True


def claims(cluster: Cluster) -> list[Path]:
    """Return the files that say that a block is this cluster's."""
    files = (cluster.cache_dir / "networks").glob("*")
    return [claim for claim in files if claim.read_text(encoding="utf-8") == str(cluster.state_dir)]


def up(cluster: Cluster, block: Block) -> None:
    """Make the two namespaces and the wire; nothing of the cluster is there yet.

    The mount namespace has the state folder at cluster.run, and its own /run and folders where
    programs keep state at fixed places, so that nothing of theirs stays on the host.
    """
    cluster.run.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "size=1m,mode=700", cluster.cgroup, cluster.run)
    run("mount", "--make-private", cluster.run)
    for file in cluster.namespaces:
        file.touch()
    net, mnt = cluster.namespaces
    run("unshare", f"--net={net}", f"--mount={mnt}", "--propagation=slave", "true")
    script = f"""set -e
        mkdir -p "$1/run" && cd "$1"
        mount -t tmpfs tmpfs /run
        mkdir -p {cluster.run}
        mount --bind . {cluster.run}
        for folder in {" ".join(map(str, FIXED))}; do
            mkdir -p run$folder && mount --bind run$folder $folder
        done
        mount --make-rshared /
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
        ip link set lo up
        ip link add eth0 type veth peer name {cluster.link} netns 1
        ip address add {block.node}/30 dev eth0
        ip link set eth0 up"""
    run(*inside(cluster, "sh", "-c", script, "sh", cluster.state_dir.resolve()))
    run("ip", "address", "add", f"{block.host}/30", "dev", cluster.link)
    run("ip", "link", "set", cluster.link, "up")
    run("ip", "route", "replace", block.network, "via", block.node, "dev", cluster.link)


def is_up(cluster: Cluster) -> bool:
    """Say whether the wire and both namespaces are there."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    files = all(f" {file} " in mounts for file in cluster.namespaces)
    return files and Path("/sys/class/net", cluster.link).exists()


def down(cluster: Cluster) -> None:
    """Remove wire (address and route with it) and namespaces; no process is in them any more."""
    if Path("/sys/class/net", cluster.link).exists():
        run("ip", "link", "delete", cluster.link)
    for point in (*cluster.namespaces, cluster.run):
        while f" {point} " in Path("/proc/self/mounts").read_text(encoding="utf-8"):
            run("umount", "--lazy", point)
    if cluster.run.exists():
        cluster.run.rmdir()
