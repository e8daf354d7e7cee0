"""NetworkPolicies: what the edges say is open, nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plugins.plugin_utils.planning import made, spec

DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}


def pods(name: str) -> dict[str, Any]:
    return {"matchLabels": {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "ai-workspace"}}


def tcp(*ports: int) -> list[dict[str, Any]]:
    return [{"port": port, "protocol": "TCP"} for port in ports]


def policy(*specs: dict[str, Any], **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = made(*specs, network_policies=True, **options)["NetworkPolicy"]["spec"]
    return found


def test_alone_it_reaches_names_only_and_nobody_reaches_it() -> None:
    assert policy(spec("web")) == {
        "podSelector": pods("web"),
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [DNS],
    }


def test_an_edge_opens_both_ends() -> None:
    server, client = spec("db", ports={"http": 80, "admin": 81}), spec("web", needs=["db"])
    assert policy(client, server)["ingress"] == [{"from": [{"podSelector": pods("web")}], "ports": tcp(80, 81)}]
    assert policy(server, client)["egress"] == [DNS, {"to": [{"podSelector": pods("db")}], "ports": tcp(80, 81)}]
    assert policy(server, client)["ingress"] == []


def test_an_endpoint_s_name_is_its_component_s() -> None:
    server, client = spec("ferretdb"), spec("web", needs=["document_store"])
    endpoints = {"document_store": {"external": False, "component": "ferretdb"}}
    assert policy(server, client, endpoints=endpoints)["egress"][1]["to"] == [{"podSelector": pods("ferretdb")}]


def test_a_port_for_metrics_is_prometheus_s_alone() -> None:
    server = spec("db", ports={"http": 80, "debug": 81}, metrics={"port": "debug"})
    found = policy(spec("web", needs=["db"]), server)
    prometheus = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}
    assert found["ingress"] == [
        {"from": [{"podSelector": pods("web")}], "ports": tcp(80)},
        {"from": [prometheus], "ports": tcp(81)},
    ]
    only = spec("db", metrics={"port": "http"})
    assert policy(spec("web", needs=["db"]), only)["ingress"][0]["ports"] == tcp(80)


@pytest.mark.parametrize("fields", [{"ingress": {"enabled": True, "host": "h"}}, {"service": {"type": "NodePort"}}])
def test_what_users_reach_is_open_on_its_port(fields: dict[str, Any]) -> None:
    assert policy(spec("web", ports={"http": 80, "other": 81}, **fields))["ingress"] == [{"ports": tcp(80)}]


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://10.1.2.3:8080/v1", {"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": tcp(8080)}),
        ("https://[fd00::5]/v1", {"to": [{"ipBlock": {"cidr": "fd00::5/128"}}], "ports": tcp(443)}),
        (
            "http://models.lan/v1",
            {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}], "ports": tcp(80)},
        ),
        (
            "http://vllm.models.svc.cluster.local:8000/v1",
            {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "models"}}}]},
        ),
    ],
)
def test_addresses_outside(url: str, rule: dict[str, Any]) -> None:
    assert policy(spec("web", egress=[url, url]))["egress"] == [DNS, rule]


def test_an_external_endpoint_is_reached_and_is_no_component() -> None:
    endpoints = {"pgvector": {"external": True, "addresses": [["10.0.0.5", 5432], ["10.0.0.6", 5433]]}}
    found = policy(spec("web", needs=["pgvector"]), endpoints=endpoints)
    assert found["egress"][1:] == [
        {"to": [{"ipBlock": {"cidr": "10.0.0.5/32"}}], "ports": tcp(5432)},
        {"to": [{"ipBlock": {"cidr": "10.0.0.6/32"}}], "ports": tcp(5433)},
    ]


def test_the_internet_is_not_the_neighbourhood() -> None:
    rule = policy(spec("web", egress=["internet"]))["egress"][1]
    assert "ports" not in rule
    assert {block["ipBlock"]["cidr"]: set(block["ipBlock"]["except"]) for block in rule["to"]} == {
        "0.0.0.0/0": {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"},
        "::/0": {"fc00::/7", "fe80::/10"},
    }


def test_no_policies_when_they_are_off() -> None:
    assert "NetworkPolicy" not in made(spec("web"))
