"""Secret values leave the variables; references stay."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import REFERENCE, reference, references
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.catalogue import catalogue, options
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.secret_values import forged, redact, secret_name

SPECS = options(catalogue())


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("workspace_secrets.pgvector_password", "pgvector_password"),
        ("workspace_providers.openai.api_key", "openai_api_key"),
        ("workspace_providers.custom.my-box.api_key", "custom_my-box_api_key"),
        ("librechat_storage.s3.secret_key", "s3_secret_key"),
        ("librechat_extra_env.A", "librechat_extra_env.A"),
        ("librechat_extra_env.Ä b", "librechat_extra_env.--b"),
    ],
)
def test_names(path: str, name: str) -> None:
    assert secret_name(path) == name
    assert REFERENCE.fullmatch(reference(name))


def test_every_marked_value_leaves() -> None:
    values: dict[str, str] = {}
    given_providers = {
        "openai": {"api_key": "geheimnis-1", "chat": True},
        "custom": [
            {"name": "My Box", "api_key": "geheimnis-2", "models": ["m"]},
            {"name": "Ü", "api_key": "geheimnis-3", "models": []},
        ],
    }
    redacted = redact(given_providers, SPECS["workspace_providers"], "workspace_providers", values)
    assert "geheimnis" not in json.dumps(redacted)
    assert redacted["openai"] == {"api_key": reference("openai_api_key"), "chat": True}
    assert redacted["custom"][0]["models"] == ["m"]
    assert values == {
        "openai_api_key": "geheimnis-1",
        "custom_my-box_api_key": "geheimnis-2",
        "custom_1_api_key": "geheimnis-3",
    }


def test_all_below_a_marked_dict_leaves_as_text() -> None:
    values: dict[str, str] = {}
    env = {"A": "x", "B": True, "C": 5, "D": None, "E": "", "F": ["y", {"name": "N", "k": 1.5}]}
    redacted = redact(env, {"type": "dict", "no_log": True}, "librechat_extra_env", values)
    assert redacted["D"] is None
    assert redacted["E"] == ""
    assert sorted(values.values()) == ["1.5", "5", "N", "true", "x", "y"]
    assert references(redacted) == set(values)


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True), st.text(min_size=1), max_size=5))
def test_any_name_and_value_of_extra_env(env: dict[str, str]) -> None:
    values: dict[str, str] = {}
    redacted = redact(env, {"type": "dict", "no_log": True}, "x_extra_env", values)
    assert [values[REFERENCE.fullmatch(item)["name"]] for item in redacted.values()] == list(env.values())  # type: ignore[index]


@pytest.mark.parametrize("value", ["⟦secret:a⟧", {"x": ["y ⟦secret:a|urlencode⟧"]}, {"⟦secret:a⟧": 1}])
def test_forged_references(value: Any) -> None:
    assert forged(value)
    assert not forged({"x": ["⟦secret⟧", "⟦secret:⟧", 1]})
