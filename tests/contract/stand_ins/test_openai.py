"""The provider stand-in answers as an OpenAI-compatible server."""

import json
import math

import pytest

from tests.contract.stand_ins.conftest import Launch, Server, exit_text

KEY = {"authorization": "Bearer sk-sandbox-only-stand-in"}


@pytest.fixture
def server(launch: Launch) -> Server:
    return launch("openai", "PORT", {"OPENAI_STAND_IN_KEY": "sk-sandbox-only-stand-in", "HOST": "127.0.0.1"})


def test_does_not_start_without_a_key(launch: Launch) -> None:
    code, text = exit_text(launch("openai", "PORT", {}, wait=False))
    assert code == 1
    assert "OPENAI_STAND_IN_KEY must be set" in text


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, None), ({"authorization": "Bearer sk-other"}, "invalid_api_key"), ({"authorization": "sk-sandbox"}, None)],
)
def test_refuses_calls_without_the_key(server: Server, headers: dict[str, str], code: str | None) -> None:
    for method, path in (("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("POST", "/v1/embeddings")):
        answer = server.call(method, path, None if method == "GET" else {}, **headers)
        assert answer.status == 401
        assert answer.json()["error"]["code"] == code


def test_lists_models_and_health_is_open(server: Server) -> None:
    assert server.call("GET", "/health").status == 200
    names = {model["id"] for model in server.call("GET", "/v1/models", **KEY).json()["data"]}
    assert {"gpt-4o-mini", "text-embedding-3-small", "whisper-1", "tts-1"} <= names


def test_answers_a_chat_with_what_it_heard_and_what_the_context_says(server: Server) -> None:
    messages = [
        {"role": "system", "content": "The lighthouse keeper is Marta. Cats sleep."},
        {"role": "user", "content": [{"type": "text", "text": "Who is the lighthouse keeper?"}]},
    ]
    answer = server.call("POST", "/v1/chat/completions", {"model": "gpt-4o-mini", "messages": messages}, **KEY).json()
    text = answer["choices"][0]["message"]["content"]
    assert "Who is the lighthouse keeper?" in text
    assert "Marta" in text
    assert "Cats" not in text
    assert answer["usage"]["total_tokens"] > 0


def test_streams_a_chat(server: Server) -> None:
    body = {
        "model": "gpt-4o-mini",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "tell me of pelicans"}],
    }
    answer = server.call("POST", "/v1/chat/completions", body, **KEY)
    assert answer.headers["Content-Type"] == "text/event-stream"
    lines = [line.removeprefix("data: ") for line in answer.body.decode().split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
    assert text == "The stand-in provider heard: tell me of pelicans"
    assert len(chunks) > 5
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["completion_tokens"] == 8


def test_embeddings_are_near_when_texts_share_words(server: Server) -> None:
    texts = ["the harbour master counts pelicans", "who counts the pelicans?", "invoices are due in april"]
    body = {"model": "text-embedding-3-small", "input": texts}
    data = server.call("POST", "/v1/embeddings", body, **KEY).json()["data"]
    first, second, third = (item["embedding"] for item in data)
    assert len(first) == 1536
    assert math.isclose(sum(x * x for x in first), 1, rel_tol=1e-6)
    assert sum(a * b for a, b in zip(first, second, strict=True)) > 0.5
    assert abs(sum(a * b for a, b in zip(first, third, strict=True))) < 0.2


def test_speech_is_understood_again(server: Server) -> None:
    body = {"model": "tts-1", "voice": "alloy", "input": "Grüße vom Leuchtturm"}
    sound = server.call("POST", "/v1/audio/speech", body, **KEY)
    assert sound.body[:4] == b"RIFF"
    assert len(sound.body) > 4000
    part = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    part += (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + sound.body + b"\r\n--x--\r\n"
    )
    form = {**KEY, "content-type": "multipart/form-data; boundary=x"}
    assert server.call("POST", "/v1/audio/transcriptions", part, **form).json() == {"text": "Grüße vom Leuchtturm"}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/chat/completions", {"model": "gpt-9", "messages": [{"role": "user", "content": "x"}]}, 404),
        ("/v1/chat/completions", {"model": "gpt-4o"}, 400),
        ("/v1/embeddings", {"input": "x"}, 400),
        ("/v1/audio/speech", {"model": "tts-1", "input": "x"}, 400),
        ("/v1/chat/completions", b"{", 400),
        ("/v1/nothing", {}, 404),
    ],
)
def test_wrong_requests_get_errors_in_openais_shape(server: Server, path: str, body: object, status: int) -> None:
    answer = server.call("POST", path, body, **KEY)
    assert answer.status == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_ends_on_sigterm(server: Server) -> None:
    assert server.stop() == 0
