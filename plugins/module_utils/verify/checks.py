"""The checks, in their order: what upstream's own probes do not see (contracts 10)."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.http import CheckFailed, Http, NotTried
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.librechat import LibreChat

T = TypeVar("T")
_OK = 200
_FORBIDDEN = 403
_NOT_FOUND = 404
_TOO_MANY = 429
_REFUSED = (401, 403)
_WITHOUT_METRICS = ("v0.8.6",)
"""Releases that have no metrics (contracts 3.1)."""


@dataclass(frozen=True)
class Settings:
    """What the checks know of the workspace.

    Args:
        namespace: where it runs.
        version: release of LibreChat.
        endpoints: of the model: name to component and port; no component for one that runs elsewhere.
        chats: endpoints of the chat that should answer.
        providers: base URL of each provider, empty for its own.
        domain: of the verify user's e-mail address.
        network_policies: whether they are on.
    """

    namespace: str
    version: str
    endpoints: Mapping[str, Mapping[str, Any]]
    chats: tuple[str, ...]
    providers: Mapping[str, str] = field(default_factory=dict)
    domain: str = "verify.invalid"
    network_policies: bool = False

    def here(self, endpoint: str) -> bool:
        """Tell whether an endpoint is on and runs in the workspace."""
        return bool(self.endpoints.get(endpoint, {}).get("component"))


Command = Callable[[str, list[str], str], tuple[int, str]]
"""Runs a command with a standard input in a Ready pod of a component; returns exit code and text."""


@dataclass
class Workspace:
    """A workspace under test, and what earlier checks left for later ones.

    Args:
        settings: what is on.
        http: leads to a component, by endpoint.
        run: runs a command in a pod.
        sleep: waits.
    """

    settings: Settings
    http: Callable[[str], Http]
    run: Command
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        """Make up the user and the words to look for."""
        email = f"verify-{secrets.token_hex(5)}@{self.settings.domain}"
        self.chat = LibreChat(self.http("librechat"), email, secrets.token_urlsafe(24))
        self.word = f"quokka{secrets.token_hex(4)}"
        self.code = f"wombat{secrets.token_hex(4)}"
        self.note = f"Notes of {email}.\nThe code word of the {self.word} is {self.code}.\n".encode()
        self.answered = ""
        """Endpoint that answered first."""
        self.conversation = ""
        self.file = ""

    def until(self, seconds: float, attempt: Callable[[], T]) -> T:
        """Return what ``attempt`` returns at last; its last failure counts when time is over."""
        end = self.clock() + seconds
        while True:
            try:
                return attempt()
            except CheckFailed as error:
                if isinstance(error, NotTried) or self.clock() >= end:
                    raise
            self.sleep(0.5)

    def logs(self, endpoint: str) -> str:
        """Return the command that shows what a server wrote."""
        component = self.settings.endpoints[endpoint].get("component")
        if not component:
            return f"the log of {endpoint}, which runs elsewhere"
        return f"`kubectl -n {self.settings.namespace} logs -l app.kubernetes.io/name={component}`"


@dataclass(frozen=True)
class Check:
    """One line of the result; ``do`` returns a remark, or raises CheckFailed."""

    name: str
    do: Callable[[Workspace], str]


def checks(settings: Settings) -> Iterator[Check]:
    """Yield the checks of what is on, each after what it builds upon."""
    if settings.here("librechat"):
        yield Check("the page is served", page)
        yield Check("a user is made", sign_up)
        yield Check("the user logs in", log_in)
        yield Check("a wrong password is refused", wrong_password)
        if settings.version not in _WITHOUT_METRICS:
            yield Check("metrics without their secret are refused", metrics)
        for chat in settings.chats:
            yield Check(f"{chat} streams an answer", partial(stream, endpoint=chat))
        if settings.chats:
            yield Check("the conversation is kept", history)
        if settings.chats and "meilisearch" in settings.endpoints:
            yield Check("search finds the message", search)
        if "rag_api" in settings.endpoints:
            yield Check("a file is embedded", upload)
            if settings.chats:
                yield Check("a question finds the file", find)
            yield Check("the file comes back byte for byte", download)
    if settings.here("meilisearch"):
        yield Check("Meilisearch refuses no key", partial(refuses, endpoint="meilisearch", path="/indexes"))
        yield Check(
            "Meilisearch refuses a wrong key", partial(refuses, endpoint="meilisearch", path="/indexes", bearer=_key)
        )
    if settings.here("rag_api"):
        yield Check("the RAG API refuses no token", partial(refuses, endpoint="rag_api", path="/ids"))
        yield Check(
            "the RAG API refuses a forged token", partial(refuses, endpoint="rag_api", path="/ids", bearer=forged_token)
        )


def page(workspace: Workspace) -> str:
    """The start page is HTML."""
    answer = workspace.http("librechat").send("GET", "/", headers={"Accept": "text/html"})
    if answer.status != _OK or b"<html" not in answer.body.lower():
        raise CheckFailed(f"the page answers {answer.reason()}: see {workspace.logs('librechat')}")
    return ""


def sign_up(workspace: Workspace) -> str:
    """A user is made: by the form, or by the administrator's command where registration is off."""
    answer = workspace.chat.register()
    if answer.status == _OK:
        return f"{workspace.chat.email} by the form"
    if answer.status != _FORBIDDEN:
        raise CheckFailed(f"signing up answers {answer.reason()}: see {workspace.logs('librechat')}")
    chat = workspace.chat
    command = ["npm", "run", "create-user", chat.email, "Verify", chat.username, "--", "--email-verified=true"]
    code, text = workspace.run("librechat", command, f"{chat.password}\n")
    if code:
        last = ([line for line in text.replace(chat.password, "***").splitlines() if line.strip()] or [""])[-1]
        raise CheckFailed(f"`npm run create-user` ended with {code}: {last[:300]}")
    return f"{chat.email} by create-user, as registration is off"


def log_in(workspace: Workspace) -> str:
    """The user gets a session."""
    answer = workspace.chat.log_in()
    if not workspace.chat.token:
        where = "see librechat_registration and " if answer.status == _NOT_FOUND else "see "
        raise CheckFailed(f"logging in answers {answer.reason()}: {where}{workspace.logs('librechat')}")
    return ""


def wrong_password(workspace: Workspace) -> str:
    """Another password is refused for what it is, and not because too many tried."""
    answer = LibreChat(workspace.http("librechat"), workspace.chat.email, "").log_in(secrets.token_urlsafe(24))
    if answer.status == _TOO_MANY or not 400 <= answer.status < 500:  # noqa: PLR2004 - HTTP
        raise CheckFailed(f"logging in with a wrong password answers {answer.reason()}")
    return ""


def metrics(workspace: Workspace) -> str:
    """Neither nobody nor a guess reads the metrics."""
    return refuses(workspace, endpoint="librechat", path="/metrics") or refuses(
        workspace, endpoint="librechat", path="/metrics", bearer=_key
    )


def stream(workspace: Workspace, endpoint: str) -> str:
    """A model answers, piece by piece."""
    with _advised(f"see workspace_providers and {workspace.logs('librechat')}"):
        reply = workspace.chat.ask(endpoint, f"Tell me in one sentence about the {workspace.word}.")
    if not workspace.answered:
        workspace.answered, workspace.conversation = endpoint, reply.conversation
    return f"{reply.pieces} pieces"


def history(workspace: Workspace) -> str:
    """Question and answer are in the document store."""
    _need(workspace.conversation, "no chat answered")
    texts = workspace.chat.history(workspace.conversation)
    if len(texts) < 2 or workspace.word not in texts[0]:  # noqa: PLR2004 - question and answer
        raise CheckFailed(f"the conversation has {len(texts)} messages, the question is not the first of them")
    return ""


def search(workspace: Workspace) -> str:
    """The message is in the index (LibreChat writes it there within 3 s: contracts 10)."""
    _need(workspace.conversation, "no chat answered")

    def attempt() -> None:
        if workspace.conversation not in workspace.chat.search(workspace.word):
            raise CheckFailed("the message is not found after 30 s")

    with _advised(
        "LibreChat and Meilisearch must hold the same key (meilisearch_master_key); after Meilisearch's volume was "
        f"emptied restart LibreChat; see {workspace.logs('librechat')}"
    ):
        workspace.until(30, attempt)
    return ""


def upload(workspace: Workspace) -> str:
    """LibreChat hands a file to the RAG API, which asks for embeddings and writes vectors."""
    with _advised(
        "LibreChat and RAG API must hold the same JWT_SECRET, and the embeddings need their key (rag_api_embeddings); "
        f"see {workspace.logs('rag_api')}"
    ):
        workspace.file = workspace.chat.upload("verify.txt", workspace.note)
    return f"{len(workspace.note)} bytes"


def find(workspace: Workspace) -> str:
    """A question about the file brings its text, in the sources of the file search or in the answer."""
    _need(workspace.file, "no file was embedded")
    _need(workspace.answered, "no chat answered")
    question = f"Search the file: what is the code word of the {workspace.word}? Answer with the word."
    reply = workspace.chat.ask(workspace.answered, question, [workspace.file])
    if workspace.code not in json.dumps(reply.response):
        raise CheckFailed(f"neither sources nor answer hold the file's text: see {workspace.logs('rag_api')}")
    return ""


def download(workspace: Workspace) -> str:
    """The file is on LibreChat's storage."""
    _need(workspace.file, "no file was embedded")
    content = workspace.chat.download(workspace.file)
    if content != workspace.note:
        raise CheckFailed(
            f"the file has {len(content)} other bytes than the {len(workspace.note)} uploaded: see librechat_storage"
        )
    return ""


def refuses(workspace: Workspace, endpoint: str, path: str, bearer: Callable[[], str] | None = None) -> str:
    """A server refuses a call without credentials, or with made-up ones."""
    headers = {"Authorization": f"Bearer {bearer()}"} if bearer else {}
    answer = workspace.http(endpoint).send("GET", path, headers=headers)
    if answer.status not in _REFUSED:
        who = "with made-up credentials" if bearer else "without credentials"
        raise CheckFailed(
            f"{path} {who} answers {answer.status} and not 401 or 403: the server runs without its secret; "
            f"see {workspace.logs(endpoint)}"
        )
    return str(answer.status)


def still_there(workspace: Workspace) -> str:
    """Everything that was written is there: for after a restart."""
    tried: list[tuple[str, Callable[[Workspace], str]]] = [("log-in", log_in)]
    if workspace.conversation:
        tried.append(("history", history))
        if "meilisearch" in workspace.settings.endpoints:
            tried.append(("search", search))
    if workspace.file:
        tried.append(("file", download))
        if workspace.answered:
            tried.append(("question", find))
    for _, check in tried:
        workspace.until(90, partial(check, workspace))
    return ", ".join(name for name, _ in tried)


def forged_token() -> str:
    """Return a JWT as LibreChat makes them for the RAG API, signed with another secret (contracts 2)."""
    claims = {"id": "0" * 24, "iat": int(time.time()), "exp": int(time.time()) + 300}
    parts = (_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    text = ".".join(parts)
    signature = hmac.new(secrets.token_bytes(32), text.encode(), hashlib.sha256).digest()
    return f"{text}.{_base64(signature)}"


@contextlib.contextmanager
def _advised(advice: str) -> Iterator[None]:
    """Add to a failure what to look at."""
    try:
        yield
    except NotTried:
        raise
    except CheckFailed as error:
        raise CheckFailed(f"{error}: {advice}") from error


def _key() -> str:
    return secrets.token_urlsafe(24)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _need(value: str, why_not: str) -> None:
    if not value:
        raise NotTried(f"not tried, because {why_not}")
