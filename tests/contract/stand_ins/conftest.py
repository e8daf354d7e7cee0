"""Runs the stand-ins as programs on loopback, and PostgreSQL out of its image."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.images import build_images

DOCKER = Path(__file__).parents[3] / "docker"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ai-workspace"
PATIENCE = 20


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} within {PATIENCE} s"
        time.sleep(0.05)


@dataclass
class Answer:
    """What an HTTP call gave."""

    status: int
    body: bytes
    headers: dict[str, str]

    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.body)


@dataclass
class Server:
    """A program that listens on loopback."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; a body that is not bytes goes as JSON."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            headers.setdefault("content-type", "application/json")
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
                return Answer(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), dict(error.headers))

    def listens(self) -> bool:
        """Return whether the port is open; fail when the program has ended."""
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


Launch = Callable[..., Server]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Return a function that starts a stand-in with exactly this environment; `wait=False` for one that must fail."""
    servers: list[Server] = []

    def start(name: str, port_variable: str, env: dict[str, str], *, wait: bool = True, **options: Any) -> Server:
        port, log = free_port(), tmp_path / f"{len(servers)}.log"
        program = DOCKER / "stand-ins" / name / ("main.py" if name == "rag-api" else "server.py")
        address = f"127.0.0.1:{port}" if port_variable == "MEILI_HTTP_ADDR" else str(port)
        full = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", port_variable: address, **env}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, str(program)],
                env=full,
                cwd=options.get("cwd", tmp_path),
                stdout=output,
                stderr=output,
            )
        servers.append(Server(process, port, log))
        if wait:
            wait_for(servers[-1].listens, f"{name} listens")
        return servers[-1]

    yield start
    for server in servers:
        server.process.kill()
        server.process.wait()


def exit_text(server: Server) -> tuple[int, str]:
    """Return how a server that must not start ended."""
    return server.process.wait(PATIENCE), server.log.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def postgres_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked files of the image postgres-pgvector."""
    images = build_images(DOCKER, CACHE, print, only=["postgres-pgvector"])
    root = tmp_path_factory.mktemp("postgres")
    root.chmod(0o755)
    with tarfile.open(images[-1].archive) as archive:
        manifest = json.load(archive.extractfile("manifest.json") or pytest.fail("no manifest"))
        for layer in manifest[0]["Layers"]:
            data = archive.extractfile(layer) or pytest.fail("no layer")
            subprocess.run(["tar", "-x", "-C", str(root)], input=data.read(), check=True)
    return root


@dataclass
class Postgres:
    """A PostgreSQL of the image, in its own mount namespace, on loopback."""

    root: Path
    port: int
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """The file of its output."""
        return self.root / "log"

    def start(self) -> None:
        """Start it on the data that it had."""
        script = (
            'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot --userspec=999:999 "$0" "$@"'
        )
        inside = ["docker-entrypoint.sh", "postgres", "-p", str(self.port), "-c", "fsync=off"]
        path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/usr/lib/postgresql/17/bin"
        output = self.log.open("ab")
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script, str(self.root), *inside],
            env={"PATH": path, "LANG": "C.UTF-8", "PGDATA": "/var/lib/postgresql/data/pgdata", **self.env},
            stdout=output,
            stderr=output,
        )

    def listens(self) -> bool:
        """Return whether the port is open; fail when the program has ended."""
        assert self.process
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> int:
        """Stop it as the image's STOPSIGNAL does."""
        assert self.process
        self.process.send_signal(2)
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="session")
def postgres(postgres_root: Path) -> Iterator[Postgres]:
    """Return a running PostgreSQL 17 with pgvector; user app (superuser), password `p@ss:w/rd`, database rag."""
    env = {
        "POSTGRES_USER": "app",
        "POSTGRES_PASSWORD": "p@ss:w/rd",
        "POSTGRES_DB": "rag",
        "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256",  # loopback is trusted otherwise
    }
    server = Postgres(postgres_root, free_port(), env)
    server.start()
    wait_for(server.listens, "PostgreSQL listens")
    yield server
    if server.process and server.process.poll() is None:
        server.stop()
