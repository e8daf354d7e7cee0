"""One object: what changed, what may be shown, and sentences for refusals."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.apply import Change, apply, diff, remove
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError
from tests.unit.plugins.module_utils.fake_api import FakeApi, cluster, deployment, failure, item

PATH = "/apis/apps/v1/namespaces/ns/deployments/web"


def refused(api: FakeApi, wanted: dict[str, Any]) -> str:
    with pytest.raises(ClusterError) as caught:
        apply(cluster(api), wanted, "ns", None, force=False)
    return str(caught.value)


def test_created_then_unchanged_then_changed() -> None:
    api = FakeApi()
    first = apply(cluster(api), deployment("web"), "ns", None, force=False)
    assert first.changed
    assert api.requests[-1][2] == {"fieldManager": "homelab.ai_workspace", "force": "false"}
    assert not apply(cluster(api), deployment("web"), "ns", first.after, force=False).changed
    assert apply(cluster(api), deployment("web", "a:2"), "ns", first.after, force=True).changed
    assert api.requests[-1][2]["force"] == "true"


def test_what_controllers_write_is_no_change() -> None:
    before = FakeApi().add(deployment("web"))
    after = copy.deepcopy(before)
    after["metadata"] |= {"resourceVersion": "99", "annotations": {"deployment.kubernetes.io/revision": "2"}}
    after["status"] = {"replicas": 1}
    assert not Change(before, after).changed
    after["spec"]["replicas"] = 2
    assert Change(before, after).changed


def test_check_mode_asks_for_a_dry_run() -> None:
    api = FakeApi()
    assert apply(cluster(api, dry_run=True), deployment("web"), "ns", None, force=False).changed
    assert api.requests[-1][2]["dryRun"] == "All"
    assert not api.objects


def test_a_conflict_names_manager_field_and_variable() -> None:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-edit" using apps/v1',
            "field": ".spec.replicas",
        }
    ]
    api = FakeApi(refuse={("PATCH", PATH): [failure(409, "conflict", causes=causes)]})
    message = refused(api, deployment("web"))
    for word in ("Deployment web", ".spec.replicas", "kubectl-edit", "workspace_force_conflicts"):
        assert word in message


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (422, "spec.selector: field is immutable", "teardown.yml"),
        (422, "updates to statefulset spec for fields other than ... are forbidden", "teardown.yml"),
        (422, "spec.replicas: must be positive", "is not valid"),
        (403, "exceeded quota", "is refused by the cluster: exceeded quota"),
        (400, "bad", "could not be applied: bad (HTTP 400)"),
    ],
)
def test_refusals_are_sentences(status: int, message: str, words: str) -> None:
    api = FakeApi(refuse={("PATCH", PATH): [failure(status, message)]})
    assert words in refused(api, deployment("web"))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(status: int) -> None:
    api = FakeApi(refuse={("PATCH", PATH): [failure(status, "busy"), failure(status, "busy")]})
    assert apply(cluster(api), deployment("web"), "ns", None, force=False).changed
    assert len(api.requests) == 3


def test_a_server_that_stays_busy_is_given_up() -> None:
    api = FakeApi(refuse={("PATCH", PATH): [failure(503, "busy") for _ in range(9)]})
    assert "busy" in refused(api, deployment("web"))
    assert len(api.requests) == 6


def test_removal() -> None:
    api = FakeApi()
    there = api.add(deployment("web"))
    assert remove(cluster(api), there, "ns").changed
    assert api.requests[-1][3] == {"propagationPolicy": "Foreground"}
    assert remove(cluster(api), there, "ns").after is None
    api.refuse["DELETE", PATH] = [failure(403, "no")]
    with pytest.raises(ClusterError, match="could not be removed"):
        remove(cluster(api), there, "ns")


def test_diff_hides_values_and_bookkeeping() -> None:
    before = FakeApi().add(item("Secret", "web", data={"same": "YQ==", "other": "Yg==", "gone": "Yw=="}))
    after = {**before, "data": {"same": "YQ==", "other": "eA==", "new": "eQ=="}, "status": {}}
    shown_before, shown_after = diff(Change(before, after))
    assert shown_before["data"] == {"gone": "(hidden)", "other": "(hidden)", "same": "(hidden)"}
    assert shown_after["data"] == {"new": "(hidden)", "other": "(hidden, changed)", "same": "(hidden)"}
    assert set(shown_after["metadata"]) == {"name", "labels"}
    assert diff(Change(None, before))[0] == {}
    assert diff(Change(before, None))[1] == {}
