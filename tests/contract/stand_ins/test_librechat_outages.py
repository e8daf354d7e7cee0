"""The LibreChat stand-in when a neighbour is away or refuses it: what fails, when, and what does not (contracts 10)."""

from __future__ import annotations

import signal
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.contract.stand_ins import librechat_neighbours as neighbours
from tests.contract.stand_ins.librechat_server import REQUIRED, run_to_end
from tests.contract.stand_ins.librechat_stack import Stack, answer_of, found, shared, upload

if TYPE_CHECKING:
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


def test_a_wrong_database_password_ends_the_start_at_once(stack: Stack, tmp_path: Path) -> None:
    uri = stack.mongo.replace(neighbours.ENCODED, "wrong")
    start = time.monotonic()
    code, said = run_to_end(tmp_path, MONGO_URI=uri)
    assert (code, "Authentication failed" in said) == (1, True), said
    assert time.monotonic() - start < 5


def test_no_database_for_30_s_ends_the_start(tmp_path: Path) -> None:
    start = time.monotonic()
    code, said = run_to_end(tmp_path, MONGO_URI=f"mongodb://{NOBODY}/LibreChat", timeout=45)
    assert (code, "MongooseServerSelectionError" in said) == (1, True), said
    assert 28 < time.monotonic() - start < 40


@pytest.mark.parametrize("uri", [f"redis://{NOBODY}", "redis://:wrong@127.0.0.1:{port}"])
def test_redis_away_or_a_wrong_password_blocks_the_start(stack: Stack, uri: str) -> None:
    with stack.serve(REDIS_URI=uri.format(port=stack.valkey.port), REDIS_RETRY_MAX_ATTEMPTS="3") as server:
        time.sleep(4)
        assert server.process.poll() is None
        assert not server.listens()
        said = server.log.read_text()
        assert "ioredis client error" in said
        assert ("giving up after 3" in said) == (NOBODY in uri)


def test_the_raw_password_in_its_own_variable(stack: Stack) -> None:
    uri = f"redis://127.0.0.1:{stack.valkey.port}"
    with stack.serve(REDIS_URI=uri, REDIS_PASSWORD=neighbours.SECRET) as server:
        assert is_healthy(server.wait())


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


def test_a_capability_list_without_file_search_switches_it_off(stack: Stack, token: str, tmp_path: Path) -> None:
    yaml = tmp_path / "librechat.yaml"
    yaml.write_text("version: '1.3.17'\nendpoints: {agents: {capabilities: [tools]}}\n")
    with stack.serve(CONFIG_PATH=str(yaml)) as server:
        assert upload(server.wait(), token, str(uuid.uuid4())).status_code == 500


def test_registration_off(stack: Stack) -> None:
    for value in ("false", None):
        with stack.serve(ALLOW_REGISTRATION=value) as server:
            assert server.wait().sign_up("late@example.com").status_code == 403
            assert server.call("GET", "/api/config").json()["registrationEnabled"] is False


def test_the_login_limiter(stack: Stack) -> None:
    wrong = {"email": OWNER, "password": "wrong-one"}
    with stack.serve(LOGIN_MAX=None, REDIS_KEY_PREFIX="limited") as server:
        server.wait()
        assert [server.call("POST", "/api/auth/login", json=wrong).status_code for _ in range(8)] == [404] * 7 + [429]
        assert log_in_status(server) == 429


def test_no_metrics_without_a_secret(stack: Stack) -> None:
    with stack.serve(METRICS_SECRET=None) as server:
        assert server.wait().call("GET", "/metrics", token="undefined").status_code == 401


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


def test_an_idle_server_ends_within_two_seconds(stack: Stack) -> None:
    with stack.serve() as server:
        server.wait().process.send_signal(signal.SIGTERM)
        assert server.process.wait(2) == 0


def test_one_replica_without_redis(stack: Stack, token: str) -> None:
    with stack.serve(USE_REDIS=None, REDIS_URI=None) as server:
        assert answer_of(server.wait().events(token, server.start_chat(token, "alone"))) == "ALONE "
