"""What is watched: lists, events, and an applied object that the watch has not seen yet."""

from __future__ import annotations

import json
from queue import SimpleQueue
from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import KINDS
from ansible_collections.homelab.ai_workspace.plugins.module_utils.observer import Event, Observer, SystemClock
from tests.unit.plugins.module_utils.fake_api import Answer, FakeApi, cluster, failure, item

KIND = KINDS["v1", "ConfigMap"]
PATH = KIND.path("ns")


def at(version: int, name: str = "c") -> dict[str, Any]:
    made = item("ConfigMap", name)
    made["metadata"]["resourceVersion"] = str(version)
    return made


@pytest.fixture
def inbox() -> SimpleQueue[Event]:
    return SimpleQueue()


def test_newest(inbox: SimpleQueue[Event]) -> None:
    observer = Observer(cluster(FakeApi()), "ns", inbox)
    assert observer.newest(at(5)) == at(5)
    observer.replace(KIND, [at(4), at(1, "d")])
    assert observer.newest(at(5)) == at(5)
    observer.see("MODIFIED", at(10))
    assert observer.newest(at(5)) == at(10)
    assert len(observer.all("ConfigMap")) == 2
    observer.see("DELETED", at(11))
    assert observer.get(at(0)) is None
    observer.replace(KIND, [])
    assert observer.all("ConfigMap") == []
    assert observer.listed(KIND)
    assert not observer.listed(KINDS["v1", "Secret"])


def lines(*events: dict[str, Any]) -> Answer:
    return Answer(200, "\n".join(map(json.dumps, events)).encode())


def listing(*items: dict[str, Any], version: str) -> Answer:
    return Answer(200, json.dumps({"metadata": {"resourceVersion": version}, "items": items}).encode())


def test_a_watch_goes_on_where_it_ended_and_lists_again_when_it_is_too_old(inbox: SimpleQueue[Event]) -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}}
    expired = {"type": "ERROR", "object": {"code": 410, "message": "too old"}}
    answers = [
        listing(at(1), version="3"),
        lines({"type": "MODIFIED", "object": at(5)}, bookmark),
        failure(500, "broken"),
        lines(expired),
        listing(at(9), version="9"),
        failure(403, "enough"),
    ]
    api = FakeApi(refuse={("GET", PATH): answers})
    observer = Observer(cluster(api), "ns", inbox)
    observer.watch(KIND)
    observer.watch(KIND)
    versions = []
    clock = SystemClock()
    while len(versions) < 3:
        for event in clock.take(inbox, 5):
            event()
            versions.append(observer.newest(at(0))["metadata"]["resourceVersion"])
    assert versions == ["1", "5", "9"]
    assert [query.get("resourceVersion") for _, _, query, _ in api.requests[:5]] == [None, "3", "7", "7", None]


def test_the_clock_returns_all_that_is_there(inbox: SimpleQueue[Event]) -> None:
    clock = SystemClock()
    for _ in range(3):
        inbox.put(lambda: None)
    assert len(clock.take(inbox, 1)) == 3
    assert clock.take(inbox, 0) == []
    assert clock.now() <= clock.now()
