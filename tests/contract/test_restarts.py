"""Changing a variable restarts exactly the pods that read it.

One run plans a workspace for each variable; its drafts are taken out of the fact cache, rendered, and resolved with
fixed values, as the rollout does.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.secrets import resolve
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.catalogue import catalogue, shapes
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.draft import FACT
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.files import placeholders
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.objects import render as render_plan
from tests.cases.playbooks import render, write_inventory
from tests.unit.plugins.plugin_utils.inventories import reading

BASE: dict[str, Any] = {
    "workspace_domain": "chat.example.com",
    "workspace_providers": {"openai": {"api_key": "sk-first-of-all", "models": ["a"]}},
    "workspace_secrets": {"pgvector_password": "first-password"},
    "librechat_ingress": {"enabled": True},
    "librechat_extra_env": {"A": "first"},
}
TABLE: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": ({}, set()),
    "provider key": (
        {"workspace_providers": {"openai": {"api_key": "sk-second", "models": ["a"]}}},
        {"librechat", "rag-api"},
    ),
    "models": ({"workspace_providers": {"openai": {"api_key": "sk-first-of-all", "models": ["b"]}}}, {"librechat"}),
    "pgvector's password": ({"workspace_secrets": {"pgvector_password": "second-password"}}, {"pgvector", "rag-api"}),
    "documentdb's password": (
        {"workspace_secrets": {**BASE["workspace_secrets"], "documentdb_password": "second-password"}},
        {"documentdb", "ferretdb", "librechat"},
    ),
    "valkey's password": (
        {"workspace_secrets": {**BASE["workspace_secrets"], "librechat_valkey_password": "second-password"}},
        {"valkey", "librechat"},
    ),
    "meilisearch's key": (
        {"workspace_secrets": {**BASE["workspace_secrets"], "meilisearch_master_key": "second-key-of-sixteen"}},
        {"meilisearch", "librechat"},
    ),
    "the key of both tokens": (
        {"workspace_secrets": {**BASE["workspace_secrets"], "librechat_jwt_secret": "second-secret"}},
        {"librechat", "rag-api"},
    ),
    "librechat_config": ({"librechat_config": {"cache": False}}, {"librechat"}),
    "librechat_app_title": ({"librechat_app_title": "Chat"}, {"librechat"}),
    "librechat_extra_env": ({"librechat_extra_env": {"A": "second"}}, {"librechat"}),
    "pgvector_extra_env": ({"pgvector_extra_env": {"A": "x"}}, {"pgvector"}),
    "valkey_max_memory": ({"valkey_max_memory": "512mb"}, {"valkey"}),
    "meilisearch_environment": ({"meilisearch_environment": "development"}, {"meilisearch"}),
    "rag_api_chunk_size": ({"rag_api_chunk_size": 99}, {"rag-api"}),
    "rag_api_embeddings": ({"rag_api_embeddings": {"provider": "openai", "model": "m"}}, {"rag-api"}),
    "librechat_image": ({"librechat_image": "chat:2"}, {"librechat"}),
    "documentdb_ferretdb_resources": ({"documentdb_ferretdb_resources": {}}, {"ferretdb"}),
    "workspace_image_registry": (
        {"workspace_image_registry": "mirror.lan"},
        {"documentdb", "ferretdb", "librechat", "meilisearch", "pgvector", "rag-api", "valkey"},
    ),
    "the ingress's host": ({"workspace_domain": "talk.example.com"}, {"librechat"}),
    "the ingress's class": ({"librechat_ingress": {"enabled": True, "class_name": "nginx"}}, set()),
    "a size": ({"pgvector_storage_size": "99Gi", "librechat_storage": {"type": "local", "size": "99Gi"}}, set()),
    "a number of pods": ({"documentdb_ferretdb_replicas": 2}, set()),
    "network policies": ({"workspace_network_policies": False}, set()),
    "monitoring": ({"workspace_monitoring": True}, set()),
    "the pod security": ({"workspace_pod_security": "baseline"}, set()),
    "librechat_service_type": ({"librechat_service_type": "NodePort"}, set()),
}


def _host(name: str) -> str:
    return "h" + hashlib.sha256(name.encode()).hexdigest()[:8]


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Return for each change the pod templates of all components, with their hashes."""
    folder = tmp_path_factory.mktemp("restarts")
    hosts = {_host(name): {**BASE, **change} for name, (change, _) in TABLE.items()}
    inventory = write_inventory(folder / "inventory.json", hosts)
    cache = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "cache")}
    render(inventory, folder / "out", **cache)
    return {name: _templates(folder / "cache" / _host(name), hosts[_host(name)]) for name in TABLE}


def _templates(cached: Path, variables: dict[str, Any]) -> dict[str, str]:
    (file,) = cached.parent.glob(f"*{cached.name}")  # ansible-core puts a word of its own in front
    facts = json.loads(file.read_text(encoding="utf-8"))
    if "__payload__" in facts:
        facts = json.loads(facts["__payload__"])
    plan = render_plan({**facts[FACT], "complete": True}, shapes(catalogue()))
    values = {**placeholders(plan), **reading(dict(variables)).values}
    return {
        component.name: json.dumps(item["spec"]["template"], sort_keys=True)
        for component in resolve(plan, values).components
        for item in component.objects
        if item["kind"] in ("Deployment", "StatefulSet")
    }


def test_every_component_is_compared(pods: dict[str, dict[str, str]]) -> None:
    assert set(pods["nothing"]) == TABLE["workspace_image_registry"][1]
    assert all(set(templates) == set(pods["nothing"]) for templates in pods.values())


@pytest.mark.parametrize("name", TABLE)
def test_exactly_these_pods_restart(pods: dict[str, dict[str, str]], name: str) -> None:
    before = pods["nothing"]
    assert {component for component, template in pods[name].items() if template != before[component]} == TABLE[name][1]
