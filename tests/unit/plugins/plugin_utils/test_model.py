"""The model: which services are on, how they are reached, and no secret value in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import reference
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.catalogue import catalogue
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.model import misspelt
from tests.unit.plugins.plugin_utils.inventories import given, model, reading

OPENAI = "workspace_providers: {openai: {api_key: sk-geheimnis-1}}"
STORE = ["documentdb", "librechat"]


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("", [*STORE, "meilisearch", "valkey"]),
        (OPENAI, [*STORE, "meilisearch", "pgvector", "rag_api", "valkey"]),
        (
            "workspace_secrets: {openai_api_key: sk-geheimnis-1}\nworkspace_providers: {openai: {}}",
            [*STORE, "meilisearch", "pgvector", "rag_api", "valkey"],
        ),
        ("workspace_providers: {openai: {models: [a]}}", [*STORE, "meilisearch", "valkey"]),
        (f"{OPENAI}\nrag_api_enabled: false", [*STORE, "meilisearch", "valkey"]),
        (
            "rag_api_embeddings: {provider: ollama, base_url: 'http://ollama.lan'}",
            [*STORE, "meilisearch", "pgvector", "rag_api", "valkey"],
        ),
        ("documentdb_engine: mongodb", ["librechat", "meilisearch", "mongodb", "valkey"]),
        ("documentdb_external: {uri: 'mongodb://db/x'}", ["librechat", "meilisearch", "valkey"]),
        ("valkey_enabled: false\nmeilisearch_enabled: no", STORE),
        ("valkey_external: {uri: 'redis://:p@cache'}\nmeilisearch_external: {url: 'http://m', api_key: k}", STORE),
        ("librechat_enabled: false\nmeilisearch_enabled: true", ["meilisearch"]),
        (f"{OPENAI}\nrag_api_external: {{url: 'http://rag'}}", [*STORE, "meilisearch", "valkey"]),
        (
            f"{OPENAI}\npgvector_external: {{host: pg, database: d, user: u, password: p}}",
            [*STORE, "meilisearch", "rag_api", "valkey"],
        ),
    ],
)
def test_services(text: str, services: list[str]) -> None:
    assert model(text)["services"] == services


def test_endpoints_inside() -> None:
    found = model("workspace_namespace: home\nworkspace_cluster_domain: k8s.lan")
    assert found["namespace"] == "home"
    assert found["service_domain"] == "home.svc.k8s.lan"
    assert found["endpoints"]["document_store"] == {
        "external": False,
        "component": "ferretdb",
        "scheme": "mongodb",
        "host": "ferretdb.home.svc.k8s.lan",
        "port": 27017,
    }
    assert found["needs"]["librechat"] == ["document_store", "valkey", "meilisearch"]
    assert found["needs"]["valkey"] == []


def test_endpoints_outside() -> None:
    found = model(
        "documentdb_external: {uri: 'mongodb://u:geheimnis-2@one:1,two/x'}\n"
        "pgvector_external: {host: 10.0.0.5, database: d, user: u, password: geheimnis-3}\n"
        "meilisearch_external: {url: 'https://search.example.com', api_key: geheimnis-4-five-six}\n"
        f"{OPENAI}"
    )
    on = found["endpoints"]
    assert on["document_store"]["uri"] == reference("documentdb_external.uri")
    assert on["document_store"]["addresses"] == [["one", 1], ["two", 27017]]
    assert on["pgvector"]["addresses"] == [["10.0.0.5", 5432]]
    assert on["pgvector"]["password"] == reference("pgvector_external.password")
    assert on["meilisearch"]["api_key"] == reference("meilisearch_external.api_key")
    assert "geheimnis" not in json.dumps(found)


def test_no_secret_value_is_in_the_model() -> None:
    """A value for each option that is marked secret; all of them leave the model and become values."""
    count = 0

    def filled(spec: dict[str, Any]) -> Any:
        nonlocal count
        if spec.get("no_log") and spec["type"] != "dict":
            count += 1
            return f"geheimnis-{count:02}-of-sixteen"
        if spec.get("no_log"):
            count += 1
            return {"KEY": f"geheimnis-{count:02}-of-sixteen"}
        if "options" in spec:
            item = {name: value for name, option in spec["options"].items() if (value := filled(option)) is not None}
            return [item] if spec["type"] == "list" else item
        return None

    variables: dict[str, Any] = {}
    for role in catalogue().values():
        for name, spec in role.options.items():
            if name != "workspace_secrets" and "geheimnis" in str(value := filled(spec)):
                variables[name] = value
    variables["workspace_secrets"] = {"pgvector_password": "geheimnis-00-of-sixteen"}
    variables["documentdb_external"] = {"uri": "mongodb://u:geheimnis-98@h/d"}
    variables["valkey_external"] = {"uri": "redis://:geheimnis-99@h"}
    variables["meilisearch_external"]["url"] = "http://search"
    variables["pgvector_external"] |= {"host": "h", "database": "d", "user": "u"}
    variables["rag_api_embeddings"]["provider"] = "openai"
    variables["librechat_storage"] |= {"type": "s3"}
    variables["librechat_storage"]["s3"] |= {"bucket": "b", "region": "r"}
    variables["workspace_providers"]["custom"][0] |= {"name": "box", "base_url": "http://box", "models": ["m"]}
    found = reading(variables)
    assert found.problems == []
    assert "geheimnis" not in json.dumps(found.model)
    assert sum("geheimnis" in value for value in found.values.values()) == len(found.values) >= count
    assert count > 15


def test_numbers_and_templates() -> None:
    found = model("librechat_replicas: '{{ pods }}'\npods: '1'\nlibrechat_version: v0.8.7")
    assert found["variables"]["librechat_replicas"] == 1
    assert found["variables"]["librechat_image"] == "ghcr.io/librechat-ai/librechat:v0.8.7"


def test_null_is_not_given() -> None:
    assert (
        "workspace_domain"
        not in model("workspace_domain: null\nlibrechat_storage: {type: local, class: null}")["variables"]
    )


def test_all_problems_of_all_roles_at_once() -> None:
    found = reading(
        given("librechat_replicas: many\nmeilisearch_sise: 1\nworkspace_pod_security: none\nvalkey_external: {}")
    )
    assert found.model == {}
    assert sorted(line.split(" ")[0] for line in found.problems) == [
        "librechat_replicas",
        "meilisearch_sise",
        "valkey_external.uri",
        "workspace_pod_security",
    ]


def test_names_of_other_people_are_left_alone() -> None:
    known = {name: {} for role in catalogue().values() for name in role.options}
    names = [
        "ansible_host",
        "_meilisearch_storage_sise",
        "valkey_exporter",
        "cluster_name",
        "storage_class",
        "librechat_image",
    ]
    assert misspelt(names, known, catalogue()) == []
    assert misspelt(["librechat_zzz"], known, {}) == [
        "librechat_zzz is not a variable of this collection; its prefix is."
    ]


def test_removed_names_say_what_to_use() -> None:
    role = catalogue()["workspace"]
    removed = {"librechat_mongo_uri": {"since": "2.0.0", "use": "documentdb_external.uri"}}
    roles = {"workspace": type(role)("workspace", role.options, {}, {}, removed)}
    assert misspelt(["librechat_mongo_uri"], role.options, roles) == [
        "librechat_mongo_uri was removed in 2.0.0. Use documentdb_external.uri."
    ]


@pytest.mark.parametrize(
    ("text", "embeddings"),
    [
        (OPENAI, {"provider": "openai", "model": "text-embedding-3-small", "api_key": reference("openai_api_key")}),
        (
            "workspace_providers: {openai: {api_key: sk-geheimnis-1, base_url: 'http://b/v1', chat: false}}",
            {
                "provider": "openai",
                "model": "text-embedding-3-small",
                "api_key": reference("openai_api_key"),
                "base_url": "http://b/v1",
            },
        ),
        (
            f"{OPENAI}\nrag_api_embeddings: {{provider: openai, model: m}}",
            {"provider": "openai", "model": "m", "api_key": reference("openai_api_key")},
        ),
        (
            f"{OPENAI}\nrag_api_embeddings: {{provider: openai, base_url: 'http://other', api_key: sk-other-key}}",
            {"provider": "openai", "base_url": "http://other", "api_key": reference("rag_api_embeddings.api_key")},
        ),
        (
            f"{OPENAI}\nrag_api_embeddings: {{provider: openai, base_url: 'http://other'}}",
            {"provider": "openai", "base_url": "http://other"},
        ),
        ("", None),
    ],
)
def test_embeddings(text: str, embeddings: dict[str, Any] | None) -> None:
    assert model(text)["embeddings"] == embeddings
