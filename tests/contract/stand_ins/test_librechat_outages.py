"""The LibreChat stand-in when a neighbour is away or refuses it: what fails, when, and what does not (contracts 10)."""

from __future__ import annotations

import signal
import time
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.contract.stand_ins import librechat_neighbours as neighbours
from tests.contract.stand_ins.librechat_server import REQUIRED, run_to_end
from tests.contract.stand_ins.librechat_stack import Stack, answer_of, found, shared, upload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.stand_ins.librechat_server import Server

OWNER = "owner@example.com"
NOBODY = "127.0.0.1:1"
LOGIN = {"email": OWNER, "password": "password-1"}


@pytest.fixture(scope="module")
def stack() -> Stack:
    return shared()


@pytest.fixture(scope="module", autouse=True)
def token(stack: Stack) -> str:
    with stack.serve() as server:
        server.wait().sign_up(OWNER)
        return server.log_in(OWNER)


def log_in_status(server: Server) -> int:
    return server.call("POST", "/api/auth/login", json=LOGIN).status_code


def is_healthy(server: Server) -> bool:
    return all(server.call("GET", path).ok for path in ("/health", "/livez", "/readyz"))


@pytest.fixture(scope="module", autouse=True)
def blocked(stack: Stack, token: str) -> Iterator[dict[str, Server]]:
    """Servers that wait for somebody who never comes, started before all tests and judged after them."""
    assert token, "the first start, which makes the indexes, has the machine for itself"
    at_valkey = f"redis://:wrong@127.0.0.1:{stack.valkey.port}"
    starts: dict[str, dict[str, str | None]] = {
        "no database": {"MONGO_URI": f"mongodb://{NOBODY}/LibreChat"},
        "no redis": {"REDIS_URI": f"redis://{NOBODY}", "REDIS_RETRY_MAX_ATTEMPTS": "3"},
        "wrong redis password": {"REDIS_URI": at_valkey, "REDIS_RETRY_MAX_ATTEMPTS": None},
    }
    with ExitStack() as servers:
        yield {name: servers.enter_context(stack.serve(**changed)) for name, changed in starts.items()}


def test_the_login_limiter_and_the_raw_password_in_its_own_variable(stack: Stack) -> None:
    wrong = {"email": OWNER, "password": "wrong-one"}
    uri = f"redis://127.0.0.1:{stack.valkey.port}"
    own: dict[str, str | None] = {"REDIS_PASSWORD": neighbours.SECRET, "REDIS_KEY_PREFIX": "limited"}
    with stack.serve(REDIS_URI=uri, LOGIN_MAX=None, **own) as server:
        server.wait()
        statuses = [server.call("POST", "/api/auth/login", json=wrong).status_code for _ in range(8)]
        assert statuses == [404] * 7 + [429]
        assert log_in_status(server) == 429


def test_a_wrong_database_password_ends_the_start_at_once(stack: Stack, tmp_path: Path) -> None:
    uri = stack.mongo.replace(neighbours.ENCODED, "wrong")
    start = time.monotonic()
    code, said = run_to_end(tmp_path, MONGO_URI=uri)
    assert (code, "Authentication failed" in said) == (1, True), said
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(("attempts", "afterwards"), [("0", 200), ("2", 500)])
def test_redis_gone_for_a_while(stack: Stack, attempts: str, afterwards: int) -> None:
    with stack.serve(REDIS_RETRY_MAX_ATTEMPTS=attempts) as server:
        assert log_in_status(server.wait()) == 200
        stack.valkey.stop()
        try:
            assert log_in_status(server) == 500
            assert is_healthy(server)
            time.sleep(1)
        finally:
            stack.valkey.start()
        time.sleep(2)
        assert log_in_status(server) == afterwards
        assert is_healthy(server)


def test_the_database_gone_for_a_while(stack: Stack) -> None:
    with stack.serve() as server:
        server.wait()
        stack.ferretdb.stop()
        try:
            assert log_in_status(server) == 500
            assert is_healthy(server)
        finally:
            stack.ferretdb.start()
        end = time.monotonic() + 15
        while (status := log_in_status(server)) != 200 and time.monotonic() < end:
            time.sleep(0.2)
        assert status == 200


@pytest.mark.parametrize(
    "changed",
    [{"MEILI_MASTER_KEY": "another-key-of-at-least-16"}, {"MEILI_HOST": f"http://{NOBODY}"}, {"MEILI_HOST": None}],
)
def test_search_with_a_wrong_key_or_nobody_there(stack: Stack, token: str, changed: dict[str, str | None]) -> None:
    with stack.serve(**changed) as server:
        server.wait()
        assert server.call("GET", "/api/search/enable", token=token).json() is True
        assert server.call("GET", "/api/messages?search=zebra", token=token).status_code == 500
        assert answer_of(server.events(token, server.start_chat(token, "still talking"))) == "STILL TALKING "


def test_a_message_sent_without_the_index_is_found_after_the_next_start(stack: Stack, token: str) -> None:
    with stack.serve(MEILI_HOST=f"http://{NOBODY}") as server:
        server.wait().events(token, server.start_chat(token, "the forgotten quokka"))
    with stack.serve() as server:
        assert found(server.wait(), token, "quokka", seconds=10)


def test_rag_api_away_or_of_another_secret(stack: Stack, token: str) -> None:
    for changed in ({"RAG_API_URL": f"http://{NOBODY}"}, {"RAG_API_URL": None}):
        with stack.serve(**changed) as server:
            answer = upload(server.wait(), token, str(uuid.uuid4()))
            assert (answer.status_code, answer.json()) == (500, {"message": "Error processing file"})
    with stack.serve() as server:
        server.wait()
        file_id = str(uuid.uuid4())
        assert upload(server, token, file_id).ok
        stack.recorder.jwt_secret = "a-secret-that-librechat-does-not-have"
        try:
            assert upload(server, token, str(uuid.uuid4())).status_code == 500
            tools = {"files": [{"file_id": file_id}], "ephemeralAgent": {"file_search": True}}
            assert answer_of(server.events(token, server.start_chat(token, "go on", **tools))) == "GO ON "
        finally:
            stack.recorder.jwt_secret = REQUIRED["JWT_SECRET"]
        assert "No results found" in stack.recorder.bodies("chat")[-1]["messages"][-2]["content"]


def test_an_open_stream_is_finished_before_the_end(stack: Stack, token: str) -> None:
    stack.recorder.pause = 0.3
    try:
        with stack.serve() as server:
            stream = server.wait().start_chat(token, "one two three four five six")
            path = f"/api/agents/chat/stream/{stream}"
            with server.call("GET", path, token=token, stream=True) as answer:
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.2)
                assert not server.listens()
                assert '"final":true' in answer.text
            assert server.process.wait(10) == 0
    finally:
        stack.recorder.pause = 0.0


@pytest.fixture(scope="module")
def narrow(stack: Stack) -> Iterator[Server]:
    """A server with all that can be left out left out: Redis, registration, the metrics' secret, file search."""
    yaml = stack.folder / "narrow.yaml"
    yaml.write_text("version: '1.3.17'\nendpoints: {agents: {capabilities: [tools]}}\n")
    names = ("USE_REDIS", "REDIS_URI", "ALLOW_REGISTRATION", "METRICS_SECRET")
    with stack.serve(CONFIG_PATH=str(yaml), **dict.fromkeys(names)) as server:
        yield server.wait()


def test_a_capability_list_without_file_search_switches_it_off(narrow: Server, token: str) -> None:
    assert upload(narrow, token, str(uuid.uuid4())).status_code == 500


def test_registration_is_off_unless_it_is_switched_on(narrow: Server) -> None:
    assert narrow.sign_up("late@example.com").status_code == 403
    assert narrow.call("GET", "/api/config").json()["registrationEnabled"] is False


def test_no_metrics_without_a_secret(narrow: Server) -> None:
    assert narrow.call("GET", "/metrics", token="undefined").status_code == 401


def test_one_replica_without_redis(narrow: Server, token: str) -> None:
    assert answer_of(narrow.events(token, narrow.start_chat(token, "alone"))) == "ALONE "


def test_an_idle_server_ends_within_two_seconds(narrow: Server) -> None:
    narrow.process.send_signal(signal.SIGTERM)
    assert narrow.process.wait(2) == 0


def test_who_never_came(blocked: dict[str, Server]) -> None:
    for name in ("no redis", "wrong redis password"):
        server = blocked[name]
        assert server.process.poll() is None, name
        assert not server.listens(), name
        said = server.log.read_text()
        assert "ioredis client error" in said, name
        assert "ioredis giving up after" in said, name
    database = blocked["no database"]
    assert database.process.wait(35) == 1
    assert "MongooseServerSelectionError" in database.log.read_text()
