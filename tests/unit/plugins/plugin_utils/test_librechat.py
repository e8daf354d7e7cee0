"""What LibreChat reads: its environment and librechat.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import InputError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import reference
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.librechat import (
    document_store_uri,
    librechat_config,
    librechat_env,
    merged,
)
from tests.unit.plugins.plugin_utils.inventories import model

S3 = "librechat_storage: {type: s3, s3: {bucket: b, region: r%s}}"
CUSTOM = "custom: [{name: My Box, base_url: 'http://box/v1', models: [m]%s}]"


def env(text: str = "") -> dict[str, str]:
    return librechat_env(model(text))


def config(text: str = "") -> dict[str, Any]:
    return librechat_config(model(text))


def test_the_environment_of_a_workspace_without_anything() -> None:
    found = env()
    assert found["MONGO_URI"] == (
        "mongodb://librechat:⟦secret:documentdb_password|urlencode⟧@ferretdb.ai-workspace.svc.cluster.local:27017/LibreChat"
    )
    assert (
        found["REDIS_URI"]
        == "redis://:⟦secret:librechat_valkey_password|urlencode⟧@valkey.ai-workspace.svc.cluster.local:6379"
    )
    assert found["MEILI_HOST"] == "http://meilisearch.ai-workspace.svc.cluster.local:7700"
    assert found["MEILI_MASTER_KEY"] == reference("meilisearch_master_key")
    assert found["CREDS_KEY"] == reference("librechat_creds_key")
    assert found["ENDPOINTS"] == "agents"
    assert found["DOMAIN_CLIENT"] == found["DOMAIN_SERVER"] == "http://localhost:3080"
    assert "RAG_API_URL" not in found
    assert all(isinstance(value, str) for value in found.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "valkey_enabled: false\nmeilisearch_enabled: false",
            {"USE_REDIS": None, "REDIS_URI": None, "SEARCH": "false", "MEILI_HOST": None},
        ),
        (
            "valkey_external: {uri: 'rediss://:p@c'}",
            {"REDIS_URI": reference("valkey_external.uri"), "USE_REDIS": "true"},
        ),
        ("documentdb_external: {uri: 'mongodb://h/d'}", {"MONGO_URI": reference("documentdb_external.uri")}),
        (
            "meilisearch_external: {url: 'https://s/', api_key: k}",
            {"MEILI_HOST": "https://s", "MEILI_MASTER_KEY": reference("meilisearch_external.api_key")},
        ),
        (
            "documentdb_engine: mongodb",
            {
                "MONGO_URI": "mongodb://librechat:⟦secret:mongodb_password|urlencode⟧@mongodb.ai-workspace.svc.cluster.local:27017/LibreChat"
            },
        ),
        ("workspace_domain: chat.example.com", {"DOMAIN_CLIENT": "http://chat.example.com"}),
        (
            (
                "workspace_domain: b.example.com\n"
                "librechat_ingress: {enabled: true, host: c.example.com, tls: {enabled: true, secret_name: s}}"
            ),
            {"DOMAIN_SERVER": "https://c.example.com"},
        ),
        (
            "librechat_registration: {enabled: false, social_logins: [github]}",
            {"ALLOW_REGISTRATION": "false", "ALLOW_SOCIAL_LOGIN": "true"},
        ),
        (
            (
                "workspace_providers:\n"
                "  {openai: {api_key: sk-1, base_url: 'http://o/v1/', models: [a, b]}, anthropic: {api_key: sk-2}}"
            ),
            {
                "OPENAI_API_KEY": reference("openai_api_key"),
                "OPENAI_MODELS": "a,b",
                "OPENAI_REVERSE_PROXY": "http://o/v1",
                "ANTHROPIC_API_KEY": reference("anthropic_api_key"),
                "ENDPOINTS": "openAI,anthropic,agents",
                "RAG_API_URL": "http://rag-api.ai-workspace.svc.cluster.local:8000",
            },
        ),
        (
            "workspace_providers: {openai: {api_key: sk-1, chat: false}}",
            {"OPENAI_API_KEY": None, "ENDPOINTS": "agents"},
        ),
        (
            "workspace_providers: {openrouter: {api_key: sk-1}, " + CUSTOM % ", api_key: sk-2" + "}",
            {
                "OPENROUTER_KEY": reference("openrouter_api_key"),
                "OPENROUTER_API_KEY": None,
                "CUSTOM_MY_BOX_KEY": reference("custom_my-box_api_key"),
                "ENDPOINTS": "agents,custom",
            },
        ),
        ("workspace_providers: {" + CUSTOM % "" + "}", {"CUSTOM_MY_BOX_KEY": None, "ENDPOINTS": "agents,custom"}),
        (
            "workspace_providers: {" + CUSTOM % ", chat: false, api_key: sk-1" + "}",
            {"CUSTOM_MY_BOX_KEY": None, "ENDPOINTS": "agents"},
        ),
        (
            S3 % ", endpoint: 'https://s3.lan/', access_key: a, secret_key: k",
            {
                "AWS_REGION": "r",
                "AWS_BUCKET_NAME": "b",
                "AWS_ENDPOINT_URL": "https://s3.lan",
                "AWS_FORCE_PATH_STYLE": "true",
                "AWS_ACCESS_KEY_ID": reference("s3_access_key"),
                "AWS_SECRET_ACCESS_KEY": reference("s3_secret_key"),
            },
        ),
        (S3 % "", {"AWS_REGION": "r", "AWS_ENDPOINT_URL": None, "AWS_ACCESS_KEY_ID": None}),
    ],
)
def test_environments(text: str, expected: dict[str, str | None]) -> None:
    found = env(text)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize("name", ["Creds", "OpenAI API", "Meili Master", "JWT"])
def test_no_provider_s_key_takes_the_name_of_another_variable(name: str) -> None:
    keyed = env(
        f"workspace_providers: {{custom: [{{name: {name}, base_url: 'http://b', models: [m], api_key: sk-1}}]}}"
    )
    assert {key: value for key, value in keyed.items() if key in (plain := env())} == {
        **plain,
        "ENDPOINTS": "agents,custom",
    }


def test_every_key_that_librechat_yaml_names_is_in_the_environment() -> None:
    custom_provider = "{name: Ä-1, base_url: 'http://b', models: [m], api_key: sk-2}"
    text = f"workspace_providers: {{openrouter: {{api_key: sk-1}}, custom: [{custom_provider}]}}"
    custom = config(text)["endpoints"]["custom"]
    assert [entry["apiKey"].strip("${}") in env(text) for entry in custom] == [True, True]
    assert config("workspace_providers: {" + CUSTOM % "" + "}")["endpoints"]["custom"][0]["apiKey"] == "none"


def test_an_unknown_document_store_is_refused() -> None:
    with pytest.raises(InputError, match="document_store is no endpoint"):
        document_store_uri({"component": "postgres"})


@pytest.mark.parametrize(("version", "written"), [("v0.8.6", "1.3.12"), ("v0.8.7", "1.3.13"), ("v0.8.8", "1.3.17")])
def test_versions(version: str, written: str) -> None:
    assert config(f"librechat_version: {version}")["version"] == written


def test_librechat_yaml() -> None:
    found = config()
    assert found["fileStrategy"] == "local"
    assert found["interface"]["fileSearch"] is False
    assert "file_search" not in found["endpoints"]["agents"]["capabilities"]
    assert "allowedDomains" not in found["registration"]
    more = config(
        "workspace_providers:\n"
        "  {openai: {api_key: sk-1}, anthropic: {api_key: sk-2}, openrouter: {api_key: sk-3, models: [x]}}\n"
        "librechat_registration: {allowed_domains: [example.com]}\n"
        "librechat_custom_welcome: '{{ hi }}'\nhi: Hello\n"
        "librechat_interface: {agents: false}\n"
        "librechat_file_config: {clientImageResize: {quality: 0.5}}\n"
        "librechat_rate_limits: {stt: {userMax: 1}}\n"
        "librechat_model_specs: {list: []}\nlibrechat_mcp_servers: {x: {url: 'http://x'}}\n"
        "librechat_config: {cache: false, interface: {prompts: false}, ocr: {strategy: mistral_ocr}}\n" + S3 % ""
    )
    assert more["fileStrategy"] == "s3"
    assert more["interface"]["fileSearch"] is True
    assert more["interface"]["customWelcome"] == "Hello"
    assert (more["interface"]["agents"], more["interface"]["prompts"], more["interface"]["presets"]) == (
        False,
        False,
        True,
    )
    assert more["fileConfig"]["clientImageResize"] == {
        "enabled": True,
        "maxWidth": 1920,
        "maxHeight": 1080,
        "quality": 0.5,
    }
    assert more["rateLimits"]["stt"] == {"userMax": 1, "userWindowInMinutes": 1}
    assert more["registration"] == {"socialLogins": [], "allowedDomains": ["example.com"]}
    assert more["endpoints"]["openAI"] == more["endpoints"]["anthropic"] == {"titleConvo": True}
    assert more["endpoints"]["custom"][0]["models"] == {"default": ["x"], "fetch": False}
    assert more["cache"] is False
    assert more["ocr"] == {"strategy": "mistral_ocr"}
    assert (more["modelSpecs"], more["mcpServers"]) == ({"list": []}, {"x": {"url": "http://x"}})


def test_merging() -> None:
    base = {"a": {"b": 1, "c": [1]}, "d": 1}
    assert merged(base, {"a": {"c": [2]}, "d": {"e": 1}}) == {"a": {"b": 1, "c": [2]}, "d": {"e": 1}}
    assert base == {"a": {"b": 1, "c": [1]}, "d": 1}
