"""The model of one workspace: every variable checked, every service decided, no secret value in it.

Variables go in, and out come the model (plain JSON types, secret references in place of values), the
secret values by name, and a list of problems, each one a line that names a variable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import reference
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils import rules
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.catalogue import Role, options, shapes
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.secret_values import forged, redact
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.uris import addresses
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.values import (
    check,
    hint,
    holds_secret,
    nearest,
    plain,
)

NOT_PART = ("cluster",)
"""Roles whose variables are not the workspace's."""

Read = Callable[[str], Any]
"""Returns the templated value of a variable; ``KeyError`` when nobody set it."""


@dataclass
class Reading:
    """What reading an inventory gave."""

    model: dict[str, Any] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class TemplateProblem(Exception):
    """A variable cannot be templated; the message may quote values."""


def read_workspace(read: Read, names: Iterable[str], roles: Mapping[str, Role], run: str = "") -> Reading:
    """Read one workspace.

    Args:
        read: the variables of one inventory host.
        names: names of all variables of the host, for finding misspelt ones.
        roles: the catalogue.
        run: identity of this run of ansible-playbook.
    """
    roles = {name: role for name, role in roles.items() if name not in NOT_PART}
    known = options(roles)
    reading = Reading()
    reading.problems += misspelt(names, known, roles)
    checked = _checked(read, known, reading.problems)
    _given_secrets(checked, roles, reading.problems)
    if reading.problems:
        return reading
    variables = {name: redact(value, known[name], name, reading.values) for name, value in checked.items()}
    providers = _providers(variables)
    embeddings = _embeddings(variables, providers)
    services, endpoints = _services(variables, roles, embeddings, reading.values, reading.problems)
    reading.model = {
        "run": run,
        "namespace": variables["workspace_namespace"],
        "service_domain": _service_domain(variables),
        "services": sorted(services),
        "endpoints": endpoints,
        "needs": {
            name: [end for end in (*_list(role, "needs"), *_list(role, "uses")) if end in endpoints]
            for name, role in roles.items()
            if name in services
        },
        "providers": providers,
        "embeddings": embeddings,
        "variables": variables,
    }
    for name in variables.get("workspace_only", []):
        if name not in services:
            reading.problems.append(f"workspace_only: {name} is not on.{hint(name, services)}")
    reading.problems += rules.problems(reading.model)
    return reading


def misspelt(names: Iterable[str], known: Mapping[str, Any], roles: Mapping[str, Role]) -> list[str]:
    """Return a line for each name that is meant for this collection and is not one of its variables.

    Other people's variables are left alone: a name counts when it is within a slip or two of a known
    one, or carries the prefixes ``workspace_`` or ``librechat_``.
    """
    removed = {name: note for role in roles.values() for name, note in role.removed.items()}
    lines = []
    for name in sorted(set(names) - set(known)):
        if name.startswith(("_", "ansible_")):
            continue
        if name in removed:
            lines.append(f"{name} was removed in {removed[name]['since']}. Use {removed[name]['use']}.")
        elif near := nearest(name, known):
            lines.append(f"{name} is not a variable of this collection. Did you mean {near}?")
        elif name.startswith(("workspace_", "librechat_")):
            lines.append(f"{name} is not a variable of this collection; its prefix is.")
    return lines


def _checked(read: Read, known: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """Return the converted values of all variables that have one."""
    checked = {}
    for name, spec in known.items():
        try:
            value = plain(read(name))
        except KeyError:
            continue
        except TemplateProblem as problem:
            reason = "the reason may quote a secret and is not shown" if holds_secret(spec) else str(problem)
            problems.append(f"{name} cannot be templated: {reason}")
            continue
        if value is None:
            continue
        if forged(value):
            problems.append(f"{name} holds the text ⟦secret:...⟧, which stands for a secret inside the plan")
        checked[name] = check(value, spec, name, problems)
    return checked


def _given_secrets(checked: Mapping[str, Any], roles: Mapping[str, Role], problems: list[str]) -> None:
    """Check the names and shapes of ``workspace_secrets`` without ever quoting a value."""
    given = checked.get("workspace_secrets", {})
    generated = shapes(roles)
    providers = {f"{name}_api_key" for name in checked.get("workspace_providers", {}) if name != "custom"}
    for name, value in given.items() if isinstance(given, Mapping) else ():
        if name not in generated and name not in providers:
            problems.append(f"workspace_secrets.{name} is not known.{hint(name, {*generated, *providers})}")
        elif not isinstance(value, str):
            problems.append(f"workspace_secrets.{name} is a hidden value that is no text; quote it")
        elif name in generated and not generated[name].fits(value):
            problems.append(
                f"workspace_secrets.{name} is a hidden value of {len(value)} characters; allowed is {generated[name]}"
            )


def _list(role: Role, key: str) -> list[str]:
    return list(role.service.get(key, []))


def _providers(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the providers that are on: those that have what they require."""
    given = variables.get("workspace_secrets", {})
    providers: dict[str, Any] = {}
    for name, settings in variables.get("workspace_providers", {}).items():
        if name == "custom":
            providers[name] = settings
            continue
        key = settings.get("api_key") or (reference(f"{name}_api_key") if f"{name}_api_key" in given else None)
        if key:
            providers[name] = {**settings, "api_key": key}
    return providers


def _embeddings(variables: Mapping[str, Any], providers: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return who makes the embeddings, or None: as asked, else OpenAI where it has a key."""
    asked: dict[str, Any] = dict(variables.get("rag_api_embeddings", {}))
    openai = providers.get("openai")
    if asked:
        if asked["provider"] == "openai" and openai and "api_key" not in asked and "base_url" not in asked:
            asked |= {key: openai[key] for key in ("api_key", "base_url") if openai.get(key)}
        return asked
    if openai:
        chosen = {"provider": "openai", "model": "text-embedding-3-small", "api_key": openai["api_key"]}
        return chosen | ({"base_url": openai["base_url"]} if openai.get("base_url") else {})
    return None


def _services(
    variables: Mapping[str, Any],
    roles: Mapping[str, Role],
    embeddings: Mapping[str, Any] | None,
    values: Mapping[str, str],
    problems: list[str],
) -> tuple[set[str], dict[str, Any]]:
    """Return the services that run here, and every endpoint that is on, here or elsewhere."""
    servers = {
        role.service.get("endpoint", name): role
        for name, role in roles.items()
        if role.service and all(variables.get(key) == value for key, value in role.service.get("when", {}).items())
    }
    services: set[str] = set()
    endpoints: dict[str, Any] = {}

    def switch_on(endpoint: str, wanted_by: str, *, required: bool) -> None:
        role = servers[endpoint]
        if endpoint in endpoints or not _may_run(role, variables, embeddings, wanted_by if required else "", problems):
            return
        external = variables.get(_external(role))
        try:
            endpoints[endpoint] = _endpoint(role, external, variables, values)
        except ValueError as error:
            problems.append(f"{_external(role)} does not lead to a server: {error}")
            return
        if not external:
            services.add(role.name)
            for key in ("needs", "uses"):
                for need in _list(role, key):
                    switch_on(need, role.name, required=key == "needs")

    for endpoint, role in servers.items():
        if variables.get(f"{role.name}_enabled"):
            switch_on(endpoint, "the inventory", required=True)
    return services, endpoints


def _external(role: Role) -> str:
    """Return the name of the variable that gives a server elsewhere."""
    return str(role.service.get("external", f"{role.name}_external"))


def _may_run(
    role: Role,
    variables: Mapping[str, Any],
    embeddings: Mapping[str, Any] | None,
    required_by: str,
    problems: list[str],
) -> bool:
    """Tell whether a service can be on; a problem where somebody requires one that cannot."""
    enabled = variables.get(f"{role.name}_enabled")
    if variables.get(_external(role)):
        return True
    if enabled is False:
        if required_by:
            problems.append(
                f"{role.name}_enabled is false, but {required_by} needs it; give {_external(role)} or leave it on"
            )
        return False
    if role.name == "rag_api" and not embeddings:
        if enabled and required_by:
            problems.append(
                "rag_api_enabled is true, but there is no provider of embeddings; "
                "give workspace_providers.openai.api_key or rag_api_embeddings"
            )
        return False
    return True


def _service_domain(variables: Mapping[str, Any]) -> str:
    """Return what stands behind a Service's name in its host name."""
    return f"{variables['workspace_namespace']}.svc.{variables['workspace_cluster_domain']}"


def _endpoint(
    role: Role, external: Mapping[str, Any] | None, variables: Mapping[str, Any], values: Mapping[str, str]
) -> dict[str, Any]:
    """Return how an endpoint is reached: by its Service, or as the inventory gives it.

    Raises:
        ValueError: the given URI leads nowhere; the text does not hold it.
    """
    service = role.service
    scheme = service.get("scheme", "http")
    if external:
        uri = str(external.get("uri") or external.get("url") or f"{scheme}://{external['host']}:{external['port']}")
        for name, value in values.items():
            uri = uri.replace(reference(name), value)
        return {"external": True, "scheme": scheme, **external, "addresses": addresses(uri, scheme)}
    component = service.get("component", role.name.replace("_", "-"))
    return {
        "external": False,
        "component": component,
        "scheme": scheme,
        "host": f"{component}.{_service_domain(variables)}",
        "port": service["port"],
    }
