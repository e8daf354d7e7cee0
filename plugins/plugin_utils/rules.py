"""What must agree between services: each rule a small function from the model to its problems.

A rule says what is wrong with the variables' names and values, and what to do. Types, choices and
misspelt names are not its business; ``values`` and ``model`` have checked them before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.spec import ENV_NAME
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.values import kind_of

Model = Mapping[str, Any]
Rule = Callable[[Model], Iterator[str]]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HOST = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTPE]i?|m|k)?")
_BUILT_IN = (
    "azureopenai",
    "openai",
    "google",
    "anthropic",
    "assistants",
    "azureassistants",
    "agents",
    "custom",
    "bedrock",
)
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]*(@sha256:[0-9a-f]{64})?")


def namespace(model: Model) -> Iterator[str]:
    """The namespace is a DNS label."""
    value = model["variables"]["workspace_namespace"]
    if not _LABEL.fullmatch(value):
        yield f"workspace_namespace is {value!r}; allowed are up to 63 of a-z, 0-9 and '-'"


def hosts(model: Model) -> Iterator[str]:
    """Host names are host names, and an ingress has one."""
    variables = model["variables"]
    for name in ("workspace_domain", "workspace_cluster_domain"):
        value = variables.get(name)
        if value is not None and not _HOST.fullmatch(value):
            yield f"{name} is {value!r}; allowed is a host name such as chat.example.com, without scheme or path"
    for name, value in variables.items():
        if name.endswith("_ingress") and value.get("enabled"):
            if not value.get("host") and not (name == "librechat_ingress" and variables.get("workspace_domain")):
                yield f"{name}.enabled is true, but there is no host: give {name}.host" + (
                    " or workspace_domain" if name == "librechat_ingress" else ""
                )
            if value.get("host") and not _HOST.fullmatch(value["host"]):
                yield f"{name}.host is {value['host']!r}; allowed is a host name such as chat.example.com"
            if value.get("tls", {}).get("enabled") and not (
                value["tls"].get("secret_name") or any("issuer" in key for key in value.get("annotations", {}))
            ):
                yield (
                    f"{name}.tls.enabled is true, but there is no certificate: give {name}.tls.secret_name "
                    "or an issuer's annotation"
                )


def quantities(model: Model) -> Iterator[str]:
    """Sizes are Kubernetes quantities."""
    variables = model["variables"]
    sizes = {name: value for name, value in variables.items() if name.endswith("_storage_size")}
    sizes["librechat_storage.size"] = variables.get("librechat_storage", {}).get("size", "1Gi")
    for name, value in sizes.items():
        if not _QUANTITY.fullmatch(value):
            yield f"{name} is {value!r}; allowed is a quantity such as 10Gi"
    for name, value in variables.items():
        if not name.endswith("_resources"):
            continue
        for part, items in value.items():
            if part not in ("requests", "limits") or not isinstance(items, Mapping):
                yield f"{name}.{part} is not known. Allowed: limits, requests (each a dict)."
                continue
            for resource, quantity in items.items():
                if not _QUANTITY.fullmatch(str(quantity)):
                    yield f"{name}.{part}.{resource} is {quantity!r}; allowed is a quantity such as 500m or 1Gi"


def counts(model: Model) -> Iterator[str]:
    """Numbers of pods are not negative, ports are ports."""
    for name, value in model["variables"].items():
        if name.endswith("_replicas") and value < 0:
            yield f"{name} is {value}; allowed is 0 or more"
        if name == "librechat_node_port":
            if not 1 <= value <= 65535:  # noqa: PLR2004 - the range of ports
                yield f"{name} is {value}; allowed is a port"
            if model["variables"]["librechat_service_type"] == "ClusterIP":
                yield f"{name} is {value}, but librechat_service_type is ClusterIP; use NodePort"


def images(model: Model) -> Iterator[str]:
    """Images are references."""
    for name, value in model["variables"].items():
        if name.endswith("_image") and not _IMAGE.fullmatch(value):
            yield f"{name} is {value!r}; allowed is an image such as docker.io/library/mongo:8.0.20"


def several_pods(model: Model) -> Iterator[str]:
    """More than one LibreChat pod needs what the pods share (contracts 3.2)."""
    if "librechat" not in model["services"]:
        return
    variables = model["variables"]
    scaled = variables["librechat_autoscaling"]
    replicas = variables["librechat_replicas"]
    if scaled.get("enabled") and not 1 <= scaled["min"] <= scaled["max"]:
        yield f"librechat_autoscaling.min is {scaled['min']}; allowed is 1 to max ({scaled['max']})"
    if replicas <= 1 and not (scaled.get("enabled") and scaled["max"] > 1):
        return
    asked = f"librechat_replicas is {replicas}" if replicas > 1 else "librechat_autoscaling.enabled is true"
    if "valkey" not in model["endpoints"]:
        yield f"{asked}, but valkey_enabled is false; more than one pod needs Valkey"
    storage = variables["librechat_storage"]
    if storage["type"] == "local" and "ReadWriteMany" not in storage["access_modes"]:
        yield (f"{asked}, but librechat_storage is a ReadWriteOnce volume; use type s3 or access_modes [ReadWriteMany]")


def environments(model: Model) -> Iterator[str]:
    """Further environment variables are names with text; the values are secrets and never quoted."""
    for option, env in model["variables"].items():
        for name, value in env.items() if option.endswith("_extra_env") else ():
            if not ENV_NAME.fullmatch(name):
                yield f"{option}.{name}: allowed are letters, digits and '_' in a variable's name"
            if isinstance(value, (Mapping, list)):
                yield f"{option}.{name} is a hidden value ({kind_of(value)}); allowed is str"


def storage(model: Model) -> Iterator[str]:
    """A bucket is described where one is asked for."""
    if (given := model["variables"]["librechat_storage"])["type"] == "s3":
        if "s3" not in given:
            yield "librechat_storage.type is s3, but librechat_storage.s3 is missing"
        elif ("access_key" in given["s3"]) != ("secret_key" in given["s3"]):
            yield "librechat_storage.s3: give both access_key and secret_key, or none of them"


def registration(model: Model) -> Iterator[str]:
    """Allowed domains are compared with what stands after the @ (contracts 4.3)."""
    for domain in model["variables"]["librechat_registration"].get("allowed_domains", []):
        if not _HOST.fullmatch(domain):
            yield f"librechat_registration.allowed_domains holds {domain!r}; allowed is a domain such as example.com"


def custom_providers(model: Model) -> Iterator[str]:
    """A custom provider without a name of its own, or without models, is dropped in silence (contracts 4.3)."""
    taken = {"openrouter"} if "openrouter" in model["providers"] else set()
    for index, provider in enumerate(model["providers"].get("custom", [])):
        path = f"workspace_providers.custom[{index}]"
        plain = re.sub(r"[^a-z0-9]+", "-", provider["name"].lower()).strip("-")  # its key's name is made of it
        if provider["name"].lower() in _BUILT_IN:
            yield f"{path}.name is {provider['name']!r}; that name is LibreChat's own, choose another"
        elif not plain or plain in taken:
            yield f"{path}.name is {provider['name']!r}; allowed is a name whose letters a-z and digits no other has"
        taken.add(plain)
        if not provider["models"]:
            yield f"{path}.models is empty; LibreChat drops an endpoint without models"


def urls(model: Model) -> Iterator[str]:
    """Base URLs are URLs; a policy could not be made of another, and the client's message would come late."""
    variables, providers = model["variables"], model["providers"]
    given = {
        "workspace_providers.openai.base_url": providers.get("openai", {}).get("base_url"),
        "rag_api_embeddings.base_url": variables.get("rag_api_embeddings", {}).get("base_url"),
        "librechat_storage.s3.endpoint": variables["librechat_storage"].get("s3", {}).get("endpoint"),
    }
    for index, provider in enumerate(providers.get("custom", [])):
        given[f"workspace_providers.custom[{index}].base_url"] = provider["base_url"]
    for name, url in given.items():
        if url is not None and not re.match(r"https?://[^/]", url):
            yield f"{name} is {url!r}; allowed is an http:// or https:// URL"


RULES: tuple[Rule, ...] = (
    namespace,
    hosts,
    quantities,
    counts,
    images,
    several_pods,
    environments,
    storage,
    registration,
    custom_providers,
    urls,
)


def problems(model: Model) -> list[str]:
    """Return what all rules say, in their order."""
    return [line for rule in RULES for line in rule(model)]
