"""LibreChat as a browser speaks to it (contracts 3 and 10)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.http import (
    Answer,
    CheckFailed,
    Http,
    NotTried,
)

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
"""Routes of chat and files answer browsers only (contracts 3.3)."""

_NO_PARENT = "00000000-0000-0000-0000-000000000000"
_OK = (200, 201)


@dataclass(frozen=True)
class Reply:
    """An answer of a model, complete."""

    conversation: str
    text: str
    pieces: int
    response: Mapping[str, Any]


@dataclass
class LibreChat:
    """One user's session.

    Args:
        http: leads to LibreChat.
        email: of the user.
        password: of the user; in no message.
    """

    http: Http
    email: str
    password: str = field(repr=False)
    token: str = field(default="", repr=False)
    user: str = ""
    role: str = ""

    @property
    def username(self) -> str:
        """Return the user's short name."""
        return self.email.partition("@")[0]

    def register(self) -> Answer:
        """Sign up as the form does."""
        secret = {"password": self.password, "confirm_password": self.password}
        person = {"name": "Verify", "username": self.username, "email": self.email}
        return self.http.send("POST", "/api/auth/register", headers=_visitor(), body=person | secret)

    def log_in(self, password: str | None = None) -> Answer:
        """Log in, and keep the session when that succeeds."""
        given = {"email": self.email, "password": self.password if password is None else password}
        answer = self.http.send("POST", "/api/auth/login", headers=_visitor(), body=given)
        data = answer.json()
        if answer.status in _OK and isinstance(data, dict) and data.get("token"):
            self.token, self.user = data["token"], str(data["user"].get("id") or data["user"]["_id"])
            self.role = str(data["user"].get("role", ""))
        return answer

    def get(self, path: str) -> Any:
        """Return the JSON at a path.

        Raises:
            CheckFailed: the answer is no JSON, or not 200.
        """
        return self._json(self.http.send("GET", path, headers=self._headers()), path)

    def ask(self, endpoint: str, question: str, files: Sequence[str] = (), timeout: float = 120) -> Reply:
        """Ask a model of an endpoint in a new conversation and wait for the end of its streamed answer.

        Raises:
            CheckFailed: LibreChat or the provider refuses, the stream breaks, or the answer is empty.
        """
        models = self.get("/api/models").get(endpoint)
        if not models:
            raise CheckFailed(f"LibreChat offers no model of {endpoint}: see workspace_providers")
        kind = self.get("/api/endpoints").get(endpoint, {}).get("type")
        body = {
            "text": question,
            "endpoint": endpoint,
            **({"endpointType": kind} if kind else {}),
            "model": models[0],
            "conversationId": None,
            "parentMessageId": _NO_PARENT,
            "files": [{"file_id": name} for name in files],
            **({"ephemeralAgent": {"file_search": True}} if files else {}),
        }
        path = f"/api/agents/chat/{quote(endpoint, safe='')}"
        started = self._json(self.http.send("POST", path, headers=self._headers(), body=body), path)
        return self._follow(started, timeout)

    def _follow(self, started: Mapping[str, Any], timeout: float) -> Reply:
        pieces, end = 0, time.monotonic() + timeout
        path = f"/api/agents/chat/stream/{started['streamId']}"
        for name, data in self.http.events(path, self._headers(), timeout):
            if name == "error" or not isinstance(data, dict) or "error" in data:
                raise CheckFailed(f"the answer ends with an error: {_error(data)}")
            pieces += data.get("event") == "on_message_delta"
            if data.get("final"):
                response = data.get("responseMessage") or {}
                text = _text(response)
                if response.get("error") or not text:
                    raise CheckFailed(f"the answer ends with an error: {text or 'it is empty'}")
                return Reply(str(started["conversationId"]), text, pieces, response)
            if time.monotonic() > end:
                break
        raise CheckFailed(f"the stream did not come to its end within {timeout:.0f} s")

    def history(self, conversation: str) -> list[str]:
        """Return the texts of a conversation."""
        return [_text(message) for message in self.get(f"/api/messages/{quote(conversation)}")]

    def search(self, word: str) -> list[str]:
        """Return the conversations of the messages that the search finds."""
        answer = self.get(f"/api/messages?search={quote(word)}")
        return [str(message["conversationId"]) for message in answer["messages"]]

    def upload(self, name: str, content: bytes) -> str:
        """Upload a text for the file search; return its id.

        Raises:
            CheckFailed: it was not embedded.
        """
        file_id, boundary = str(uuid4()), secrets.token_hex(16)
        fields = {"endpoint": "agents", "tool_resource": "file_search", "file_id": file_id, "message_file": "true"}
        parts = [f'form-data; name="{key}"\r\n\r\n{value}'.encode() for key, value in fields.items()]
        parts.append(
            f'form-data; name="file"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'.encode() + content
        )
        line = f"--{boundary}"
        raw = b"".join(f"{line}\r\nContent-Disposition: ".encode() + part + b"\r\n" for part in parts)
        headers = self._headers() | {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = self.http.send("POST", "/api/files", headers=headers, raw=raw + f"{line}--\r\n".encode(), timeout=120)
        data = self._json(answer, "/api/files")
        if not data.get("embedded"):
            raise CheckFailed(f"LibreChat took the file and did not embed it: {answer.reason()}")
        return str(data.get("file_id", file_id))

    def download(self, file_id: str) -> bytes:
        """Return the content of an uploaded file."""
        path = f"/api/files/download/{self.user}/{file_id}"
        answer = self.http.send("GET", path, headers=self._headers())
        if answer.status not in _OK:
            raise CheckFailed(f"GET /api/files/download answers {answer.reason()}")
        return answer.body

    def delete_user(self) -> Answer:
        """Delete the user with everything of theirs."""
        return self.http.send("DELETE", "/api/user/delete", headers=self._headers(), body={})

    def _headers(self) -> dict[str, str]:
        if not self.token:
            raise NotTried("not tried, because the user could not log in")
        return {"Authorization": f"Bearer {self.token}", "User-Agent": BROWSER}

    def _json(self, answer: Answer, path: str) -> Any:
        data = answer.json()
        if answer.status not in _OK or data is None:
            # A client that is taken for no browser gets 200 and an event.
            raise CheckFailed(f"{path.partition('?')[0]} answers {answer.reason()}")
        return data


def _visitor() -> dict[str, str]:
    """Return the headers of a new visitor behind the proxy: log-in and sign-up are limited by address."""
    number = secrets.randbelow(1 << 16)
    return {"User-Agent": BROWSER, "X-Forwarded-For": f"198.18.{number >> 8}.{number & 255}"}


def _text(message: Mapping[str, Any]) -> str:
    """Return a message's text; newer ones hold it in parts."""
    parts = (part.get("text", "") for part in message.get("content") or [] if part.get("type") == "text")
    texts = (part.get("value", "") if isinstance(part, dict) else str(part) for part in parts)
    return str(message.get("text") or "".join(texts))


def _error(data: Any) -> str:
    text = data.get("error") or data.get("message") or data if isinstance(data, dict) else data
    return str(text)[:300]
