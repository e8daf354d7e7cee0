"""Secret values: completed, resolved, hashed, masked."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import PlanError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import (
    HASH_ANNOTATION,
    HASH_KEY,
    Component,
    Plan,
    Shape,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.secrets import (
    Values,
    complete,
    mask,
    mask_all,
    masker,
    needed,
    read_store,
    resolve,
)
from tests.unit.plugins.module_utils.fake_api import deployment, item, plan

KEY = "0" * 64
PASSWORD = "p@ss/wörd+1"


def secret(**data: str) -> dict[str, Any]:
    return item("Secret", "web", stringData=data)


def web(*objects: dict[str, Any], **pod: Any) -> Plan:
    return plan(Component("web", "web", objects=(*objects, deployment("web", **pod))), pw=Shape("alphanumeric", 12))


def data(resolved: Plan) -> dict[str, str]:
    values: dict[str, str] = resolved.components[0].objects[0]["data"]
    return {name: base64.b64decode(value).decode() for name, value in values.items()}


def stamp(resolved: Plan) -> str | None:
    template = resolved.components[0].objects[-1]["spec"]["template"]
    found: str | None = template["metadata"].get("annotations", {}).get(HASH_ANNOTATION)
    return found


def test_references_become_values_in_secrets_only() -> None:
    planned = web(secret(A="⟦secret:pw⟧", B="x://⟦secret:pw|urlencode⟧@h", C="plain"))
    assert needed(planned) == {"pw", HASH_KEY}
    resolved = resolve(planned, {"pw": PASSWORD, HASH_KEY: KEY})
    assert data(resolved) == {"A": PASSWORD, "B": f"x://{quote(PASSWORD, safe='')}@h", "C": "plain"}
    assert "stringData" not in resolved.components[0].objects[0]


def test_a_value_that_looks_like_a_reference_stays() -> None:
    resolved = resolve(web(secret(A="⟦secret:pw⟧")), {"pw": "⟦secret:pw⟧ \\1", HASH_KEY: KEY})
    assert data(resolved) == {"A": "⟦secret:pw⟧ \\1"}


def test_all_problems_at_once() -> None:
    planned = web(item("ConfigMap", "c", data={"A": "⟦secret:pw⟧"}), secret(A="⟦secret:one⟧"))
    with pytest.raises(PlanError) as caught:
        resolve(planned, {HASH_KEY: KEY, "pw": PASSWORD})
    assert "workspace_secrets.one" in str(caught.value)
    assert "ConfigMap c refers to the secret pw outside" in str(caught.value)


def test_given_before_found_before_generated() -> None:
    planned = web(secret(A="⟦secret:pw⟧"))
    generated = complete(planned, {}, {})
    assert len(generated["pw"]) == 12
    assert len(generated[HASH_KEY]) == 64
    assert complete(planned, {}, {"pw": "found-value"})["pw"] == "found-value"
    assert complete(planned, {"pw": "given-value"}, {"pw": "found-value"})["pw"] == "given-value"


def test_a_wrong_shape_is_refused_without_the_value() -> None:
    planned = plan(Component("web", "web", objects=(secret(A="⟦secret:hex⟧⟦secret:no⟧"),)), hex=Shape("hex", 32))
    with pytest.raises(PlanError) as caught:
        complete(planned, {"hex": "geheimnis"}, {})
    assert str(caught.value).splitlines() == [
        "workspace_secrets.hex does not fit: it must be 32 hex digits",
        "secret no has no value: give it in workspace_secrets.no",
    ]
    assert "geheimnis" not in repr(caught.value)


def test_values_never_show() -> None:
    assert repr(Values({"b": "geheimnis", "a": "x"})) == str(Values({"b": "y", "a": "x"})) == "Values(a=***, b=***)"


READS: list[dict[str, Any]] = [
    {"envFrom": [{"secretRef": {"name": "web"}}]},
    {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "web", "key": "A"}}}]},
]


@pytest.mark.parametrize("reads", READS)
def test_the_hash_changes_with_what_the_pod_reads(reads: dict[str, Any]) -> None:
    hashes = [
        stamp(resolve(web(secret(A="⟦secret:pw⟧"), **reads), {"pw": value, HASH_KEY: key}))
        for value, key in (("value-one", KEY), ("value-two", KEY), ("value-one", "1" * 64), ("value-one", KEY))
    ]
    assert len(set(hashes)) == 3
    assert hashes[0] == hashes[3]


def test_the_hash_ignores_what_the_pod_does_not_read() -> None:
    config = item("ConfigMap", "files", data={"read": "1", "unread": "1"})
    volumes = [{"name": "f", "configMap": {"name": "files", "items": [{"key": "read", "path": "r"}]}}]

    def hashed(**changes: str) -> str | None:
        objects = [{**config, "data": {**config["data"], **changes}}, deployment("web")]
        objects[1]["spec"]["template"]["spec"]["volumes"] = volumes
        return stamp(resolve(plan(Component("web", "web", objects=tuple(objects))), {HASH_KEY: KEY}))

    assert hashed() == hashed(unread="2")
    assert hashed() != hashed(read="2")


def test_projected_volumes_and_init_containers_count() -> None:
    config = item("ConfigMap", "files", data={"a": "1"})
    pods: list[dict[str, Any]] = [
        {"volumes": [{"projected": {"sources": [{"configMap": {"name": "files"}}]}}]},
        {"volumes": [{"secret": {"secretName": "other"}}, {"configMap": {"name": "files"}}]},
        {"initContainers": [{"envFrom": [{"configMapRef": {"name": "files"}}]}]},
    ]
    for pod in pods:
        workload = deployment("web")
        workload["spec"]["template"]["spec"] |= pod
        assert stamp(resolve(plan(Component("web", "web", objects=(config, workload))), {HASH_KEY: KEY}))


def test_no_hash_when_the_pod_reads_nothing() -> None:
    assert stamp(resolve(web(secret(A="⟦secret:pw⟧")), {"pw": PASSWORD, HASH_KEY: KEY})) is None


@settings(deadline=None)
@given(st.text(min_size=8), st.text(), st.text())
def test_mask_finds_every_form(value: str, before: str, after: str) -> None:
    values = {"x": value}
    forms = [value, quote(value, safe=""), json.dumps(value)[1:-1], base64.b64encode(value.encode()).decode()]
    for form in forms:
        masked = mask(f"<{before}{form}{after}>", values)
        assert form not in masked or form in "<***>"
        assert unquote(quote(value, safe="")) == value


@settings(deadline=None)
@given(st.text(min_size=12, alphabet="abcdefghijkl"), st.binary(max_size=5), st.binary(max_size=5))
def test_mask_finds_base64_at_any_offset(value: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + value.encode() + after).decode()
    assert "***" in mask(encoded, {"x": value})


def test_mask_leaves_short_values_and_finds_lines() -> None:
    assert mask("a short text", {"x": "short"}) == "a short text"
    assert mask("-- line two --", {"x": "line one\nline two\n"}) == "-- *** --"
    assert mask("nothing", {}) == "nothing"


def test_mask_all() -> None:
    hide = masker({"x": "geheimnis"})
    assert mask_all({"a": ["geheimnis", 1, None], "b": ("x geheimnis",)}, hide) == {
        "a": ["***", 1, None],
        "b": ["x ***"],
    }


def test_read_store() -> None:
    assert read_store(None) == {}
    assert read_store({"data": {"a": base64.b64encode("ä".encode()).decode()}}) == {"a": "ä"}
