"""A stand-in for an OpenAI-compatible provider: chat, embeddings and speech both ways, with a key required.

Contract: the public OpenAI API as far as LibreChat, the RAG API and their clients use it: `/v1/models`,
`/v1/chat/completions` (plain and streamed), `/v1/embeddings`, `/v1/audio/speech`, `/v1/audio/transcriptions`.
There is no model behind it. The answers are made from the request, so that a test can recognise them.

Environment: OPENAI_STAND_IN_KEY (required), HOST (0.0.0.0), PORT (8080).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import math
import os
import re
import struct
import sys
import time
import uuid
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

CHAT_MODELS = ("gpt-4o-mini", "gpt-4o", "stand-in")
EMBEDDING_MODELS = ("text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002")
SPEECH_MODELS = ("tts-1", "whisper-1")
MODELS = (*CHAT_MODELS, *EMBEDDING_MODELS, *SPEECH_MODELS)
DIMENSIONS = 1536
RATE = 16000
WORD_DELAY = 0.01
TEXT_CHUNK = b"txt "
MIME_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac", "flac": "audio/flac"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ApiError(Exception):
    """An answer in OpenAI's error shape."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse calls without the key, and give every error OpenAI's shape."""
    try:
        if request.path.startswith("/v1/"):
            check_key(request)
        return await handler(request)
    except ApiError as error:
        return web.json_response(error.body, status=error.status)
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004 - redirects and the like
            raise
        message = f"Invalid URL ({request.method} {request.path})" if error.status == 404 else error.reason  # noqa: PLR2004
        return web.json_response(ApiError(error.status, message).body, status=error.status)


def check_key(request: web.Request) -> None:
    """Raise 401 unless the Bearer key is the one of the environment."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not key:
        raise ApiError(401, "You didn't provide an API key in an Authorization header.")
    if key != request.app["key"]:
        raise ApiError(401, f"Incorrect API key provided: {key[:3]}***.", "invalid_api_key")


async def body_of(request: web.Request, *required: str) -> dict[str, Any]:
    """Return a JSON body that has the required fields and names a known model."""
    try:
        body = await request.json()
    except json.JSONDecodeError as error:
        raise ApiError(400, "We could not parse the JSON body of your request.") from error
    for name in required:
        if not isinstance(body, dict) or not body.get(name):
            raise ApiError(400, f"Missing required parameter: '{name}'.", "missing_required_parameter")
    check_model(body["model"])
    return dict(body)


def check_model(model: str) -> None:
    """Raise 404 for a model that is not offered."""
    if model not in MODELS:
        raise ApiError(404, f"The model `{model}` does not exist or you do not have access to it.", "model_not_found")


async def models(_request: web.Request) -> web.Response:
    """List the models."""
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "stand-in"} for name in MODELS]
    return web.json_response({"object": "list", "data": data})


def text_of(content: Any) -> str:
    """Return the text of a message, whose content is a string or a list of parts."""
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content if part.get("type") == "text")
    return content or ""


def answer_to(messages: list[dict[str, Any]]) -> str:
    """Make the answer: what the user said last, and what the context (system, tools) says about its words."""
    question = next((text_of(m["content"]) for m in reversed(messages) if m.get("role") == "user"), "")
    context = " ".join(text_of(m.get("content")) for m in messages if m.get("role") in {"system", "developer", "tool"})
    answer = f"The stand-in provider heard: {question}"
    words = set(words_of(question))
    sentences = [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n+", context) if words & set(words_of(part))]
    return f"{answer}\nThe context says: {' '.join(sentences)}" if sentences else answer


def words_of(text: str) -> list[str]:
    """Return the words of a text that carry meaning, in lower case."""
    return [word for word in re.findall(r"\w+", text.lower()) if len(word) > 3]  # noqa: PLR2004 - skips "the", "is"


async def chat(request: web.Request) -> web.StreamResponse:
    """Answer a chat, streamed when the caller asks for it."""
    body = await body_of(request, "model", "messages")
    answer = answer_to(body["messages"])
    prompt_tokens = sum(len(text_of(m.get("content")).split()) for m in body["messages"])
    tokens = len(answer.split())
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": tokens, "total_tokens": prompt_tokens + tokens}
    base = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": body["model"]}
    if body.get("stream"):
        return await stream(request, answer_chunks(body, base, answer, usage))
    message = {"role": "assistant", "content": answer}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return web.json_response({**base, "object": "chat.completion", "choices": [choice], "usage": usage})


async def answer_chunks(
    body: dict[str, Any], base: dict[str, Any], answer: str, usage: dict[str, int]
) -> AsyncIterator[dict[str, Any]]:
    """Yield the chunks of a streamed answer, word by word."""

    def chunk(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return {**base, "object": "chat.completion.chunk", "choices": [choice]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in re.findall(r"\S+\s*|\s+", answer):
        await asyncio.sleep(WORD_DELAY)
        yield chunk({"content": piece})
    yield chunk({}, "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**base, "object": "chat.completion.chunk", "choices": [], "usage": usage}


async def stream(request: web.Request, chunks: AsyncIterator[dict[str, Any]]) -> web.StreamResponse:
    """Send chunks as server-sent events."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(request)
    async for chunk in chunks:
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
    await response.write(b"data: [DONE]\n\n")
    return response


def embed(text: str, dimensions: int) -> list[float]:
    """Return a hashed bag of words of length one: texts that share words are near each other."""
    vector = [0.0] * dimensions
    for word in words_of(text) or [text]:
        digest = hashlib.sha256(word.encode()).digest()
        vector[int.from_bytes(digest[:4], "big") % dimensions] += 1.0 if digest[4] % 2 else -1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


async def embeddings(request: web.Request) -> web.Response:
    """Embed one text or many; token lists, which some clients send, are embedded as such."""
    body = await body_of(request, "model", "input")
    given = body["input"]
    texts = given if isinstance(given, list) and not isinstance(given[0], int) else [given]
    dimensions = body.get("dimensions") or DIMENSIONS
    data = []
    for index, text in enumerate(texts):
        vector: Any = embed(text if isinstance(text, str) else " ".join(f"token{t}" for t in text), dimensions)
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{dimensions}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return web.json_response({"object": "list", "model": body["model"], "data": data, "usage": usage})


def speak(text: str) -> bytes:
    """Return a WAV file: a tone for each word, and the text itself in a chunk of its own at the end."""
    samples = bytearray()
    for word in text.split() or [""]:
        pitch = 200 + hashlib.sha256(word.encode()).digest()[0] * 2
        samples += b"".join(
            struct.pack("<h", int(8000 * math.sin(2 * math.pi * pitch * n / RATE))) for n in range(RATE // 20)
        )
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(samples))
    content = text.encode()
    chunk = TEXT_CHUNK + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    riff = buffer.getvalue()[8:] + chunk
    return b"RIFF" + struct.pack("<I", len(riff)) + riff


def hear(sound: bytes) -> str:
    """Return the text in a WAV file of `speak`; other sound is described by its length.

    Raises:
        ApiError: it is not a WAV file.
    """
    if sound[:4] != b"RIFF" or sound[8:12] != b"WAVE":
        raise ApiError(400, "Invalid file format. The stand-in hears WAV files only.")
    position = 12
    while position + 8 <= len(sound):
        size = int(struct.unpack_from("<I", sound, position + 4)[0])
        if sound[position : position + 4] == TEXT_CHUNK:
            return sound[position + 8 : position + 8 + size].decode()
        position += 8 + size + size % 2
    return f"{len(sound)} bytes of sound"


async def speech(request: web.Request) -> web.Response:
    """Speak a text; whatever format is asked for, the bytes are a WAV file."""
    body = await body_of(request, "model", "input", "voice")
    return web.Response(
        body=speak(body["input"]), content_type=MIME_TYPES.get(body.get("response_format", ""), "audio/wav")
    )


async def transcriptions(request: web.Request) -> web.Response:
    """Write down what a sound file says."""
    form = await request.post()
    sound, model = form.get("file"), form.get("model")
    if not isinstance(sound, web.FileField):
        raise ApiError(400, "Missing required parameter: 'file'.", "missing_required_parameter")
    check_model(str(model))
    text = hear(sound.file.read())
    if form.get("response_format") == "text":
        return web.Response(text=text)
    return web.json_response({"text": text})


async def health(_request: web.Request) -> web.Response:
    """Say that the server listens."""
    return web.json_response({"status": "ok"})


def application(key: str) -> web.Application:
    """Return the server for one key."""
    app = web.Application(middlewares=[errors], client_max_size=32 * 2**20)
    app["key"] = key
    app.router.add_get("/health", health)
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_post("/v1/embeddings", embeddings)
    app.router.add_post("/v1/audio/speech", speech)
    app.router.add_post("/v1/audio/transcriptions", transcriptions)
    return app


def main() -> None:
    """Serve until SIGTERM."""
    key = os.environ.get("OPENAI_STAND_IN_KEY", "")
    if not key:
        sys.exit("OPENAI_STAND_IN_KEY must be set: it is the API key that callers have to send.")
    host, port = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080"))  # noqa: S104 - a pod
    web.run_app(application(key), host=host, port=port, access_log=None)


if __name__ == "__main__":
    main()
