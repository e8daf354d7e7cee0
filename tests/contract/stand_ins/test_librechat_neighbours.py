"""The LibreChat stand-in with its neighbours: accounts, conversations, search, files; all are really used."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import redis
from pymongo import MongoClient

from tests.contract.stand_ins import librechat_neighbours as neighbours
from tests.contract.stand_ins.librechat_server import REQUIRED, Server
from tests.contract.stand_ins.librechat_stack import Stack, answer_of, found, shared, upload

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def stack() -> Stack:
    return shared()


@pytest.fixture(scope="module")
def server(stack: Stack) -> Iterator[Server]:
    with stack.serve() as running:
        yield running.wait()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    assert server.sign_up("ann@example.com").status_code == 200
    return server.log_in("ann@example.com")


def test_accounts(stack: Stack, server: Server, token: str) -> None:
    claims = jwt.decode(token, REQUIRED["JWT_SECRET"], algorithms=["HS256"])
    assert {"id", "username", "provider", "email"} <= claims.keys()
    assert server.sign_up("bob@example.com").status_code == 200
    assert server.call("GET", "/api/user", token=server.log_in("bob@example.com")).json()["role"] == "USER"
    with MongoClient(stack.mongo) as client:
        roles = [user["role"] for user in client["LibreChat"]["users"].find().sort("_id")]
    assert roles == ["ADMIN"] + ["USER"] * (len(roles) - 1), "the first user is the administrator, nobody else"
    assert server.sign_up("eve@elsewhere.org").status_code == 403
    wrong = {"email": "ann@example.com", "password": "wrong-one"}
    assert server.call("POST", "/api/auth/login", json=wrong).status_code == 404
    assert server.call("GET", "/api/user").status_code == 401
    forged = jwt.encode(claims, "another-secret-than-the-servers-one", algorithm="HS256")
    assert server.call("GET", "/api/user", token=forged).status_code == 401


def test_refresh_and_log_out(server: Server, token: str) -> None:
    body = {"email": "ann@example.com", "password": "password-1"}
    cookie = server.call("POST", "/api/auth/login", json=body).cookies["refreshToken"]
    refreshed = server.call("POST", "/api/auth/refresh", cookies={"refreshToken": cookie})
    assert server.call("GET", "/api/user", token=refreshed.json()["token"]).ok
    cookie = refreshed.cookies["refreshToken"]
    assert server.call("POST", "/api/auth/logout", token=token, cookies={"refreshToken": cookie}).ok
    assert server.call("POST", "/api/auth/refresh", cookies={"refreshToken": cookie}).status_code == 401
    assert server.call("POST", "/api/auth/refresh", cookies={"refreshToken": "spoiled"}).status_code == 403


def test_a_conversation_is_streamed_stored_and_found(stack: Stack, server: Server, token: str) -> None:
    stream = server.start_chat(token, "the zebra runs")
    events = server.events(token, stream)
    assert events[0]["created"] is True
    assert events[-1]["final"] is True
    assert answer_of(events) == "THE ZEBRA RUNS "
    assert server.events(token, stream) == events, "a late client sees the whole stream"
    with MongoClient(stack.mongo) as client:
        assert client["LibreChat"]["messages"].count_documents({"conversationId": stream}) == 2
    assert {hit["conversationId"] for hit in found(server, token, "zebra")} == {stream}
    assert server.call("GET", "/api/convos", token=token).json()["conversations"][0]["title"] == "the zebra runs"
    kept = redis.Redis(port=stack.valkey.port, password=neighbours.SECRET)
    assert kept.exists(f"libre::stream:{{{stream}}}:events")

    last = events[-1]["responseMessage"]["messageId"]
    again = server.start_chat(token, "and on", conversationId=stream, parentMessageId=last)
    assert answer_of(server.events(token, again)) == "AND ON "
    sent = [message["content"] for message in stack.recorder.bodies("chat")[-1]["messages"]]
    assert sent == ["the zebra runs", "THE ZEBRA RUNS ", "and on"]
    assert len(server.call("GET", f"/api/messages/{stream}", token=token).json()) == 4


def test_nobody_reads_anothers_conversation(server: Server, token: str) -> None:
    stream = server.start_chat(token, "a private walrus")
    server.events(token, stream)
    assert found(server, token, "walrus")
    server.sign_up("mallory@example.com")
    other = server.log_in("mallory@example.com")
    assert server.call("GET", f"/api/agents/chat/stream/{stream}", token=other).status_code == 403
    assert server.call("GET", f"/api/messages/{stream}", token=other).status_code == 404
    assert found(server, other, "walrus", seconds=0.5) == []


def test_a_client_that_is_no_browser_is_refused_in_the_stream(server: Server, token: str) -> None:
    answer = server.call("POST", "/api/agents/chat/openAI", token=token, agent="curl/8", json={"text": "x"})
    assert (answer.status_code, answer.text) == (200, 'event: error\ndata: {"message":"Illegal request"}\n\n')


def test_custom_endpoints_and_their_keys(server: Server, token: str) -> None:
    offered = server.call("GET", "/api/endpoints", token=token).json()
    assert set(offered) == {"openAI", "Local", "Unset", "agents"}

    def ask(name: str) -> list[dict[str, Any]]:
        path, body = f"/api/agents/chat/{name}", {"text": "hi", "model": "tiny"}
        return server.events(token, server.call("POST", path, token=token, json=body).json()["streamId"])

    assert answer_of(ask("Local")) == "HI "
    assert ask("Unset")[-1] == {"error": "Missing API Key for Unset."}
    body = {"text": "hi", "model": "gpt-9"}
    assert server.call("POST", "/api/agents/chat/openAI", token=token, json=body).status_code == 400


def test_a_wrong_provider_key_shows_in_the_stream(stack: Stack, token: str) -> None:
    with stack.serve(OPENAI_API_KEY="sk-wrong", OPENAI_MODELS="gpt-4o-mini") as running:
        running.wait()
        events = running.events(token, running.start_chat(token, "hi"))
    assert events[-1] == {"error": "401 Incorrect API key provided"}


def test_a_users_own_key_is_stored_encrypted(stack: Stack, token: str) -> None:
    with stack.serve(OPENAI_API_KEY="user_provided", OPENAI_MODELS="gpt-4o-mini") as running:
        running.wait()
        body = {"name": "openAI", "value": "sk-test", "expiresAt": None}
        assert running.call("PUT", "/api/keys", token=token, json=body).status_code == 201
        assert answer_of(running.events(token, running.start_chat(token, "mine"))) == "MINE "
    with MongoClient(stack.mongo) as client:
        assert "sk-test" not in str(list(client["LibreChat"]["keys"].find()))


def test_a_file_goes_through_the_rag_api(stack: Stack, server: Server, token: str) -> None:
    file_id = str(uuid.uuid4())
    row = upload(server, token, file_id).json()
    assert (row["embedded"], row["filename"]) == (True, "notes.txt")
    sent = stack.recorder.bodies("/embed")[-1]
    assert b"The parrot is green." in sent["body"]
    user = jwt.decode(token, options={"verify_signature": False})["id"]
    assert sent["claims"]["id"] == user

    tools = {"files": [{"file_id": file_id}], "ephemeralAgent": {"file_search": True}}
    events = server.events(token, server.start_chat(token, "which colour?", **tools))
    source = events[-1]["responseMessage"]["attachments"][0]["file_search"]["sources"][0]
    assert (source["fileId"], source["relevance"]) == (file_id, 0.75)
    assert "parrot" in stack.recorder.bodies("chat")[-1]["messages"][-2]["content"]

    path = f"/api/files/download/{user}/{file_id}"
    assert server.call("GET", path, token=token).content == b"The parrot is green."
    server.sign_up("carl@example.com")
    assert server.call("GET", path, token=server.log_in("carl@example.com")).status_code == 403
    assert server.call("DELETE", "/api/files", token=token, json={"files": [{"file_id": file_id}]}).ok
    assert stack.recorder.bodies("/documents")[-1]["body"] == f'["{file_id}"]'.encode()
    assert server.call("GET", path, token=token).status_code == 404


def test_an_upload_without_its_fields_fails(server: Server, token: str) -> None:
    for fields in ({"file_id": "../x"}, {"message_file": ""}, {"tool_resource": "context"}):
        assert upload(server, token, **{"file_id": str(uuid.uuid4()), **fields}).status_code == 500


def test_metrics_need_their_secret(server: Server) -> None:
    assert server.call("GET", "/metrics").status_code == 401
    text = server.call("GET", "/metrics", token="metrics-secret").text
    assert 'generation_jobs_total{status="complete"}' in text
    assert "mongoose_query_duration_seconds_bucket" in text
