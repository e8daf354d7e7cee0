"""The whole neighbourhood of the LibreChat stand-in, started once for all test files."""

from __future__ import annotations

import atexit
import functools
import shutil
import time
from typing import TYPE_CHECKING, Any

from tests.contract.stand_ins import librechat_neighbours as neighbours
from tests.contract.stand_ins.librechat_server import REQUIRED, Server, install, serving

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

YAML = """
version: "1.3.17"
registration: {allowedDomains: [example.com]}
endpoints:
  custom:
    - {name: Local, apiKey: "${LOCAL_KEY}", baseURL: "http://127.0.0.1:%(port)d/v1/", models: {default: [tiny]}}
    - {name: Unset, apiKey: "${NOT_SET}", baseURL: "http://127.0.0.1:%(port)d/v1", models: {default: [tiny]}}
    - {name: Incomplete, apiKey: x, models: {default: [tiny]}}
"""


class Stack:
    """All neighbours and the variables that lead to them."""

    def __init__(self, folder: Path) -> None:
        """Start them."""
        for name in ("postgres", "ferretdb", "valkey", "meilisearch", "librechat"):
            (folder / name).mkdir()
        self.folder = folder
        self.recorder = neighbours.Recorder(REQUIRED["JWT_SECRET"]).start()
        self.valkey = neighbours.valkey(folder / "valkey")
        self.meilisearch = neighbours.meilisearch(folder / "meilisearch")
        self.postgres = neighbours.postgresql(folder / "postgres")
        self.ferretdb = neighbours.ferretdb(folder / "ferretdb", self.postgres.port)
        yaml = folder / "librechat.yaml"
        yaml.write_text(YAML % {"port": self.recorder.port})
        self.mongo = f"mongodb://{neighbours.USER}:{neighbours.ENCODED}@127.0.0.1:{self.ferretdb.port}/LibreChat"
        self.variables = {
            "CONFIG_PATH": str(yaml),
            "MONGO_URI": f"{self.mongo}?serverSelectionTimeoutMS=2000",
            "USE_REDIS": "true",
            "REDIS_URI": f"redis://:{neighbours.ENCODED}@127.0.0.1:{self.valkey.port}",
            "REDIS_KEY_PREFIX": "libre",
            "REDIS_RETRY_MAX_ATTEMPTS": "0",
            "SEARCH": "true",
            "MEILI_HOST": f"http://127.0.0.1:{self.meilisearch.port}",
            "MEILI_MASTER_KEY": neighbours.KEY,
            "RAG_API_URL": f"http://127.0.0.1:{self.recorder.port}",
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_REVERSE_PROXY": f"http://127.0.0.1:{self.recorder.port}/v1",
            "LOCAL_KEY": "sk-test",
            "ALLOW_REGISTRATION": "true",
            "REGISTER_MAX": "50",
            "LOGIN_MAX": "500",
            "METRICS_SECRET": "metrics-secret",
        }

    def serve(self, **changed: str | None) -> AbstractContextManager[Server]:
        """Start a server with the variables, changed."""
        port = neighbours.free_port()
        return serving(self.folder / "librechat", port, **{**self.variables, **changed})

    def stop(self) -> None:
        """Stop all."""
        for program in (self.ferretdb, self.postgres, self.valkey, self.meilisearch):
            program.stop()
        shutil.rmtree(self.folder)


@functools.cache
def shared() -> Stack:
    """Return the one stack of this test run; it ends with the run."""
    install()
    stack = Stack(neighbours.scratch())
    atexit.register(stack.stop)
    return stack


def answer_of(events: list[dict[str, Any]]) -> str:
    """Put the pieces of an answer together."""
    return "".join(event["data"]["delta"]["content"][0]["text"] for event in events if event.get("event"))


def found(server: Server, token: str, word: str, seconds: float = 6) -> list[dict[str, Any]]:
    """Search until something is found, or give up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = server.call("GET", f"/api/messages?search={word}", token=token)
        if answer.ok and answer.json()["messages"]:
            return list(answer.json()["messages"])
        time.sleep(0.1)
    return []


def upload(server: Server, token: str, file_id: str, **fields: str) -> Any:
    """Send a text file for the search in files."""
    data = {"endpoint": "agents", "tool_resource": "file_search", "file_id": file_id, "message_file": "true", **fields}
    files = {"file": ("notes.txt", b"The parrot is green.", "text/plain")}
    return server.call("POST", "/api/files", token=token, data=data, files=files)
