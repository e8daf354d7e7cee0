"""A stand-in for the RAG API (rag_api v0.9.0): files in, chunks embedded by the provider, found again by similarity.

Contract: upstream-contracts 2 and 10. Text files only. The trap of upstream's health is kept: with PostgreSQL gone it
answers HTTP 200 with `[{"status": "DOWN"}, 503]`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jwt
import psycopg
from aiohttp import web
from config import Config, read
from vectors import ProviderError, Vectors

CONFIG = read()
CONFIG.upload_dir.mkdir(parents=True, exist_ok=True)  # at import time, as upstream: a read-only root crashes here

OPEN = {"/docs", "/openapi.json", "/health"}
MISSING = "One or more IDs not found"
PATIENCE = 6
STARTUP_FAILED = 3
log = logging.getLogger("rag-api")
routes = web.RouteTableDef()


class ApiError(Exception):
    """An answer in FastAPI's error shape."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@web.middleware
async def guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Check the JWT, note the user, and give errors FastAPI's shape."""
    try:
        request["user"] = user_of(request)
        return await handler(request)
    except ApiError as error:
        return web.json_response({"detail": error.detail}, status=error.status)
    except web.HTTPException as error:
        return web.json_response({"detail": error.reason}, status=error.status)
    except (ProviderError, psycopg.Error) as error:
        log.error("%s %s: %s", request.method, request.path, error)  # noqa: TRY400 - the cause is said
        return web.json_response({"detail": str(error)}, status=500)


def user_of(request: web.Request) -> str:
    """Return the id of the JWT's user.

    Raises:
        ApiError: 401, no token, a wrong one or an old one.
    """
    if request.path in OPEN:
        return "public"
    if not CONFIG.jwt_secret:
        log.warning("JWT_SECRET not found in environment variables")
        return "public"
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        raise ApiError(401, "Missing or invalid Authorization header")
    try:
        payload = jwt.decode(token, CONFIG.jwt_secret, algorithms=["HS256"])
    except jwt.ExpiredSignatureError as error:
        raise ApiError(401, "Token has expired") from error
    except jwt.InvalidTokenError as error:
        raise ApiError(401, f"Invalid token: {error}") from error
    return str(payload.get("id", "public"))


def required(body: Any, **types: type) -> list[Any]:
    """Return the fields of a JSON body.

    Raises:
        ApiError: 422, one is missing or of another type.
    """
    for name, kind in types.items():
        if not isinstance(body, dict) or not isinstance(body.get(name), kind):
            raise ApiError(422, [{"type": "missing", "loc": ["body", name], "msg": "Field required"}])
    return [body[name] for name in types]


async def json_of(request: web.Request) -> Any:
    """Return the JSON body."""
    try:
        return await request.json()
    except json.JSONDecodeError as error:
        raise ApiError(422, [{"type": "json_invalid", "loc": ["body"], "msg": str(error)}]) from error


def vectors(request: web.Request) -> Vectors:
    """Return the database."""
    found: Vectors = request.app["vectors"]
    return found


@routes.get("/health")
async def health(request: web.Request) -> web.Response:
    """Answer as upstream does, 200 in any case."""
    alive = await vectors(request).alive()
    return web.json_response({"status": "UP"} if alive else [{"status": "DOWN"}, 503])


def chunks_of(text: str, size: int, overlap: int) -> list[str]:
    """Cut a text at white space into pieces of at most `size`; each repeats up to `overlap` of the one before."""
    chunks, start = [], 0
    while len(text) - start > size:
        cut = max(text.rfind(space, start + overlap + 1, start + size) for space in "\n ")
        end = cut if cut > 0 else start + size
        chunks.append(text[start:end])
        start = max(end - overlap, start + 1)
    return [chunk for chunk in (*chunks, text[start:]) if chunk.strip()]


async def receive(request: web.Request) -> tuple[str, str, bytes]:
    """Take a multipart upload through the upload folder, as upstream does; return file id, file name and content.

    Raises:
        ApiError: 422 a field is missing, 500 the upload folder is not writable.
    """
    form = await request.post()
    file_id, file = form.get("file_id"), form.get("file")
    if not isinstance(file_id, str) or not isinstance(file, web.FileField):
        missing = "file" if isinstance(file_id, str) else "file_id"
        raise ApiError(422, [{"type": "missing", "loc": ["body", missing], "msg": "Field required"}])
    path = CONFIG.upload_dir / request["user"] / uuid.uuid4().hex
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.file.read())
        return file_id, Path(file.filename).name, path.read_bytes()
    except OSError as error:
        raise ApiError(500, f"Failed to save the uploaded file. Error: {error}") from error
    finally:
        path.unlink(missing_ok=True)


@routes.post("/embed")
async def embed_file(request: web.Request) -> web.Response:
    """Store the chunks of a text file."""
    file_id, name, content = await receive(request)
    answer = {"status": True, "message": "File processed successfully.", "file_id": file_id, "filename": name}
    try:
        text = content.decode()
    except UnicodeDecodeError:
        said = {"status": False, "message": "The stand-in reads text files only.", "known_type": False}
        return web.json_response(answer | said)
    chunks = chunks_of(text.replace("\0", ""), CONFIG.chunk_size, CONFIG.chunk_overlap)
    if not chunks:
        raise ApiError(400, "The file has no text.")
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    metadata = {"file_id": file_id, "user_id": request["user"], "digest": digest, "source": name}
    await vectors(request).add(file_id, chunks, metadata)
    return web.json_response(answer | {"known_type": True})


@routes.post("/text")
async def text_of_file(request: web.Request) -> web.Response:
    """Return the text of a file; nothing is stored."""
    file_id, name, content = await receive(request)
    text = content.decode(errors="replace")
    return web.json_response({"text": text, "file_id": file_id, "filename": name, "known_type": True})


@routes.post("/query")
async def query_file(request: web.Request) -> web.Response:
    """Find the chunks of one file that are nearest to a question."""
    body = await json_of(request)
    file_id, question = required(body, file_id=str, query=str)
    return await nearest(request, [file_id], question, body)


@routes.post("/query_multiple")
async def query_files(request: web.Request) -> web.Response:
    """Find the chunks of some files that are nearest to a question."""
    body = await json_of(request)
    file_ids, question = required(body, file_ids=list, query=str)
    return await nearest(request, file_ids, question, body)


async def nearest(request: web.Request, file_ids: list[str], question: str, body: dict[str, Any]) -> web.Response:
    """Answer with the chunks that this user (or the entity that the body names) may see, and their distances."""
    found = await vectors(request).search(file_ids, question, int(body.get("k") or 4))
    allowed = {"public", request["user"], body.get("entity_id")}
    answer = [
        [{"id": None, "metadata": metadata, "page_content": text, "type": "Document"}, distance]
        for text, metadata, distance in found
        if metadata.get("user_id") in allowed
    ]
    return web.json_response(answer)


@routes.get("/ids")
async def list_ids(request: web.Request) -> web.Response:
    """List the ids of all files."""
    return web.json_response(await vectors(request).ids())


@routes.get("/documents")
async def get_documents(request: web.Request) -> web.Response:
    """Return all chunks of some files."""
    ids = request.query.getall("ids", [])
    found = await vectors(request).documents(ids)
    if not ids or {row[0] for row in found} != set(ids):
        raise ApiError(404, MISSING)
    return web.json_response([{"page_content": text, "metadata": metadata} for _, text, metadata in found])


@routes.delete("/documents")
async def delete_documents(request: web.Request) -> web.Response:
    """Forget files; a list of ids stands in the body."""
    ids = await json_of(request)
    if not isinstance(ids, list):
        raise ApiError(422, [{"type": "list_type", "loc": ["body"], "msg": "Input should be a valid list"}])
    if not ids or set(ids) - set(await vectors(request).ids()):
        raise ApiError(404, MISSING)
    await vectors(request).delete(ids)
    return web.json_response({"message": f"Documents for {len(ids)} file{'s' * (len(ids) > 1)} deleted successfully"})


async def prepare(config: Config) -> Vectors:
    """Return the database, ready; end the process when PostgreSQL is away or refuses, after six seconds at most."""
    found = Vectors(config)
    try:
        await asyncio.wait_for(found.prepare(), PATIENCE)
    except (psycopg.Error, TimeoutError) as error:
        log.critical("%s\nApplication startup failed. Exiting.", error or "PostgreSQL does not answer")
        logging.shutdown()
        os._exit(STARTUP_FAILED)  # at once: a thread may still be looking up the host's name
    return found


def main() -> None:
    """Serve until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    app = web.Application(middlewares=[guard], client_max_size=100 * 2**20)
    app["vectors"] = asyncio.run(prepare(CONFIG))
    app.add_routes(routes)
    web.run_app(app, host=CONFIG.host, port=CONFIG.port, access_log=None)


if __name__ == "__main__":
    main()
