"""Two clusters never share an address, also when one of them is stopped."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded import network
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError


@pytest.fixture
def routes(monkeypatch):
    table = [{"dst": "default"}, {"dst": "192.168.1.0/24", "dev": "eth0"}]
    monkeypatch.setattr(network, "run", lambda *_argv: json.dumps(table))
    return table


def test_parts_of_a_block_are_in_it_and_do_not_meet():
    block = network.Block(IPv4Network("10.254.16.0/20"))
    assert (str(block.services), str(block.pods)) == ("10.254.16.0/22", "10.254.20.0/22")
    assert (str(block.host), str(block.node), str(block.dns)) == ("10.254.31.253", "10.254.31.254", "10.254.16.10")


def test_a_cluster_keeps_its_block_and_another_gets_the_next(make_cluster, routes):
    one, two = make_cluster("one"), make_cluster("two")
    assert str(network.block_of(one).network) == "10.254.0.0/20"
    assert str(network.block_of(two).network) == "10.254.16.0/20"
    routes.append({"dst": "10.254.0.0/20", "dev": one.link})
    assert str(network.block_of(one).network) == "10.254.0.0/20"


def test_a_block_that_a_removed_cluster_had_is_free_again(make_cluster, routes):  # noqa: ARG001
    one = make_cluster("one")
    network.block_of(one)
    (one.state_dir / "network").unlink()
    assert str(network.block_of(make_cluster("two")).network) == "10.254.0.0/20"
    assert network.claims(one) == []


def test_a_route_of_the_machine_is_avoided(make_cluster, routes):
    routes.append({"dst": "10.0.0.0/8", "dev": "tun0"})
    assert str(network.block_of(make_cluster()).network) == "172.30.0.0/20"


def test_a_block_that_another_network_took_is_told(make_cluster, routes):
    network.block_of(make_cluster())
    routes.append({"dst": "10.254.1.0/24", "dev": "docker0"})
    with pytest.raises(ClusterError, match="used by another network"):
        network.block_of(make_cluster())


def test_no_free_block_is_told(make_cluster, routes):
    routes += [{"dst": text} for text in network.RANGES]
    with pytest.raises(ClusterError, match="No free block"):
        network.block_of(make_cluster())
