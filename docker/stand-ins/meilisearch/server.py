"""A stand-in for Meilisearch 1.35.1, as far as LibreChat uses it.

Contract: upstream-contracts 1.1 and 10 (health open, everything else behind the key, refusals at the start), and the
HTTP API that the npm client `meilisearch` calls: indexes, settings, documents, tasks, search, stats, version.
Environment: MEILI_MASTER_KEY, MEILI_ENV, MEILI_DB_PATH, MEILI_HTTP_ADDR, MEILI_UPGRADE_DB (or its old name),
MEILI_EXPERIMENTAL_ENABLE_METRICS; other MEILI_* are ignored.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Awaitable, Callable
from json import JSONDecodeError
from pathlib import Path

from aiohttp import web
from query import compile_filter, search
from store import DEFAULT_SETTINGS, Document, MeiliError, Store, WrongVersion

VERSION = "1.35.1"
MINIMUM_KEY = 16
OPEN = {("GET", "/"), ("GET", "/health")}
routes = web.RouteTableDef()


@web.middleware
async def guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Check the key and give every error upstream's shape."""
    try:
        key = request.app["key"]
        if key and (request.method, request.path) not in OPEN:
            check_key(request.headers.get("Authorization"), key)
        return await handler(request)
    except MeiliError as error:
        return web.json_response(error.body, status=error.status)
    except JSONDecodeError:
        malformed = MeiliError(400, "malformed_payload", "The `json` payload provided is malformed.")
        return web.json_response(malformed.body, status=malformed.status)


def check_key(header: str | None, key: str) -> None:
    """Raise 401 without an Authorization header, 403 with a wrong one."""
    if not header:
        text = "The Authorization header is missing. It must use the bearer authorization method."
        raise MeiliError(401, "missing_authorization_header", text, "auth")
    if header != f"Bearer {key}":
        raise MeiliError(403, "invalid_api_key", "The provided API key is invalid.", "auth")


def store(request: web.Request) -> Store:
    """Return the database."""
    found: Store = request.app["store"]
    return found


def uid_of(request: web.Request) -> str:
    """Return the index that the path names."""
    return request.match_info["uid"]


def accepted(summary: Document) -> web.Response:
    """Answer with a task's summary."""
    return web.json_response(summary, status=202)


def number(request: web.Request, name: str, default: int) -> int:
    """Return a number of the query string."""
    value = request.query.get(name, str(default))
    if not value.isdigit():
        text = f"Invalid value in parameter `{name}`: could not parse `{value}` as a positive integer"
        raise MeiliError(400, f"invalid_{name}", text)
    return int(value)


def page(items: list[Document], offset: int, limit: int) -> web.Response:
    """Answer with a part of a list."""
    body = {"results": items[offset : offset + limit], "offset": offset, "limit": limit, "total": len(items)}
    return web.json_response(body)


@routes.get("/")
async def root(_request: web.Request) -> web.Response:
    """Answer 200, in production too."""
    return web.json_response({"status": "Meilisearch is running"})


@routes.get("/health")
async def health(_request: web.Request) -> web.Response:
    """Say that the server is available; open."""
    return web.json_response({"status": "available"})


@routes.get("/version")
async def version(_request: web.Request) -> web.Response:
    """Say what this is."""
    return web.json_response({"commitSha": "stand-in", "commitDate": "unknown", "pkgVersion": VERSION})


@routes.get("/stats")
async def stats(request: web.Request) -> web.Response:
    """Count the documents of each index."""
    indexes = {index["uid"]: index_stats(request, index["uid"]) for index in store(request).indexes()}
    return web.json_response({"databaseSize": 0, "lastUpdate": None, "indexes": indexes})


@routes.get("/indexes/{uid}/stats")
async def one_stats(request: web.Request) -> web.Response:
    """Count the documents of one index."""
    store(request).index(uid_of(request))
    return web.json_response(index_stats(request, uid_of(request)))


def index_stats(request: web.Request, uid: str) -> Document:
    """Return what upstream says about an index."""
    return {"numberOfDocuments": store(request).count(uid), "isIndexing": False, "fieldDistribution": {}}


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """Answer with metrics when they are switched on."""
    if not request.app["metrics"]:
        text = "Getting metrics requires enabling the `metrics` experimental feature."
        raise MeiliError(400, "feature_not_enabled", text)
    lines = [
        f'meilisearch_index_docs_count{{index="{index["uid"]}"}} {store(request).count(index["uid"])}'
        for index in store(request).indexes()
    ]
    return web.Response(text="\n".join([f"meilisearch_index_count {len(lines)}", *lines, ""]))


@routes.get("/indexes")
async def list_indexes(request: web.Request) -> web.Response:
    """List the indexes."""
    return page(store(request).indexes(), number(request, "offset", 0), number(request, "limit", 20))


@routes.post("/indexes")
async def create_index(request: web.Request) -> web.Response:
    """Make an index."""
    body = await request.json()
    uid, data = str(body.get("uid", "")), store(request)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,512}", uid):
        text = f"`{uid}` is not a valid index uid. Index uid can be an integer or a string containing only "
        raise MeiliError(400, "invalid_index_uid", text + "alphanumeric characters, hyphens (-) and underscores (_).")
    return accepted(data.run_task("indexCreation", uid, lambda: data.create_index(uid, body.get("primaryKey"))))


@routes.get("/indexes/{uid}")
async def get_index(request: web.Request) -> web.Response:
    """Show an index."""
    return web.json_response(store(request).index(uid_of(request)))


@routes.delete("/indexes/{uid}")
async def delete_index(request: web.Request) -> web.Response:
    """Remove an index."""
    data, uid = store(request), uid_of(request)
    return accepted(data.run_task("indexDeletion", uid, lambda: data.delete_index(uid)))


@routes.get("/indexes/{uid}/settings")
async def get_settings(request: web.Request) -> web.Response:
    """Show the settings of an index."""
    return web.json_response(store(request).settings(uid_of(request)))


@routes.patch("/indexes/{uid}/settings")
async def change_settings(request: web.Request) -> web.Response:
    """Change some settings of an index."""
    changes, data, uid = await request.json(), store(request), uid_of(request)
    return accepted(data.run_task("settingsUpdate", uid, lambda: data.change_settings(uid, changes)))


@routes.get("/indexes/{uid}/settings/{name}")
async def get_setting(request: web.Request) -> web.Response:
    """Show one setting."""
    return web.json_response(store(request).settings(uid_of(request))[setting_name(request)])


@routes.put("/indexes/{uid}/settings/{name}")
async def change_setting(request: web.Request) -> web.Response:
    """Change one setting."""
    changes, data, uid = {setting_name(request): await request.json()}, store(request), uid_of(request)
    return accepted(data.run_task("settingsUpdate", uid, lambda: data.change_settings(uid, changes)))


def setting_name(request: web.Request) -> str:
    """Return the setting that the path names: `filterable-attributes` -> `filterableAttributes`."""
    name = re.sub(r"-(\w)", lambda match: match[1].upper(), request.match_info["name"])
    if name not in DEFAULT_SETTINGS:
        raise MeiliError(404, "not_found", f"The setting `{name}` does not exist.")
    return name


@routes.get("/indexes/{uid}/documents")
async def list_documents(request: web.Request) -> web.Response:
    """List the documents of an index."""
    documents = store(request).documents(uid_of(request))
    fields = request.query.get("fields", "*").split(",")
    if fields != ["*"]:
        documents = [{name: doc[name] for name in fields if name in doc} for doc in documents]
    return page(documents, number(request, "offset", 0), number(request, "limit", 20))


@routes.get("/indexes/{uid}/documents/{id}")
async def get_document(request: web.Request) -> web.Response:
    """Show one document."""
    identity = request.match_info["id"]
    found = store(request).documents(uid_of(request), [identity])
    if not found:
        raise MeiliError(404, "document_not_found", f"Document `{identity}` not found.")
    return web.json_response(found[0])


@routes.post("/indexes/{uid}/documents")
@routes.put("/indexes/{uid}/documents")
async def put_documents(request: web.Request) -> web.Response:
    """Add documents (POST replaces, PUT merges)."""
    body, data, uid = await request.json(), store(request), uid_of(request)
    documents = body if isinstance(body, list) else [body]
    key, merge = request.query.get("primaryKey"), request.method == "PUT"
    work = lambda: data.put(uid, documents, key, merge=merge)  # noqa: E731
    return accepted(data.run_task("documentAdditionOrUpdate", uid, work))


@routes.delete("/indexes/{uid}/documents/{id}")
async def delete_document(request: web.Request) -> web.Response:
    """Remove one document."""
    return remove(request, lambda data, uid: data.remove(uid, [request.match_info["id"]]))


@routes.delete("/indexes/{uid}/documents")
async def delete_all(request: web.Request) -> web.Response:
    """Remove all documents of an index."""
    return remove(request, lambda data, uid: data.remove(uid, None))


@routes.post("/indexes/{uid}/documents/delete-batch")
async def delete_batch(request: web.Request) -> web.Response:
    """Remove documents by id."""
    ids = await request.json()
    return remove(request, lambda data, uid: data.remove(uid, ids))


@routes.post("/indexes/{uid}/documents/delete")
async def delete_filtered(request: web.Request) -> web.Response:
    """Remove the documents that a filter selects."""
    given = (await request.json()).get("filter")

    def work(data: Store, uid: str) -> Document:
        test = compile_filter(given, data.settings(uid)["filterableAttributes"])
        key = data.index(uid)["primaryKey"]
        return data.remove(uid, [doc[key] for doc in data.documents(uid) if test(doc)])

    return remove(request, work)


def remove(request: web.Request, work: Callable[[Store, str], Document]) -> web.Response:
    """Run a deletion as a task."""
    data, uid = store(request), uid_of(request)
    return accepted(data.run_task("documentDeletion", uid, lambda: work(data, uid)))


@routes.post("/indexes/{uid}/search")
async def search_index(request: web.Request) -> web.Response:
    """Search one index."""
    return web.json_response(search_in(store(request), uid_of(request), await request.json()))


@routes.post("/multi-search")
async def multi_search(request: web.Request) -> web.Response:
    """Search several indexes."""
    queries = (await request.json()).get("queries", [])
    found = [{"indexUid": q["indexUid"], **search_in(store(request), q["indexUid"], q)} for q in queries]
    return web.json_response({"results": found})


def search_in(data: Store, uid: str, query: Document) -> Document:
    """Return the answer to one query."""
    return search(data.documents(uid), data.settings(uid), query)


@routes.get("/tasks")
async def list_tasks(request: web.Request) -> web.Response:
    """List the tasks, the newest first."""
    tasks, limit = store(request).tasks(), number(request, "limit", 20)
    start = tasks[0]["uid"] if tasks else None
    body = {"results": tasks[:limit], "total": len(tasks), "limit": limit, "from": start, "next": None}
    return web.json_response(body)


@routes.get("/tasks/{task}")
async def get_task(request: web.Request) -> web.Response:
    """Show one task."""
    text = request.match_info["task"]
    found = store(request).tasks(int(text)) if text.isdigit() else []
    if not found:
        raise MeiliError(404, "task_not_found", f"Task `{text}` not found.")
    return web.json_response(found[0])


def application(data: Store, key: str, *, show_metrics: bool = False) -> web.Application:
    """Return the server; without a key everything is open, as upstream's development mode."""
    app = web.Application(middlewares=[guard], client_max_size=100 * 2**20)
    app["store"], app["key"], app["metrics"] = data, key, show_metrics
    app.add_routes(routes)
    return app


def switch(name: str) -> bool:
    """Return whether a variable switches something on."""
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def main() -> None:
    """Check the environment as upstream does, then serve until SIGTERM."""
    key, mode = os.environ.get("MEILI_MASTER_KEY", ""), os.environ.get("MEILI_ENV", "development")
    if mode not in {"development", "production"}:
        sys.exit(f"error: invalid value '{mode}' for '--env <ENV>'")
    if mode == "production" and len(key.encode()) < MINIMUM_KEY:
        provided = f"The provided key is only {len(key.encode())} bytes." if key else "No key was provided."
        sys.exit(f"error: The master key must be at least {MINIMUM_KEY} bytes in a production environment. {provided}")
    host, _, port = os.environ.get("MEILI_HTTP_ADDR", "localhost:7700").rpartition(":")
    upgrade = switch("MEILI_UPGRADE_DB") or switch("MEILI_EXPERIMENTAL_DUMPLESS_UPGRADE")
    try:
        data = Store(Path(os.environ.get("MEILI_DB_PATH", "data.ms")), VERSION, upgrade=upgrade)
    except (WrongVersion, OSError) as error:
        sys.exit(f"error: {error}")
    app = application(data, key, show_metrics=switch("MEILI_EXPERIMENTAL_ENABLE_METRICS"))
    web.run_app(app, host=host, port=int(port), access_log=None)


if __name__ == "__main__":
    main()
