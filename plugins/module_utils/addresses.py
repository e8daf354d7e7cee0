"""Where a workspace is reached from outside its cluster: Ingresses, load balancers, node ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError

Object = Mapping[str, Any]


def reached_at(item: Object, nodes: Callable[[], str]) -> list[str]:
    """Return the URLs that an object opens; none for one that opens nothing.

    Args:
        item: an object as last seen.
        nodes: returns the address of a node, empty when unknown; asked only when a NodePort needs it.
    """
    return _ADDRESSES.get(item.get("kind", ""), _nowhere)(item, nodes)


def node_address(cluster: Cluster) -> str:
    """Return the address of a node, for NodePorts; empty when nodes may not be read."""
    try:
        nodes = cluster.request("GET", "/api/v1/nodes", query={"limit": "1"}, patient=False)["items"]
    except ClusterError:
        return ""
    addresses = {entry["type"]: entry["address"] for node in nodes for entry in node["status"].get("addresses", [])}
    return addresses.get("ExternalIP") or addresses.get("InternalIP") or ""


def _nowhere(_item: Object, _nodes: Callable[[], str]) -> list[str]:
    return []


def _ingress(item: Object, _nodes: Callable[[], str]) -> list[str]:
    secure = {host for entry in item["spec"].get("tls") or [] for host in entry.get("hosts") or []}
    hosts = [rule["host"] for rule in item["spec"].get("rules") or [] if rule.get("host")]
    return [f"{'https' if host in secure else 'http'}://{host}" for host in hosts]


def _service(item: Object, nodes: Callable[[], str]) -> list[str]:
    ports = item["spec"].get("ports") or []
    entries = (item.get("status", {}).get("loadBalancer") or {}).get("ingress") or []
    if entries:
        hosts = [entry.get("hostname") or entry["ip"] for entry in entries]
        return [_url(host, port["port"]) for host in hosts for port in ports]
    node = nodes() if item["spec"].get("type") == "NodePort" else ""
    return [_url(node, port["nodePort"]) for port in ports if node and port.get("nodePort")]


def _url(host: str, port: int) -> str:
    host = f"[{host}]" if ":" in host else host
    return {443: f"https://{host}", 80: f"http://{host}"}.get(port, f"http://{host}:{port}")


_ADDRESSES: dict[str, Callable[[Object, Callable[[], str]], list[str]]] = {"Ingress": _ingress, "Service": _service}
