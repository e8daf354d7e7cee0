"""The RAG API stand-in keeps contracts 2 and 10, with a real PostgreSQL 17 and pgvector and the provider stand-in."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import psycopg
import pytest

from tests.contract.stand_ins.conftest import Answer, Launch, Postgres, Server, exit_text, wait_for

JWT = "a-shared-secret-of-some-length-0123456789"
PROVIDER_KEY = "sk-sandbox-only-stand-in"
TEXT = "The harbour master of Port Ellery counts pelicans at dawn.\n" + "Invoices are due in April. " * 200


@pytest.fixture
def provider(launch: Launch) -> Server:
    return launch("openai", "PORT", {"OPENAI_STAND_IN_KEY": PROVIDER_KEY, "HOST": "127.0.0.1"})


@pytest.fixture
def env(postgres: Postgres, provider: Server) -> dict[str, str]:
    """Return the environment that the role renders, without the optional names."""
    return {
        "RAG_HOST": "127.0.0.1",
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(postgres.port),
        "POSTGRES_DB": "rag",
        "POSTGRES_USER": "app",
        "POSTGRES_PASSWORD": "p@ss:w/rd",
        "EMBEDDINGS_PROVIDER": "openai",
        "EMBEDDINGS_MODEL": "text-embedding-3-small",
        "RAG_OPENAI_BASEURL": f"http://127.0.0.1:{provider.port}/v1",
        "RAG_OPENAI_API_KEY": PROVIDER_KEY,
        "JWT_SECRET": JWT,
        "COLLECTION_NAME": "files",
    }


@pytest.fixture
def database(postgres: Postgres) -> Iterator[psycopg.Connection[Any]]:
    """Return a connection of the superuser; what the test made is dropped."""
    where = {"host": "127.0.0.1", "port": postgres.port, "user": "app", "password": "p@ss:w/rd", "dbname": "rag"}
    with psycopg.connect(**where, autocommit=True) as connection:
        yield connection
    with psycopg.connect(**where, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS langchain_pg_embedding, langchain_pg_collection")
        connection.execute("DROP SCHEMA IF EXISTS rag CASCADE; DROP EXTENSION IF EXISTS vector CASCADE")


def token(user: str = "u1", secret: str = JWT, seconds: int = 300) -> dict[str, str]:
    signed = jwt.encode({"id": user, "exp": int(time.time()) + seconds}, secret, algorithm="HS256")
    return {"authorization": f"Bearer {signed}"}


def upload(server: Server, file_id: str = "f1", content: bytes = TEXT.encode(), **headers: str) -> Answer:
    body = f'--x\r\nContent-Disposition: form-data; name="file_id"\r\n\r\n{file_id}\r\n'.encode()
    body += (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="notes.txt"\r\n\r\n' + content + b"\r\n--x--\r\n"
    )
    form = {"content-type": "multipart/form-data; boundary=x"} | (headers or token())
    return server.call("POST", "/embed", body, **form)


def refused(launch: Launch, env: dict[str, str]) -> str:
    code, text = exit_text(launch("rag-api", "RAG_PORT", env, wait=False))
    assert code != 0
    return text


def test_a_file_is_embedded_found_and_forgotten(
    launch: Launch, env: dict[str, str], database: psycopg.Connection[Any]
) -> None:
    server = launch("rag-api", "RAG_PORT", env)
    assert server.call("GET", "/health").json() == {"status": "UP"}
    answer = upload(server)
    assert answer.json() == {
        "status": True,
        "message": "File processed successfully.",
        "file_id": "f1",
        "filename": "notes.txt",
        "known_type": True,
    }
    rows = database.execute(
        "SELECT vector_dims(embedding), cmetadata->>'user_id' FROM langchain_pg_embedding"
    ).fetchall()
    assert len(rows) > 3
    assert set(rows) == {(1536, "u1")}
    question = {"file_id": "f1", "query": "who counts the pelicans?", "k": 2}
    found = server.call("POST", "/query", question, **token()).json()
    assert len(found) == 2
    (best, near), (_, far) = found
    assert "Port Ellery" in best["page_content"]
    assert best["metadata"]["file_id"] == "f1"
    assert near < far
    assert server.call("POST", "/query", question, **token("u2")).json() == []
    assert server.call("GET", "/ids", **token()).json() == ["f1"]
    assert len(server.call("GET", "/documents?ids=f1", **token()).json()) == len(rows)
    assert server.call("DELETE", "/documents", ["f1"], **token()).status == 200
    assert server.call("DELETE", "/documents", ["f1"], **token()).status == 404
    assert server.call("GET", "/documents?ids=f1", **token()).status == 404
    assert server.stop() == 0


@pytest.mark.usefixtures("database")
def test_the_jwt_is_checked(launch: Launch, env: dict[str, str]) -> None:
    server = launch("rag-api", "RAG_PORT", env)
    for headers in (
        {},
        {"authorization": "Bearer x"},
        token(secret="another-secret-of-some-length-01"),
        token(seconds=-5),
    ):
        assert server.call("GET", "/ids", **headers).status == 401
    assert server.call("GET", "/health").status == 200
    del env["JWT_SECRET"]
    unguarded = launch("rag-api", "RAG_PORT", env)
    assert unguarded.call("GET", "/ids").json() == []
    assert "JWT_SECRET not found" in unguarded.log.read_text(encoding="utf-8")


def test_it_does_not_start_without_its_database(launch: Launch, env: dict[str, str]) -> None:
    for name, value in (
        ("DB_HOST", "/nowhere"),
        ("DB_PORT", "1"),
        ("POSTGRES_DB", "none"),
        ("POSTGRES_USER", "none"),
    ):
        begun = time.monotonic()
        assert "Application startup failed" in refused(launch, env | {name: value})
        assert time.monotonic() - begun < 8
    for name in ("DB_HOST", "DB_PORT", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"):
        without = {key: value for key, value in env.items() if key != name}
        assert "Application startup failed" in refused(launch, without)
    text = refused(launch, env | {"POSTGRES_PASSWORD": "wrong-one"})
    assert "password authentication failed" in text
    assert "wrong-one" not in text


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EMBEDDINGS_PROVIDER", "jina", "Unsupported embeddings provider: jina"),
        ("RAG_PORT", "tcp://10.96.0.9:8000", "ValueError: invalid literal for int()"),
        ("POSTGRES_SCHEMA", "rag", 'schema "rag" does not exist'),
        ("PGVECTOR_CREATE_EXTENSION", "False", 'type "vector" does not exist'),
    ],
)
def test_it_does_not_start_with_a_wrong_variable(
    launch: Launch, env: dict[str, str], name: str, value: str, said: str
) -> None:
    assert said in refused(launch, env | {name: value})


def test_an_upload_folder_that_cannot_be_made_stops_the_start(
    launch: Launch, env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert "Error" in refused(launch, env | {"RAG_UPLOAD_DIR": str(tmp_path / "file" / "uploads")})


def test_a_role_without_rights_needs_the_extension_made_before(
    launch: Launch, env: dict[str, str], database: psycopg.Connection[Any]
) -> None:
    database.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'; CREATE SCHEMA rag AUTHORIZATION plain")
    env |= {"POSTGRES_USER": "plain", "POSTGRES_PASSWORD": "plain", "POSTGRES_SCHEMA": "rag"}
    try:
        assert "permission denied to create extension" in refused(launch, env)
        database.execute("CREATE EXTENSION vector")
        launch("rag-api", "RAG_PORT", env | {"PGVECTOR_CREATE_EXTENSION": "False"})
        assert database.execute("SELECT count(*) FROM rag.langchain_pg_collection").fetchone() == (1,)
    finally:
        database.execute("DROP OWNED BY plain CASCADE; DROP ROLE plain")


@pytest.mark.usefixtures("database")
def test_the_provider_gone_or_refusing_shows_at_the_first_upload(
    launch: Launch, env: dict[str, str], provider: Server
) -> None:
    wrong = launch("rag-api", "RAG_PORT", env | {"RAG_OPENAI_API_KEY": "sk-other", "OPENAI_API_KEY": PROVIDER_KEY})
    answer = upload(wrong)
    assert answer.status == 500
    assert "401" in answer.json()["detail"]
    model = launch("rag-api", "RAG_PORT", env | {"EMBEDDINGS_MODEL": "nothing"})
    assert "404" in upload(model).json()["detail"]
    env["OPENAI_API_KEY"] = env.pop("RAG_OPENAI_API_KEY")
    right = launch("rag-api", "RAG_PORT", env)
    assert upload(right).status == 200
    provider.stop()
    assert upload(right, "f2").status == 500
    assert right.call("GET", "/health").json() == {"status": "UP"}
    assert right.call("GET", "/ids", **token()).json() == ["f1"]


@pytest.mark.usefixtures("database")
def test_wrong_requests_are_refused(launch: Launch, env: dict[str, str]) -> None:
    server = launch("rag-api", "RAG_PORT", env)
    assert server.call("POST", "/query", {"query": "x"}, **token()).status == 422
    assert server.call("POST", "/query", b"{", **token()).status == 422
    assert server.call("DELETE", "/documents", {}, **token()).status == 422
    assert server.call("GET", "/nothing", **token()).status == 404
    assert upload(server, content=b"\xff\xfe\x00").json()["known_type"] is False
    assert upload(server, content=b" ").status == 400


@pytest.mark.usefixtures("database")
def test_health_answers_200_with_postgresql_gone_and_up_when_it_is_back(
    launch: Launch, env: dict[str, str], postgres: Postgres
) -> None:
    server = launch("rag-api", "RAG_PORT", env)
    assert upload(server).status == 200
    assert postgres.stop() == 0
    try:
        down = server.call("GET", "/health")
        assert (down.status, down.json()) == (200, [{"status": "DOWN"}, 503])
        assert server.call("GET", "/ids", **token()).status == 500
    finally:
        postgres.start()
        wait_for(postgres.listens, "PostgreSQL listens again")
    wait_for(lambda: server.call("GET", "/health").json() == {"status": "UP"}, "health is UP again")
    assert server.call("GET", "/ids", **token()).json() == ["f1"]
