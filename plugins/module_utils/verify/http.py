"""HTTP as a check needs it: one connection a request, errors as sentences, events of a stream one by one."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import WorkspaceError

Connect = Callable[[float], http.client.HTTPConnection]
"""Returns a connection whose reads end after so many seconds."""

_LONGEST_REASON = 300


class CheckFailed(WorkspaceError):
    """A check found something wrong; the message says what, and where to look."""


class NotTried(CheckFailed):
    """A check that builds upon one that failed."""


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def reason(self) -> str:
        """Return status and message in one line."""
        data = self.json()
        text = data.get("message") or data.get("error") or data.get("detail") if isinstance(data, dict) else None
        return f"{self.status} {text or self.body.decode('utf-8', 'replace')}"[:_LONGEST_REASON].strip()


@dataclass(frozen=True)
class Http:
    """One server.

    Args:
        name: of the server, for messages.
        connect: makes a connection.
    """

    name: str
    connect: Connect

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        raw: bytes | None = None,
        timeout: float = 40,
    ) -> Answer:
        """Send a request and return the answer, whatever its status.

        Args:
            method: HTTP method.
            path: with the query.
            headers: more headers.
            body: sent as JSON.
            raw: sent as it is, in place of ``body``; its type is in ``headers``.
            timeout: seconds without an answer (a LibreChat without its database answers after 30: contracts 10).

        Raises:
            CheckFailed: no answer.
        """
        with self._sent(method, path, headers, body, raw, timeout) as answer:
            try:
                return Answer(answer.status, answer.read())
            except (OSError, http.client.HTTPException) as error:
                raise self._silent(error) from error

    def events(self, path: str, headers: Mapping[str, str], timeout: float) -> Iterator[tuple[str, Any]]:
        """Yield name and JSON of each server-sent event.

        Raises:
            CheckFailed: not 200, the stream breaks, or nothing comes for ``timeout`` seconds.
        """
        with self._sent("GET", path, headers, None, None, timeout) as answer:
            if answer.status != http.client.OK:
                raise CheckFailed(f"{self.name} answers {Answer(answer.status, answer.read()).reason()}")
            name = "message"
            try:
                for line in answer:
                    key, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(": ")
                    if key == "event":
                        name = value
                    elif key == "data":
                        yield name, json.loads(value)
                    elif not key:
                        name = "message"
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise self._silent(error) from error

    def _sent(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None,
        body: Any,
        raw: bytes | None,
        timeout: float,
    ) -> _Closing:
        sent = dict(headers or {})
        if body is not None:
            raw = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body=raw, headers=sent)
            return _Closing(connection, connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._silent(error) from error

    def _silent(self, error: Exception) -> CheckFailed:
        why = "no answer in time" if isinstance(error, TimeoutError) else f"{type(error).__name__} {error}".strip()
        return CheckFailed(f"{self.name} does not answer: {why}")


@dataclass
class _Closing:
    """A response whose connection ends with it."""

    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse

    def __enter__(self) -> http.client.HTTPResponse:
        return self.response

    def __exit__(self, *_: object) -> None:
        self.response.close()
        self.connection.close()
