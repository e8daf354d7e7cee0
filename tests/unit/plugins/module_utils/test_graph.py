"""The state machine of the graph."""

from __future__ import annotations

from ansible_collections.homelab.ai_workspace.plugins.module_utils.graph import Graph, inverted

NEEDS = {"web": ["db", "cache"], "db": [], "cache": [], "top": ["web"], "lone": []}


def test_a_component_starts_when_all_that_it_needs_is_done() -> None:
    graph = Graph(NEEDS)
    assert graph.start() == ["db", "cache", "lone"]
    graph.settle("db", done=True)
    assert graph.start() == []
    graph.settle("cache", done=True)
    assert graph.start() == ["web"]


def test_a_failure_stops_what_needs_it_and_nothing_else() -> None:
    graph = Graph(NEEDS)
    graph.start()
    assert graph.settle("db", done=False) == {"web": "db", "top": "web"}
    assert not graph.finished
    graph.settle("cache", done=True)
    graph.settle("lone", done=True)
    assert graph.start() == []
    assert graph.finished


def test_inverted() -> None:
    assert inverted(NEEDS) == {"web": ["top"], "db": ["web"], "cache": ["web"], "top": [], "lone": []}
