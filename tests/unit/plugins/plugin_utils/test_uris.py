"""URIs: every character of every part survives, read back by the drivers' own parsers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from pymongo import uri_parser
from redis.connection import parse_url

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import InputError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import reference
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.uris import (
    addresses,
    mongodb_uri,
    postgres_uri,
    redis_uri,
    service_url,
)
from tests.unit.plugins.plugin_utils.planning import resolved_text

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
"""Any text that an environment variable can carry."""
NASTY = "p@ss:w/rd?#[]%41+ &=$\\\"'⟦⟧ö\n{{ x }}"
MONGO_DATABASE = st.text(st.characters(codec="utf-8", exclude_characters='\0/\\. "$'), min_size=1)
"""What MongoDB allows in the name of a database."""
HOSTS = st.sampled_from(["db", "db.home.svc.cluster.local", "10.0.0.1", "::1", "fd00::5"])
PORTS = st.integers(1, 65535)


@example(NASTY, NASTY, "LibreChat", "db", 27017, "x")
@given(TEXT, TEXT, MONGO_DATABASE, HOSTS, PORTS, TEXT)
def test_mongodb(user: str, password: str, database: str, host: str, port: int, source: str) -> None:
    uri = mongodb_uri(host, user=user, password=password, database=database, port=port, auth_source=source)
    parsed = uri_parser.parse_uri(uri)
    assert (parsed["username"], parsed["password"], parsed["database"]) == (user, password, database)
    assert parsed["nodelist"] == [(host, port)]
    assert parsed["options"]["authSource"] == source


@example(NASTY, NASTY, NASTY, "db", 5432)
@given(TEXT, TEXT, TEXT, HOSTS, PORTS)
def test_postgres(user: str, password: str, database: str, host: str, port: int) -> None:
    uri = postgres_uri(host, user=user, password=password, database=database, port=port, sslmode="require")
    assert conninfo_to_dict(uri) == {
        "user": user,
        "password": password,
        "dbname": database,
        "host": host,
        "port": str(port),
        "sslmode": "require",
    }


@example(NASTY, NASTY, "db", 6379, 3)
@given(st.text(), TEXT, HOSTS, PORTS, st.integers(0, 15))
def test_redis(user: str, password: str, host: str, port: int, database: int) -> None:
    parsed = parse_url(redis_uri(host, password=password, user=user, port=port, database=database))
    assert parsed.get("username", "") == user
    assert (parsed["password"], parsed["host"], parsed["port"]) == (password, host, port)
    assert parsed.get("db", 0) == database


@example(NASTY, "a@", "/b")
@given(TEXT, st.text(), st.text())
def test_a_value_that_arrives_later_survives_too(value: str, before: str, after: str) -> None:
    password = f"{before}{reference('pw')}{after}"
    whole = f"{before}{value}{after}"
    uri = resolved_text(mongodb_uri("db", user="u", password=password, database="d"), pw=value)
    assert uri_parser.parse_uri(uri)["password"] == whole
    uri = resolved_text(redis_uri("db", password=password), pw=value)
    assert parse_url(uri)["password"] == whole
    if "\0" not in whole:
        uri = resolved_text(postgres_uri("db", user="u", password=password, database="d"), pw=value)
        assert conninfo_to_dict(uri)["password"] == whole


@pytest.mark.parametrize(
    ("build", "names"),
    [
        (lambda: mongodb_uri("h", user="", password="geheimnis", database="d"), "documentdb_external.uri"),
        (lambda: mongodb_uri("h", user="geheimnis", password="", database="d"), "user and password"),
        (lambda: postgres_uri("h", user="geheimnis", password="", database="d"), "user and password"),
        (lambda: redis_uri("h", password="", user="geheimnis"), "valkey_external.uri"),
        (lambda: redis_uri("h", password="geheimnis", scheme="http"), "redis, rediss, valkey"),
        (lambda: service_url({"port": 80}), "workspace.endpoints"),
    ],
)
def test_what_is_missing_is_told_without_the_value(build: Any, names: str) -> None:
    with pytest.raises(InputError, match=names) as caught:
        build()
    assert "geheimnis" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ({"url": "https://search.example.com/meili/"}, "https://search.example.com/meili"),
        ({"host": "meilisearch.home", "port": 7700}, "http://meilisearch.home:7700"),
        ({"host": "fd00::5", "port": 443, "scheme": "https"}, "https://[fd00::5]:443"),
        ({"host": "plain"}, "http://plain"),
    ],
)
def test_service_url(endpoint: dict[str, Any], url: str) -> None:
    assert service_url(endpoint) == url


@pytest.mark.parametrize(
    ("uri", "scheme", "found"),
    [
        ("mongodb://a:b@one:1,two,[fd00::5]:3/db?x=1", "mongodb", [["one", 1], ["two", 27017], ["fd00::5", 3]]),
        ("mongodb+srv://a:b@cluster.example.com/db", "mongodb", [["cluster.example.com", 27017]]),
        ("MONGODB://one", "mongodb", [["one", 27017]]),
        ("redis://:p%40ss@[::1]", "redis", [["::1", 6379]]),
        ("rediss://u:p@cache:6380/1", "redis", [["cache", 6380]]),
        ("https://search.example.com/x@y", "http", [["search.example.com", 443]]),
        ("http://search?u=a@b:1", "http", [["search", 80]]),
        ("postgres://db:5433", "postgres", [["db", 5433]]),
    ],
)
def test_addresses(uri: str, scheme: str, found: list[list[Any]]) -> None:
    assert addresses(uri, scheme) == found


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("geheimnis", "allowed is a URI with mongodb://, mongodb\\+srv://"),
        ("http://u:geheimnis@h", "allowed is"),
        ("mongodb://u:geheimnis@", "no host"),
        ("mongodb://u:geheimnis@h:port", "cannot be read"),
        ("mongodb://u:geheimnis@one,,two", "no host"),
    ],
)
def test_addresses_of_what_is_no_uri(uri: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        addresses(uri, "mongodb")
    assert "geheimnis" not in str(caught.value)
