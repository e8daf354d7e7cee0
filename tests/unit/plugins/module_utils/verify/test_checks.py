"""The checks against a small server: green when it behaves, red with cause and way out when it does not."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify import checks
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.http import CheckFailed
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.running import _clean_up, failures, run_checks
from tests.unit.plugins.module_utils.verify.server import SETTINGS, Small, running

NAMES = [
    "the page is served",
    "a user is made",
    "the user logs in",
    "a wrong password is refused",
    "metrics without their secret are refused",
    "openAI streams an answer",
    "the conversation is kept",
    "search finds the message",
    "a file is embedded",
    "a question finds the file",
    "the file comes back byte for byte",
    "Meilisearch refuses no key",
    "Meilisearch refuses a wrong key",
    "the RAG API refuses no token",
    "the RAG API refuses a forged token",
]


def test_a_workspace_that_works_passes_every_check() -> None:
    small, lines = Small(), list[str]()
    with running(small) as workspace:
        results = run_checks(workspace, checks.checks(SETTINGS), lines.append)
        again = checks.still_there(workspace)
    assert [result["name"] for result in results] == NAMES
    assert not failures(results)
    assert again == "log-in, history, search, file, question"
    assert [line[:6] for line in lines] == ["PASS  "] * len(NAMES)
    assert workspace.chat.password not in "\n".join([*lines, json.dumps(results), repr(workspace.chat)])
    # Log-in and sign-up are limited by address, so each comes from another.
    addresses = {request.headers["X-Forwarded-For"] for request in small.seen if "/auth/" in request.path}
    assert len(addresses) > 1


@pytest.mark.parametrize(
    ("route", "answer", "failed", "message"),
    [
        ("GET /", (502, b"bad gateway"), NAMES[0], "502 bad gateway"),
        ("POST /api/auth/register", (429, {"message": "Too many"}), NAMES[1], "429 Too many"),
        ("POST /api/auth/login", (500, b""), NAMES[2], "logging in answers 500"),
        ("POST /api/auth/login", (200, {"token": "t", "user": {"id": "u"}}), NAMES[3], "wrong password answers 200"),
        ("GET /metrics", (200, b"x"), NAMES[4], "runs without its secret"),
        ("GET /api/models", (200, {}), NAMES[5], "offers no model of openAI"),
        ("GET /api/agents/chat/stream/s1", (404, {"error": "gone"}), NAMES[5], "404 gone"),
        ("GET /api/agents/chat/stream/s1", (200, 'event: error\ndata: {"error": "401 no"}\n\n'), NAMES[5], "401 no"),
        ("GET /api/agents/chat/stream/s1", (200, 'data: {"final": true}\n\n'), NAMES[5], "it is empty"),
        ("GET /api/agents/chat/stream/s1", (200, 'data: {"created": true}\n\n'), NAMES[5], "did not come to its end"),
        ("GET /api/messages/c1", (200, [{"text": "?"}]), NAMES[6], "has 1 messages"),
        ("GET /api/messages", (500, {"message": "fetch failed"}), NAMES[7], "meilisearch_master_key"),
        ("POST /api/files", (500, {"message": "Error processing file"}), NAMES[8], "JWT_SECRET"),
        ("POST /api/files", (200, {"embedded": False}), NAMES[8], "did not embed"),
        ("GET /indexes", (200, {}), NAMES[11], "without credentials answers 200"),
        ("GET /indexes", (200, {}), NAMES[12], "with made-up credentials answers 200"),
        ("GET /ids", (500, {}), NAMES[14], "answers 500 and not 401 or 403"),
    ],
)
def test_what_is_broken_is_said(route: str, answer: tuple[int, Any], failed: str, message: str) -> None:
    with running(Small(broken={route: answer})) as workspace:
        results = run_checks(workspace, checks.checks(SETTINGS), lambda _: None)
    found = {result["name"]: result["message"] for result in results if not result["passed"]}
    assert message in found[failed]
    assert len(results) == len(NAMES), "all checks run"


def test_what_builds_upon_a_failure_is_not_tried() -> None:
    with running(Small(broken={"POST /api/auth/login": (404, {"message": "Email does not exist."})})) as workspace:
        results = run_checks(workspace, checks.checks(SETTINGS), lambda _: None)
    messages = {result["name"]: result["message"] for result in results}
    assert messages[NAMES[5]] == messages[NAMES[8]] == "not tried, because the user could not log in"
    assert messages[NAMES[7]] == "not tried, because no chat answered"
    assert messages[NAMES[10]] == "not tried, because no file was embedded"


def test_other_bytes_and_a_lost_vector_are_found() -> None:
    small = Small()
    with running(small) as workspace:
        run_checks(workspace, list(checks.checks(SETTINGS))[:9], lambda _: None)
        small.files = dict.fromkeys(small.files, b"else")
        with pytest.raises(CheckFailed, match="4 other bytes than"):
            checks.download(workspace)
        with pytest.raises(CheckFailed, match="neither sources nor answer"):
            checks.find(workspace)


@pytest.mark.parametrize("code", [0, 1])
def test_with_registration_off_the_command_makes_the_user(code: int) -> None:
    given: list[Any] = []
    with running(Small(broken={"POST /api/auth/register": (403, {"message": "not allowed"})})) as workspace:

        def run(*arguments: Any) -> tuple[int, str]:
            given.extend(arguments)
            return code, f"\nError: taken {workspace.chat.password}\n"

        workspace.run = run
        if code:
            with pytest.raises(CheckFailed, match=r"ended with 1: Error: taken \*\*\*$"):
                checks.sign_up(workspace)
        else:
            assert checks.sign_up(workspace).endswith("registration is off")
        component, command, stdin = given
        assert component == "librechat"
        assert command[:4] == ["npm", "run", "create-user", workspace.chat.email]
        assert stdin == f"{workspace.chat.password}\n"
        assert workspace.chat.password not in command


def test_only_what_is_on_is_checked() -> None:
    def names(**changes: Any) -> list[str]:
        return [check.name for check in checks.checks(dataclasses.replace(SETTINGS, **changes))]

    assert names(endpoints={"librechat": {"component": "librechat"}}) == NAMES[:7]
    assert names(endpoints={**SETTINGS.endpoints, "meilisearch": {}}) == [*NAMES[:11], *NAMES[13:]]
    assert NAMES[4] not in names(version="v0.8.6")
    assert names(chats=()) == [*NAMES[:5], NAMES[8], *NAMES[10:]]
    assert names(endpoints={"rag_api": {"component": "rag-api"}}) == NAMES[13:]


def test_a_forged_token_is_a_jwt_of_an_unknown_secret() -> None:
    header, claims, signature = checks.forged_token().split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "HS256", "typ": "JWT"}
    assert set(json.loads(base64.urlsafe_b64decode(claims + "=="))) == {"id", "iat", "exp"}
    assert len(base64.urlsafe_b64decode(signature + "==")) == 32
    assert checks.forged_token().rpartition(".")[2] != signature


@pytest.mark.parametrize(
    ("route", "role", "left"),
    [
        ({}, "USER", ""),
        (
            {"DELETE /api/user/delete": (403, {"message": "no"})},
            "USER",
            "since DELETE /api/user/delete answers: 403 no",
        ),
        ({"DELETE /api/user/delete": (404, {})}, "ADMIN", "with the role ADMIN, as the first user of all"),
    ],
)
def test_the_user_that_stays_is_told(route: dict[str, Any], role: str, left: str) -> None:
    lines: list[str] = []
    with running(Small(broken=route)) as workspace:
        checks.sign_up(workspace)
        checks.log_in(workspace)
        workspace.chat.role = role
        found = _clean_up(workspace, lines.append)
    assert left in "".join(found)
    assert len(found) == len(lines) == bool(left)


def test_a_server_that_is_away_is_named() -> None:
    with running(Small()) as workspace:
        pass
    with pytest.raises(CheckFailed, match="librechat does not answer: Connection"):
        checks.page(workspace)
