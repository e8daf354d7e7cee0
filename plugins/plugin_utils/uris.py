"""Connection strings in which every part is escaped, and secret references survive.

A part may hold secret references; they are marked ``|urlencode``, so that the rollout escapes
the value when it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import InputError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import REFERENCE

_SCHEMES: dict[str, dict[str, int]] = {
    "mongodb": {"mongodb": 27017, "mongodb+srv": 27017},
    "postgres": {"postgres": 5432, "postgresql": 5432},
    "redis": {"redis": 6379, "rediss": 6379, "valkey": 6379, "valkeys": 6379},
    "http": {"http": 80, "https": 443},
}
"""For each kind of endpoint the schemes of its URIs, with their ports."""


def escape(part: str) -> str:
    """Return ``part`` percent-encoded for any place of a URI; references get encoded by the rollout."""
    out, position = [], 0
    for match in REFERENCE.finditer(part):
        out += [quote(part[position : match.start()], safe=""), f"⟦secret:{match['name']}|urlencode⟧"]
        position = match.end()
    return "".join([*out, quote(part[position:], safe="")])


def authority(host: str, port: int | None) -> str:
    """Return ``host:port``, with brackets round an IPv6 address."""
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{host}:{port}" if port else host


def mongodb_uri(
    host: str, *, user: str, password: str, database: str, port: int = 27017, auth_source: str | None = None
) -> str:
    """Return a MongoDB URI (contracts 7).

    Raises:
        InputError: user or password is empty; the value is not quoted.
    """
    if not user or not password:
        raise InputError(
            "mongodb_uri: user and password must not be empty; for a server without log-in give documentdb_external.uri"
        )
    query = f"?authSource={escape(auth_source)}" if auth_source else ""
    return f"mongodb://{escape(user)}:{escape(password)}@{authority(host, port)}/{escape(database)}{query}"


def postgres_uri(
    host: str, *, user: str, password: str, database: str, port: int = 5432, sslmode: str | None = None
) -> str:
    """Return a PostgreSQL URI as libpq and pgx read it.

    Raises:
        InputError: user or password is empty; the value is not quoted.
    """
    if not user or not password:
        raise InputError("postgres_uri: user and password must not be empty")
    query = f"?sslmode={escape(sslmode)}" if sslmode else ""
    return f"postgres://{escape(user)}:{escape(password)}@{authority(host, port)}/{escape(database)}{query}"


def redis_uri(
    host: str, *, password: str, port: int = 6379, user: str = "", database: int | None = None, scheme: str = "redis"
) -> str:
    """Return a Redis URI; a raw special character in one stops LibreChat (contracts 3.3).

    Raises:
        InputError: the password is empty, or the scheme is not one of redis, rediss, valkey.
    """
    if not password:
        raise InputError("redis_uri: password must not be empty; for a server without log-in give valkey_external.uri")
    if scheme not in ("redis", "rediss", "valkey"):
        raise InputError(f"redis_uri: scheme is {scheme!r}; allowed is redis, rediss, valkey")
    path = "" if database is None else f"/{database}"
    return f"{scheme}://{escape(user)}:{escape(password)}@{authority(host, port)}{path}"


def service_url(endpoint: Mapping[str, Any]) -> str:
    """Return the base URL of an endpoint of the model, without a slash at its end.

    Args:
        endpoint: ``workspace.endpoints.NAME``: either ``url`` (external) or ``host`` and ``port``.

    Raises:
        InputError: the endpoint has neither.
    """
    if endpoint.get("url"):
        return str(endpoint["url"]).rstrip("/")
    if not endpoint.get("host"):
        raise InputError("service_url: give an endpoint of the workspace, such as workspace.endpoints.meilisearch")
    return f"{endpoint.get('scheme', 'http')}://{authority(endpoint['host'], endpoint.get('port'))}"


def addresses(uri: str, scheme: str) -> list[list[Any]]:
    """Return the hosts and ports (``[host, port]``) that a URI leads to; MongoDB's may name several.

    Raises:
        ValueError: no URI of that scheme with a host. The text never holds the URI, which may carry a password.
    """
    given, separator, rest = uri.partition("://")
    allowed = _SCHEMES[scheme]
    if not separator or given.lower() not in allowed:
        raise ValueError(f"allowed is a URI with {', '.join(f'{name}://' for name in allowed)}")
    hosts = rest.split("/", 1)[0].split("?", 1)[0].rsplit("@", 1)[-1]
    found: list[list[Any]] = []
    for host in hosts.split(","):
        try:
            parts = urlsplit(f"//{host}")
            found.append([parts.hostname or "", parts.port or allowed[given.lower()]])
        except ValueError:
            raise ValueError("its host or port cannot be read") from None
    if not all(host for host, _ in found):
        raise ValueError("it has no host")
    return found
