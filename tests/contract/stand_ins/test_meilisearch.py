"""The Meilisearch stand-in keeps contracts 1.1 and 10."""

from pathlib import Path
from typing import Any

import pytest

from tests.contract.stand_ins.conftest import Answer, Launch, Server, exit_text

MASTER = "0123456789abcdef"
KEY = {"authorization": f"Bearer {MASTER}"}
PRODUCTION = {
    "MEILI_MASTER_KEY": MASTER,
    "MEILI_ENV": "production",
    "MEILI_DB_PATH": "data.ms",
    "MEILI_NO_ANALYTICS": "true",
}


def start(launch: Launch, **env: str) -> Server:
    return launch("meilisearch", "MEILI_HTTP_ADDR", PRODUCTION | env)


def task(server: Server, answer: Answer) -> dict[str, Any]:
    """Return the finished task of an accepted request."""
    assert answer.status == 202, answer.body
    return server.call("GET", f"/tasks/{answer.json()['taskUid']}", **KEY).json()


def fill(server: Server) -> None:
    documents = [
        {"messageId": "a-1", "user": "u1", "text": "The pelican waits at the harbour"},
        {"messageId": "a-2", "user": "u1", "text": "Invoices are due"},
        {"messageId": "a-3", "user": "u2", "text": "Another pelican"},
    ]
    assert (
        task(server, server.call("POST", "/indexes", {"uid": "messages", "primaryKey": "messageId"}, **KEY))["status"]
        == "succeeded"
    )
    server.call("PATCH", "/indexes/messages/settings", {"filterableAttributes": ["user"]}, **KEY)
    added = task(server, server.call("POST", "/indexes/messages/documents?primaryKey=messageId", documents, **KEY))
    assert added["details"]["indexedDocuments"] == 3


def hits(server: Server, **query: object) -> list[str]:
    answer = server.call("POST", "/indexes/messages/search", query, **KEY)
    assert answer.status == 200, answer.body
    return [hit["messageId"] for hit in answer.json()["hits"]]


@pytest.mark.parametrize("key", ["", "short", "fifteen-bytes--"])
def test_production_refuses_a_short_key(launch: Launch, key: str) -> None:
    code, text = exit_text(launch("meilisearch", "MEILI_HTTP_ADDR", PRODUCTION | {"MEILI_MASTER_KEY": key}, wait=False))
    assert code == 1
    assert "The master key must be at least 16 bytes in a production environment" in text
    assert not key or key not in text


def test_development_takes_any_key_and_needs_none(launch: Launch) -> None:
    assert start(launch, MEILI_ENV="development", MEILI_MASTER_KEY="").call("GET", "/version").status == 200


def test_unknown_mode_and_unwritable_path_are_refused(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wrong, said in (({"MEILI_ENV": "staging"}, "staging"), ({"MEILI_DB_PATH": "file/data.ms"}, "Not a directory")):
        code, text = exit_text(launch("meilisearch", "MEILI_HTTP_ADDR", PRODUCTION | wrong, wait=False))
        assert code == 1
        assert said in text


def test_only_health_and_the_root_are_open(launch: Launch) -> None:
    server = start(launch, MEILI_LOG_LEVEL="INFO")
    assert server.call("GET", "/health").json() == {"status": "available"}
    assert server.call("GET", "/").status == 200
    for path in ("/version", "/stats", "/indexes", "/tasks", "/nothing"):
        bare, wrong = server.call("GET", path), server.call("GET", path, authorization="Bearer wrong-wrong-wrong")
        assert (bare.status, bare.json()["code"]) == (401, "missing_authorization_header")
        assert (wrong.status, wrong.json()["code"]) == (403, "invalid_api_key")
        assert wrong.json()["message"] == "The provided API key is invalid."
    assert server.call("GET", "/version", **KEY).json()["pkgVersion"] == "1.35.1"


def test_metrics_are_off_until_switched_on(launch: Launch) -> None:
    off = start(launch).call("GET", "/metrics", **KEY)
    assert (off.status, off.json()["code"]) == (400, "feature_not_enabled")
    env = {"MEILI_EXPERIMENTAL_ENABLE_METRICS": "true", "MEILI_DB_PATH": "other.ms"}
    assert start(launch, **env).call("GET", "/metrics", **KEY).status == 200


def test_documents_are_found_filtered_changed_and_removed(launch: Launch) -> None:
    server = start(launch)
    assert server.call("GET", "/indexes/messages", **KEY).json()["code"] == "index_not_found"
    fill(server)
    assert hits(server, q="pelican") == ["a-1", "a-3"]
    assert hits(server, q="pel") == ["a-1", "a-3"]
    assert hits(server, q="PELICAN harbour") == ["a-1", "a-3"]
    assert hits(server, q="pelican", filter='user = "u1"') == ["a-1"]
    assert hits(server, q="", filter=['user = "u1"', "user != u2"]) == ["a-1", "a-2"]
    assert hits(server, q="zebra") == []
    merged = server.call("PUT", "/indexes/messages/documents", [{"messageId": "a-2", "text": "A zebra"}], **KEY)
    assert task(server, merged)["status"] == "succeeded"
    assert hits(server, q="zebra", filter="user = u1") == ["a-2"]
    assert (
        task(server, server.call("DELETE", "/indexes/messages/documents/a-1", **KEY))["details"]["deletedDocuments"]
        == 1
    )
    assert (
        task(server, server.call("POST", "/indexes/messages/documents/delete-batch", ["a-3"], **KEY))["status"]
        == "succeeded"
    )
    listed = server.call("GET", "/indexes/messages/documents?limit=10&fields=messageId", **KEY).json()
    assert listed == {"results": [{"messageId": "a-2"}], "offset": 0, "limit": 10, "total": 1}
    assert server.call("GET", "/indexes/messages/documents/a-1", **KEY).json()["code"] == "document_not_found"


def test_what_is_wrong_is_refused_with_upstreams_codes(launch: Launch) -> None:
    server = start(launch)
    fill(server)
    again = task(server, server.call("POST", "/indexes", {"uid": "messages"}, **KEY))
    assert again["error"]["code"] == "index_already_exists"
    bad = task(server, server.call("POST", "/indexes/messages/documents", [{"messageId": "a b"}], **KEY))
    assert bad["error"]["code"] == "invalid_document_id"
    unknown = server.call("POST", "/indexes/messages/search", {"q": "x", "filter": "text = 1"}, **KEY)
    assert (unknown.status, unknown.json()["code"]) == (400, "invalid_search_filter")
    assert server.call("POST", "/indexes", {"uid": "a b"}, **KEY).json()["code"] == "invalid_index_uid"
    assert server.call("POST", "/indexes", b"{", **KEY).json()["code"] == "malformed_payload"
    assert server.call("GET", "/nothing", **KEY).status == 404


def test_data_outlives_a_kill_and_another_version_refuses_it(launch: Launch, tmp_path: Path) -> None:
    first = start(launch)
    fill(first)
    first.process.kill()
    first.process.wait()
    second = start(launch)
    assert hits(second, q="invoices") == ["a-2"]
    second.stop()
    (tmp_path / "data.ms" / "VERSION").write_text("1.34.0", encoding="utf-8")
    code, text = exit_text(launch("meilisearch", "MEILI_HTTP_ADDR", PRODUCTION, wait=False))
    assert code == 1
    assert "Your database version (1.34.0) is incompatible with your current engine version (1.35.1)" in text
    assert hits(start(launch, MEILI_EXPERIMENTAL_DUMPLESS_UPGRADE="true"), q="invoices") == ["a-2"]
