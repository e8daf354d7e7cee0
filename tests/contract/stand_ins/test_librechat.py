"""The LibreChat stand-in refuses what LibreChat refuses: variables and librechat.yaml (contracts 3.3, 4)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.contract.stand_ins.librechat_server import FOLDER, install, run_to_end

if TYPE_CHECKING:
    from pathlib import Path

CHECKER = FOLDER.parents[2] / "tests/contract/schema"
REFUSAL = "Exiting due to invalid configuration. Set CONFIG_BYPASS_VALIDATION=true to bypass this check."
# A good yaml gets as far as MongoDB, which is not there: a parameter of the driver keeps that short.
GONE = "mongodb://127.0.0.1:1/LibreChat?serverSelectionTimeoutMS=300"


@pytest.fixture(autouse=True, scope="module")
def _packages() -> None:
    install()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"MONGO_URI": None}, "Please define the MONGO_URI environment variable"),
        ({"MONGO_URI": None, "DATABASE_URL": "postgresql://x"}, "Please define the MONGO_URI environment variable"),
        ({"MONGO_URI": "postgresql://u:p@h/d"}, "Invalid scheme"),
        ({"CREDS_KEY": None}, "CREDS_KEY must be 64 hexadecimal characters"),
        ({"CREDS_KEY": "z" * 64}, "CREDS_KEY must be 64 hexadecimal characters"),
        ({"CREDS_KEY": "a" * 63}, "CREDS_KEY must be 64 hexadecimal characters"),
        ({"CREDS_IV": "a" * 64}, "CREDS_IV must be 32 hexadecimal characters"),
        ({"JWT_SECRET": ""}, "JwtStrategy requires a secret or key"),
        ({"JWT_REFRESH_SECRET": None}, "JWT_REFRESH_SECRET"),
        ({"USE_REDIS": "true"}, "USE_REDIS is enabled but REDIS_URI is not set."),
        ({"USE_REDIS": "true", "REDIS_URI": "redis://:a/b@127.0.0.1:6379"}, "Invalid"),
        ({"USE_REDIS": "true", "REDIS_URI": "redis://a:1/b"}, "Invalid pathname"),
        ({"REDIS_KEY_PREFIX": "a", "REDIS_KEY_PREFIX_VAR": "b"}, "Only either REDIS_KEY_PREFIX_VAR"),
        ({"FORCED_IN_MEMORY_CACHE_NAMESPACES": "NOPE"}, "FORCED_IN_MEMORY_CACHE_NAMESPACES: NOPE"),
        ({"DOMAIN_CLIENT": "chat.example.com"}, "DOMAIN_CLIENT: Invalid URL"),
        ({"SESSION_EXPIRY": "process.exit()", "MONGO_URI": GONE}, "ServerSelectionError"),
    ],
)
def test_a_missing_or_wrong_variable_ends_the_start(
    tmp_path: Path, variables: dict[str, str | None], message: str
) -> None:
    code, said = run_to_end(tmp_path, **variables)
    assert (code, message in said) == (1, True), said


def test_log_files_in_a_folder_that_cannot_be_made_end_the_start(tmp_path: Path) -> None:
    (tmp_path / "api").write_text("in the way")
    code, said = run_to_end(tmp_path, LOG_TO_FILE=None)
    assert code == 1
    assert "ENOTDIR" in said or "EEXIST" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1.2\n", "Expected string, received number"),
        ("version: '1.3.17'\nnope: 1\n", "Unrecognized key(s) in object: 'nope'"),
        ("version: '1.3.17'\nendpoints: {}\n", "at least one"),
        ("version: '1.3.17'\nspeech: {stt: {openai: {model: whisper-1}}}\n", "apiKey"),
        ("version: '1.3.17'\nendpoints: {anthropic: {models: {default: [a]}}}\n", "models"),
    ],
)
def test_what_the_real_schema_refuses_ends_the_start(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "librechat.yaml").write_text(text)
    code, said = run_to_end(tmp_path)
    assert (code, f"Invalid custom config file at {tmp_path}/librechat.yaml:" in said) == (1, True), said
    assert REFUSAL in said
    assert message.lower() in said.lower()


@pytest.mark.parametrize(
    ("text", "variables", "message"),
    [
        (None, {}, "Custom config file missing"),
        ("a: [\n", {}, "Config file YAML format is invalid"),
        ("version: 1.2\n", {"CONFIG_BYPASS_VALIDATION": "true"}, "Invalid custom config file"),
        ("version: '1.3.17'\nfileStrategy: s3\n", {}, "AWS_REGION is not set. Cannot initialize S3."),
    ],
)
def test_these_only_log_and_go_on(tmp_path: Path, text: str | None, variables: dict[str, str], message: str) -> None:
    file = tmp_path / "config/librechat.yaml"
    file.parent.mkdir()
    if text is not None:
        file.write_text(text)
    code, said = run_to_end(tmp_path, CONFIG_PATH=str(file), MONGO_URI=GONE, **variables)
    assert message in said
    assert (code, "ServerSelectionError" in said) == (1, True), said


def test_an_mcp_address_from_an_unset_variable_ends_the_start(tmp_path: Path) -> None:
    yaml = "version: '1.3.17'\nmcpServers: {s: {type: streamable-http, url: '${NOT_SET}'}}\n"
    (tmp_path / "librechat.yaml").write_text(yaml)
    code, said = run_to_end(tmp_path)
    assert (code, "Failed to start server: Invalid URL" in said) == (1, True), said


def test_create_user_refuses_without_a_database(tmp_path: Path) -> None:
    code, said = run_to_end(tmp_path, command="config/create-user.js", MONGO_URI=None)
    assert (code, "MONGO_URI" in said) == (1, True)


def test_stand_in_and_checker_judge_by_the_same_schema() -> None:
    pins = [json.loads((folder / "package.json").read_text())["dependencies"] for folder in (FOLDER, CHECKER)]
    assert pins[0]["librechat-data-provider"] == pins[1]["librechat-data-provider"]
