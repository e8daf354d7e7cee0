"""What LibreChat reads: librechat.yaml (contracts 4) and its environment (contracts 3.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import InputError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import reference
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.uris import mongodb_uri, redis_uri, service_url

CONFIG_PATH = "/etc/librechat/librechat.yaml"
"""Not below /app/config, where the image keeps its commands: a mount would hide them."""

CONFIG_VERSIONS = {"v0.8.6": "1.3.12", "v0.8.7": "1.3.13", "v0.8.8": "1.3.17"}
"""The version that librechat.yaml carries, by release; an older one than the server's is a log line only."""

DATABASE = "LibreChat"
USER = "librechat"
"""Database and user in the document store; FerretDB's users are PostgreSQL's roles (contracts 1.4)."""


def librechat_config(workspace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of librechat.yaml; secrets are only named there, as ``${NAME}`` (contracts 4.2).

    Args:
        workspace: the model.
    """
    variables, on = workspace["variables"], workspace["endpoints"]
    registration = variables["librechat_registration"]
    config: dict[str, Any] = {
        "version": CONFIG_VERSIONS[variables["librechat_version"]],
        "cache": True,
        "fileStrategy": variables["librechat_storage"]["type"],
        "interface": {
            "modelSelect": True,
            "parameters": True,
            "presets": True,
            "prompts": True,
            "bookmarks": True,
            "multiConvo": True,
            "agents": True,
            "webSearch": False,
            "fileSearch": "rag_api" in on,
            "temporaryChatRetention": 720,
        },
        "registration": {
            "socialLogins": registration.get("social_logins", []),
            "allowedDomains": registration.get("allowed_domains"),
        },
        "fileConfig": {
            "serverFileSizeLimit": 100,
            "avatarSizeLimit": 5,
            "clientImageResize": {"enabled": True, "maxWidth": 1920, "maxHeight": 1080, "quality": 0.8},
        },
        "rateLimits": {
            "fileUploads": {"userMax": 50, "userWindowInMinutes": 60},
            "stt": {"userMax": 100, "userWindowInMinutes": 1},
            "tts": {"userMax": 100, "userWindowInMinutes": 1},
        },
        "endpoints": _endpoints(workspace),
    }
    if "librechat_custom_welcome" in variables:
        config["interface"]["customWelcome"] = variables["librechat_custom_welcome"]
    if config["registration"]["allowedDomains"] is None:
        del config["registration"]["allowedDomains"]
    for key, name in (("interface", "interface"), ("fileConfig", "file_config"), ("rateLimits", "rate_limits")):
        config[key] = merged(config[key], variables[f"librechat_{name}"])
    for key, name in (("modelSpecs", "model_specs"), ("mcpServers", "mcp_servers")):
        if f"librechat_{name}" in variables:
            config[key] = variables[f"librechat_{name}"]
    return merged(config, variables["librechat_config"])


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``more`` over it; dicts are merged, everything else is replaced."""
    result = dict(base)
    for key, value in more.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _endpoints(workspace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the key ``endpoints``: what the environment cannot say, never empty (contracts 4.1)."""
    providers, on = workspace["providers"], workspace["endpoints"]
    capabilities = ["tools", "actions", "artifacts", "context", "ocr", "chain"]
    endpoints: dict[str, Any] = {
        "agents": {"capabilities": ["file_search", *capabilities] if "rag_api" in on else capabilities}
    }
    for provider, key in (("openai", "openAI"), ("anthropic", "anthropic")):
        if _in_chat(providers, provider):
            endpoints[key] = {"titleConvo": True}
    if custom := [_custom(entry) for entry in _custom_providers(providers)]:
        endpoints["custom"] = custom
    return endpoints


def _in_chat(providers: Mapping[str, Any], name: str) -> bool:
    return name in providers and bool(providers[name].get("chat", True))


def _custom_providers(providers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all providers that LibreChat knows by librechat.yaml alone, OpenRouter among them."""
    entries = [entry for entry in providers.get("custom", []) if entry.get("chat", True)]
    if _in_chat(providers, "openrouter"):
        router = providers["openrouter"]
        entries.insert(
            0,
            {
                "name": "OpenRouter",
                "base_url": "https://openrouter.ai/api/v1",
                "api_key": router["api_key"],
                "models": router.get("models") or ["openrouter/auto"],
                "fetch": "models" not in router,
            },
        )
    return entries


def _key_name(entry: Mapping[str, Any]) -> str:
    """Return the variable that carries a provider's key: OPENROUTER_KEY (contracts 0.1), or a name of our own."""
    name = re.sub(r"[^a-z0-9]+", "_", str(entry["name"]).lower()).strip("_").upper()
    return "OPENROUTER_KEY" if name == "OPENROUTER" else f"CUSTOM_{name}_KEY"


def _custom(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": entry["name"],
        "apiKey": f"${{{_key_name(entry)}}}" if entry.get("api_key") else "none",
        "baseURL": entry["base_url"],
        "models": {"default": entry["models"], "fetch": entry.get("fetch", False)},
        "titleConvo": True,
        "titleModel": "current_model",
        "modelDisplayLabel": entry["name"],
    }


def librechat_env(workspace: Mapping[str, Any]) -> dict[str, str]:
    """Return LibreChat's environment (contracts 3.3), with secret references in place of values.

    Args:
        workspace: the model.
    """
    variables = workspace["variables"]
    registration = variables["librechat_registration"]
    url = _public_url(variables)
    return {
        "NODE_ENV": "production",
        "NODE_OPTIONS": f"--max-old-space-size={variables['librechat_node_heap_mb']}",
        "HOST": "0.0.0.0",  # noqa: S104 - a pod listens on its own address
        "PORT": "3080",
        "CONFIG_PATH": CONFIG_PATH,
        "APP_TITLE": variables["librechat_app_title"],
        "DOMAIN_CLIENT": url,
        "DOMAIN_SERVER": url,
        "TRUST_PROXY": str(variables["librechat_trust_proxy"]),
        "NO_INDEX": "true",
        "CONSOLE_JSON": "true",
        "DEBUG_LOGGING": "false",
        "DEBUG_CONSOLE": "false",
        "LOG_TO_FILE": "false",
        "HOME": "/tmp",  # noqa: S108 - an emptyDir of the pod's own
        "ALLOW_EMAIL_LOGIN": "true",
        "ALLOW_REGISTRATION": str(registration.get("enabled", True)).lower(),
        "ALLOW_UNVERIFIED_EMAIL_LOGIN": "true",
        "ALLOW_SOCIAL_LOGIN": str(bool(registration.get("social_logins"))).lower(),
        "ALLOW_SHARED_LINKS_PUBLIC": "false",
        "CREDS_KEY": reference("librechat_creds_key"),
        "CREDS_IV": reference("librechat_creds_iv"),
        "JWT_SECRET": reference("librechat_jwt_secret"),
        "JWT_REFRESH_SECRET": reference("librechat_jwt_refresh_secret"),
        "METRICS_SECRET": reference("librechat_metrics_secret"),
        **_backends(workspace),
        **_providers(workspace["providers"]),
        **_storage(variables["librechat_storage"]),
    }


def _public_url(variables: Mapping[str, Any]) -> str:
    """Return the URL that users type, with its scheme and without a slash at its end."""
    ingress = variables["librechat_ingress"]
    host = ingress.get("host") or variables.get("workspace_domain")
    if not host:
        return "http://localhost:3080"
    return f"{'https' if ingress.get('tls', {}).get('enabled') else 'http'}://{host}"


def _backends(workspace: Mapping[str, Any]) -> dict[str, str]:
    """Return what leads to the services behind LibreChat (contracts 7)."""
    on = workspace["endpoints"]
    env = {"MONGO_URI": document_store_uri(on["document_store"]), "SEARCH": str("meilisearch" in on).lower()}
    if "meilisearch" in on:
        env |= {
            "MEILI_HOST": service_url(on["meilisearch"]),
            "MEILI_MASTER_KEY": on["meilisearch"].get("api_key", reference("meilisearch_master_key")),
            "MEILI_NO_ANALYTICS": "true",
        }
    if "valkey" in on:
        password = reference("librechat_valkey_password")
        env |= {
            "USE_REDIS": "true",
            "REDIS_URI": on["valkey"].get("uri") or redis_uri(on["valkey"]["host"], password=password),
            # With the default of 10 the clients give up for ever after 15 s without Redis.
            "REDIS_RETRY_MAX_ATTEMPTS": "0",
        }
    if "rag_api" in on:
        env["RAG_API_URL"] = service_url(on["rag_api"])
    return env


def document_store_uri(endpoint: Mapping[str, Any]) -> str:
    """Return MONGO_URI: the external one as given, else that of FerretDB or MongoDB.

    Raises:
        InputError: the endpoint is neither.
    """
    if endpoint.get("uri"):
        return str(endpoint["uri"])
    passwords = {"ferretdb": "documentdb_password", "mongodb": "mongodb_password"}
    if endpoint.get("component") not in passwords:
        raise InputError("librechat_env: workspace.endpoints.document_store is no endpoint of validate")
    password = reference(passwords[endpoint["component"]])
    return mongodb_uri(endpoint["host"], user=USER, password=password, database=DATABASE, port=endpoint["port"])


def _providers(providers: Mapping[str, Any]) -> dict[str, str]:
    """Return keys and models; a provider that is not named in ENDPOINTS is not offered."""
    env, offered = {}, []
    for name, endpoint, prefix in (("openai", "openAI", "OPENAI"), ("anthropic", "anthropic", "ANTHROPIC")):
        if not _in_chat(providers, name):
            continue
        offered.append(endpoint)
        env[f"{prefix}_API_KEY"] = providers[name]["api_key"]
        if providers[name].get("models"):
            env[f"{prefix}_MODELS"] = ",".join(providers[name]["models"])
    if "OPENAI_API_KEY" in env and providers["openai"].get("base_url"):
        env["OPENAI_REVERSE_PROXY"] = providers["openai"]["base_url"].rstrip("/")
    custom = _custom_providers(providers)
    env |= {_key_name(entry): entry["api_key"] for entry in custom if entry.get("api_key")}
    return {**env, "ENDPOINTS": ",".join([*offered, "agents", *(["custom"] if custom else [])])}


def _storage(storage: Mapping[str, Any]) -> dict[str, str]:
    """Return what selects the bucket (contracts 6)."""
    if storage["type"] != "s3":
        return {}
    bucket = storage["s3"]
    env = {"AWS_REGION": bucket["region"], "AWS_BUCKET_NAME": bucket["bucket"]}
    if "endpoint" in bucket:
        env |= {"AWS_ENDPOINT_URL": bucket["endpoint"].rstrip("/"), "AWS_FORCE_PATH_STYLE": "true"}
    if "access_key" in bucket:
        env |= {"AWS_ACCESS_KEY_ID": bucket["access_key"], "AWS_SECRET_ACCESS_KEY": bucket["secret_key"]}
    return env
