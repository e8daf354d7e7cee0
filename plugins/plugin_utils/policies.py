"""NetworkPolicies out of the same ``needs`` that order the rollout: what is needed is allowed, nothing else."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

_PRIVATE = {
    "0.0.0.0/0": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"],
    "::/0": ["fc00::/7", "fe80::/10"],
}
"""Everywhere, less what is private: no way from a pod to the nodes or a cloud's metadata."""

_DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
"""Where the cluster's DNS answers differs (a Service, a node-local cache), so only the port is named."""

_PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}
INTERNET = "internet"
"""In ``egress``: every public address."""


def network_policy(
    spec: Mapping[str, Any],
    *,
    meta: Mapping[str, Any],
    selector: Mapping[str, str],
    callers: Iterable[Mapping[str, str]],
    servers: Iterable[tuple[Mapping[str, str], Iterable[int]]],
    outside: Iterable[tuple[str, int]],
) -> dict[str, Any]:
    """Return the NetworkPolicy of one component.

    Args:
        spec: the component's spec.
        meta: the object's metadata.
        selector: labels of its pods.
        callers: pod labels of the components that need it.
        servers: pod labels and container ports of the components that it needs.
        outside: host and port of the external endpoints that it needs.
    """
    ports = [{"port": port, "protocol": "TCP"} for port in served(spec)]
    ingress = [{"from": [{"podSelector": {"matchLabels": dict(labels)}} for labels in callers], "ports": ports}]
    if not ingress[0]["from"]:
        ingress = []
    if spec["ingress"].get("enabled") or spec["service"].get("type", "ClusterIP") != "ClusterIP":
        # An ingress controller, a load balancer and a node have no labels that we could know.
        ingress.append({"ports": [{"port": spec["ports"]["http"], "protocol": "TCP"}]})
    if "metrics" in spec:
        ingress.append(
            {
                "from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": _PROMETHEUS}}],
                "ports": [{"port": spec["ports"][spec["metrics"]["port"]], "protocol": "TCP"}],
            }
        )
    egress: list[dict[str, Any]] = [_DNS]
    egress += [
        {
            "to": [{"podSelector": {"matchLabels": dict(labels)}}],
            "ports": [{"port": port, "protocol": "TCP"} for port in needed],
        }
        for labels, needed in servers
    ]
    addresses = {_address(url) for url in spec["egress"] if url != INTERNET} | set(outside)
    egress += [_to(host, port) for host, port in sorted(addresses)]
    if INTERNET in spec["egress"]:
        egress.append({"to": [{"ipBlock": {"cidr": cidr, "except": list(less)}} for cidr, less in _PRIVATE.items()]})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": dict(meta),
        "spec": {
            "podSelector": {"matchLabels": dict(selector)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }


def served(spec: Mapping[str, Any]) -> list[int]:
    """Return the ports that callers may reach: all but one that only serves metrics and profiles."""
    own = spec.get("metrics", {}).get("port")
    return sorted(port for name, port in spec["ports"].items() if name != own or len(spec["ports"]) == 1)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _to(host: str, port: int) -> dict[str, Any]:
    """Return the rule for one address outside the workspace.

    A Service of another namespace is let through by its namespace, as policies count its pods' ports,
    which nobody here knows. A host name is let through by its port, as policies know no names.
    """
    labels = host.split(".")
    if "svc" in labels[2:3]:
        return {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": labels[1]}}}]}
    try:
        address = ipaddress.ip_address(host)
        blocks = [f"{address}/{address.max_prefixlen}"]
    except ValueError:
        blocks = ["0.0.0.0/0", "::/0"]
    return {"to": [{"ipBlock": {"cidr": cidr}} for cidr in blocks], "ports": [{"port": port, "protocol": "TCP"}]}
