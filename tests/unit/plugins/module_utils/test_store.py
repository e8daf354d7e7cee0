"""The store: written once, never overwritten by a run that came too late."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import ApiError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import HASH_KEY, Component, Shape
from ansible_collections.homelab.ai_workspace.plugins.module_utils.store import settle
from tests.unit.plugins.module_utils.fake_api import FakeApi, cluster, failure, item, plan

PATH = "/api/v1/namespaces/ns/secrets"
PLAN = plan(
    Component("db", "db", objects=(item("Secret", "db", stringData={"A": "⟦secret:pw⟧"}),)),
    pw=Shape("alphanumeric", 20),
)


def store(**values: str) -> dict[str, object]:
    return item(
        "Secret", "workspace-secrets", data={key: base64.b64encode(v.encode()).decode() for key, v in values.items()}
    )


def test_generated_once() -> None:
    api = FakeApi()
    values, written = settle(cluster(api), PLAN, {}, None)
    stored = api.objects[f"{PATH}/workspace-secrets"]
    assert written
    assert set(stored["data"]) == {"pw", HASH_KEY}
    assert stored["metadata"]["annotations"] == {"ai-workspace.homelab/holds-data": "true"}
    again, written = settle(cluster(api), PLAN, {}, stored)
    assert (dict(again), written) == (dict(values), False)


def test_what_is_added_leaves_the_rest() -> None:
    api = FakeApi()
    stored = api.add(store(pw="found-value", other="kept-value"))
    values, written = settle(cluster(api), PLAN, {}, stored)
    assert written
    assert values["pw"] == "found-value"
    assert set(api.objects[f"{PATH}/workspace-secrets"]["data"]) == {"pw", "other", HASH_KEY}


@pytest.mark.parametrize("existed", [False, True])
def test_the_later_of_two_runs_takes_the_values_of_the_earlier(existed: bool) -> None:  # noqa: FBT001
    api = FakeApi()
    stored = api.add(store(other="x" * 9)) if existed else None
    api.add(store(pw="the-earlier-one", **{HASH_KEY: "0" * 64}))
    values, written = settle(cluster(api), PLAN, {}, stored)
    assert (values["pw"], written) == ("the-earlier-one", False)


def test_a_given_value_replaces_the_stored_one() -> None:
    api = FakeApi()
    stored = api.add(store(pw="found-value", **{HASH_KEY: "0" * 64}))
    values, written = settle(cluster(api), PLAN, {"pw": "given-value"}, stored)
    assert (values["pw"], written) == ("given-value", True)


def test_check_mode_keeps_nothing() -> None:
    api = FakeApi()
    assert settle(cluster(api, dry_run=True), PLAN, {}, None)[1]
    assert not api.objects


def test_an_endless_conflict_ends() -> None:
    api = FakeApi()
    api.refuse["POST", PATH] = [failure(409, "conflict") for _ in range(20)]
    with pytest.raises(ApiError):
        settle(cluster(api), PLAN, {}, None)


def test_paths_of_the_inventory_are_not_remembered() -> None:
    api = FakeApi()
    text = "⟦secret:openai_api_key⟧ ⟦secret:librechat_extra_env.TOKEN⟧"
    wanted = plan(Component("web", "web", objects=(item("Secret", "web", stringData={"A": text}),)))
    given = {"openai_api_key": "a-key", "librechat_extra_env.TOKEN": "a-token"}
    settle(cluster(api), wanted, given, None)
    assert set(api.objects[f"{PATH}/workspace-secrets"]["data"]) == {"openai_api_key", HASH_KEY}
