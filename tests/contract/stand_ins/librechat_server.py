"""The LibreChat stand-in as a subprocess on loopback, with all the variables that it needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

FOLDER = Path(__file__).parents[3] / "docker/stand-ins/librechat"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Safari/537.36"
NO_PARENT = "00000000-0000-0000-0000-000000000000"
PASSWORD = "password-1"
REQUIRED = {
    "NODE_ENV": "production",
    "LOG_TO_FILE": "false",
    "HOST": "127.0.0.1",
    "MONGO_URI": "mongodb://127.0.0.1:1/LibreChat",
    "CREDS_KEY": "0a" * 32,
    "CREDS_IV": "0b" * 16,
    "JWT_SECRET": "access-secret-of-32-characters-or-more",
    "JWT_REFRESH_SECRET": "refresh-secret-of-32-characters-or-more",
}


def install() -> None:
    """Install the npm packages of the stand-in when they are missing or older than the lock file."""
    stamp = FOLDER / "node_modules/.package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= (FOLDER / "package-lock.json").stat().st_mtime:
        return
    subprocess.run(["npm", "ci", "--ignore-scripts", "--prefix", FOLDER], check=True, capture_output=True)
    stamp.touch()


def environment(**variables: str | None) -> dict[str, str]:
    """Return a server's whole environment: the required variables and the given ones (None takes one away)."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {name: value for name, value in {**keep, **REQUIRED, **variables}.items() if value is not None}


def run_to_end(
    folder: Path, *, timeout: float = 15, command: str = "src/server.js", **variables: str | None
) -> tuple[int, str]:
    """Run until the process ends by itself; return its exit code and all that it said."""
    node = shutil.which("node") or pytest.fail("node is missing: apt-get install nodejs")
    done = subprocess.run(
        [node, FOLDER / command],
        cwd=folder,
        env=environment(**variables),
        timeout=timeout,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout


@dataclass
class Server:
    """A running server and the calls that a browser makes."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def call(
        self, method: str, path: str, *, token: str = "", agent: str = BROWSER, **options: Any
    ) -> requests.Response:
        """Send one request, with the access token when there is one."""
        headers = {"User-Agent": agent, **({"Authorization": f"Bearer {token}"} if token else {})}
        return requests.request(method, self.url + path, headers=headers, timeout=options.pop("timeout", 40), **options)

    def sign_up(self, email: str) -> requests.Response:
        """Register a user with the password PASSWORD."""
        body = {"name": "A User", "username": email.partition("@")[0], "email": email}
        passwords = {"password": PASSWORD, "confirm_password": PASSWORD}
        return self.call("POST", "/api/auth/register", json={**body, **passwords})

    def log_in(self, email: str) -> str:
        """Log in; return the access token."""
        answer = self.call("POST", "/api/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def start_chat(self, token: str, text: str, *, model: str = "gpt-4o-mini", **more: Any) -> str:
        """Send a message; return the id of its stream."""
        body = {"text": text, "endpoint": "openAI", "model": model, "parentMessageId": NO_PARENT, **more}
        answer = self.call("POST", "/api/agents/chat/openAI", token=token, json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["streamId"])

    def events(self, token: str, stream: str) -> list[dict[str, Any]]:
        """Follow a stream to its end; return its events."""
        answer = self.call("GET", f"/api/agents/chat/stream/{stream}", token=token)
        assert answer.status_code == 200, answer.text
        lines = answer.content.decode().splitlines()
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    def listens(self) -> bool:
        """Is the port open?"""
        try:
            return self.call("GET", "/health", timeout=2).ok
        except requests.ConnectionError:
            return False

    def wait(self, seconds: float = 60) -> Server:
        """Wait until it is ready."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if self.listens() and self.call("GET", "/readyz").ok:
                return self
            time.sleep(0.05)
        pytest.fail(f"the stand-in did not get ready:\n{self.log.read_text()}")


@contextmanager
def serving(folder: Path, port: int, **variables: str | None) -> Iterator[Server]:
    """Start a server; end it at last."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"server-{port}.log"
    node = shutil.which("node") or pytest.fail("node is missing: apt-get install nodejs")
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [node, FOLDER / "src/server.js"],
            cwd=folder,
            stdout=sink,
            stderr=sink,
            env=environment(PORT=str(port), **variables),
        )
    try:
        yield Server(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.kill()
        process.wait()
