"""The catalogue of the roles, the draft of a plan, and names of images."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import PlanError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import HASH_KEY, Shape
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.catalogue import catalogue, options, shapes
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.draft import FACT, current_draft, open_draft, run_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.images import mirrored
from tests.unit.plugins.plugin_utils.inventories import model


def test_what_a_role_declares(tmp_path: Path) -> None:
    for path, text in {
        "shop/meta/argument_specs.yml": "argument_specs: {main: {options: {shop_size: {type: str}}}}",
        "shop/vars/main.yml": "__shop_service: {port: 80}\n__shop_secrets: {shop_key: {alphabet: hex, length: 32}}",
        "bare/meta/argument_specs.yml": "argument_specs: {main: {short_description: none}}",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    roles = catalogue(tmp_path)
    assert list(roles) == ["bare", "shop"]
    assert options(roles) == {"shop_size": {"type": "str"}}
    assert shapes(roles) == {"shop_key": Shape("hex", 32)}
    assert roles["shop"].service == {"port": 80}
    assert (roles["bare"].options, roles["bare"].service) == ({}, {})


def test_the_hash_s_key_is_generated() -> None:
    assert shapes(catalogue())[HASH_KEY] == Shape("hex", 64)


def test_the_draft_belongs_to_one_run() -> None:
    run = run_of(SimpleNamespace(_uuid="0242ac11-0002-aaaa-bbbb-000000000007"))
    assert run == run_of(SimpleNamespace(_uuid="0242ac11-0002-aaaa-bbbb-000000000099"))
    draft = open_draft({**model("workspace_namespace: home"), "run": run})
    assert draft["settings"]["namespace"] == "home"
    assert draft["settings"]["image_registry"] is None
    assert draft["components"] == {}
    found: dict[str, Any] = {"ansible_facts": {FACT: draft}}
    assert current_draft(found, run) == draft
    for facts, other in ((found, "another"), ({}, run), ({"ansible_facts": {}}, run)):
        with pytest.raises(PlanError, match="run the playbook from its start"):
            current_draft(facts, other)


@pytest.mark.parametrize(
    ("image", "result"),
    [
        ("docker.io/library/mongo:8", "mirror.lan/x/library/mongo:8"),
        ("ghcr.io/a/b:1@sha256:00", "mirror.lan/x/a/b:1@sha256:00"),
        ("registry:5000/a", "mirror.lan/x/a"),
        ("mongo:8", "mirror.lan/x/library/mongo:8"),
        ("valkey/valkey:8", "mirror.lan/x/valkey/valkey:8"),
        ("localhost/ai-workspace/a:1", "localhost/ai-workspace/a:1"),
    ],
)
def test_mirrors(image: str, result: str) -> None:
    assert mirrored(image, "mirror.lan/x/") == result
    assert mirrored(image, None) == mirrored(image, "") == image
