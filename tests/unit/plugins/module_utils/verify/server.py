"""A small server on loopback that answers as LibreChat and its neighbours do, and can be broken on purpose."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.checks import Settings, Workspace
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.http import Http

SETTINGS = Settings(
    namespace="w",
    version="v0.8.8",
    endpoints={
        "librechat": {"component": "librechat", "port": 3080},
        "meilisearch": {"component": "meilisearch", "port": 7700},
        "rag_api": {"component": "rag-api", "port": 8000},
    },
    chats=("openAI",),
)


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Small:
    """The state of the server; ``broken`` maps "METHOD /path" to another answer."""

    broken: dict[str, tuple[int, Any]] = field(default_factory=dict)
    seen: list[Request] = field(default_factory=list)
    users: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    asked_files: list[Any] = field(default_factory=list)
    searches: int = 0

    def answer(self, request: Request) -> tuple[int, Any]:
        """Return status and body: bytes and texts as they are, anything else as JSON."""
        path = request.path.partition("?")[0]
        found = self.broken.get(f"{request.method} {path}")
        if found:
            return found
        if path.startswith("/api/") and not path.startswith("/api/auth/"):
            if request.headers.get("Authorization") != "Bearer t":
                return 401, b"Unauthorized"
            if "Firefox" not in request.headers.get("User-Agent", ""):
                return 200, 'event: error\ndata: {"message": "Illegal request"}\n\n'
        name = f"{request.method} {re.sub('/stream/.*|/c1$|/download/.*', '', path)}"
        return getattr(self, self.ROUTES[name])(request) if name in self.ROUTES else (401, b"no")

    ROUTES = {  # noqa: RUF012 - a constant
        "GET /": "page",
        "POST /api/auth/register": "register",
        "POST /api/auth/login": "log_in",
        "GET /api/models": "models",
        "GET /api/endpoints": "endpoints",
        "POST /api/agents/chat/openAI": "chat",
        "GET /api/agents/chat": "stream",
        "GET /api/messages": "messages",
        "POST /api/files": "upload",
        "GET /api/files": "download",
        "DELETE /api/user/delete": "delete",
    }

    def page(self, _request: Request) -> tuple[int, Any]:
        return 200, b"<!doctype html><html>chat</html>"

    def register(self, request: Request) -> tuple[int, Any]:
        self.users[request.json["email"]] = request.json["password"]
        return 200, {"message": "ok"}

    def log_in(self, request: Request) -> tuple[int, Any]:
        if self.users.get(request.json["email"]) != request.json["password"]:
            return 404, {"message": "Incorrect password."}
        return 200, {"token": "t", "user": {"id": "u1", "role": "USER"}}

    def models(self, _request: Request) -> tuple[int, Any]:
        return 200, {"openAI": ["gpt"]}

    def endpoints(self, _request: Request) -> tuple[int, Any]:
        return 200, {"openAI": {"userProvide": False}}

    def chat(self, request: Request) -> tuple[int, Any]:
        self.texts = self.texts or [request.json["text"], "An answer"]
        self.asked_files = request.json["files"] if request.json.get("ephemeralAgent", {}).get("file_search") else []
        return 200, {"streamId": "s1", "conversationId": "c1", "status": "started"}

    def stream(self, _request: Request) -> tuple[int, Any]:
        sources = [self.files[entry["file_id"]].decode() for entry in self.asked_files]
        final = {"content": [{"type": "text", "text": "An answer"}], "attachments": sources}
        delta = {"event": "on_message_delta", "data": {}}
        events: list[Any] = [{"created": True}, delta, delta, {"final": True, "responseMessage": final}]
        return 200, "".join(f"event: message\ndata: {json.dumps(event)}\n\n" for event in events)

    def messages(self, request: Request) -> tuple[int, Any]:
        if "search=" not in request.path:
            return 200, [{"text": text} for text in self.texts]
        self.searches += 1
        found = self.searches > 1 and request.path.partition("search=")[2] in self.texts[0]
        return 200, {"messages": [{"conversationId": "c1"}] if found else []}

    def upload(self, request: Request) -> tuple[int, Any]:
        boundary = request.headers["Content-Type"].partition("boundary=")[2].encode()
        parts = {}
        for part in request.body.split(b"--" + boundary)[1:-1]:
            head, _, value = part[2:-2].partition(b"\r\n\r\n")
            parts[re.search(rb' name="(\w+)"', head)[1].decode()] = value  # type: ignore[index]
        assert parts["endpoint"] == b"agents"
        assert parts["tool_resource"] == b"file_search"
        self.files[parts["file_id"].decode()] = parts["file"]
        return 200, {"file_id": parts["file_id"].decode(), "embedded": True}

    def download(self, request: Request) -> tuple[int, Any]:
        return 200, self.files[request.path.rpartition("/")[2]]

    def delete(self, _request: Request) -> tuple[int, Any]:
        return 200, {"message": "User deleted"}


@contextlib.contextmanager
def running(small: Small) -> Iterator[Workspace]:
    """Yield a workspace whose servers are all ``small``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, self.path, self.headers, body)
            small.seen.append(request)
            status, answer = small.answer(request)
            if isinstance(answer, str):
                answer = answer.encode()
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the library's names

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

        def http_to(endpoint: str) -> Http:
            return Http(
                endpoint, lambda timeout: http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=timeout)
            )

        now = [0.0]

        def sleep(seconds: float) -> None:
            now[0] += seconds

        yield Workspace(SETTINGS, http_to, lambda *_: (0, ""), sleep, lambda: now[0])
        server.shutdown()
