"""Embeddings and the pgvector tables of the RAG API stand-in; both are the real thing."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import aiohttp
import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from config import Config

PATIENCE = 5
"""Seconds for PostgreSQL to answer."""
TABLES = """
CREATE TABLE IF NOT EXISTS langchain_pg_collection (
    uuid uuid PRIMARY KEY, name varchar UNIQUE NOT NULL, cmetadata json);
CREATE TABLE IF NOT EXISTS langchain_pg_embedding (
    uuid uuid PRIMARY KEY,
    collection_id uuid REFERENCES langchain_pg_collection (uuid) ON DELETE CASCADE,
    embedding vector,
    document varchar,
    cmetadata jsonb,
    custom_id varchar);
CREATE INDEX IF NOT EXISTS ix_cmetadata_gin ON langchain_pg_embedding USING gin (cmetadata jsonb_path_ops);
"""
LEGACY_INDEXES = """
CREATE INDEX IF NOT EXISTS idx_langchain_pg_embedding_custom_id ON langchain_pg_embedding (custom_id);
CREATE INDEX IF NOT EXISTS idx_langchain_pg_embedding_file_id ON langchain_pg_embedding ((cmetadata->>'file_id'));
"""


class ProviderError(Exception):
    """The embeddings provider did not give vectors."""


async def embed(config: Config, texts: list[str]) -> list[str]:
    """Return the vectors of texts, as PostgreSQL writes them, from the provider.

    Raises:
        ProviderError: it is away, refuses the key, does not know the model, or the stand-in does not speak to it.
    """
    if config.provider == "openai":
        url, key = f"{config.openai_url.rstrip('/')}/embeddings", config.openai_key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
    elif config.provider == "ollama":
        url, headers = f"{config.ollama_url.rstrip('/')}/api/embed", {}
    else:
        raise ProviderError(f"the stand-in speaks to openai and ollama only, not to {config.provider}")
    vectors: list[str] = []
    for start in range(0, len(texts), config.batch_size):
        body = {"model": config.model, "input": texts[start : start + config.batch_size]}
        answer = await _post(url, body, headers)
        found = answer["embeddings"] if "embeddings" in answer else [item["embedding"] for item in answer["data"]]
        vectors += [json.dumps(vector) for vector in found]
    return vectors


async def _post(url: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    try:
        async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json=body) as answer:
            if answer.status != 200:  # noqa: PLR2004 - HTTP OK
                raise ProviderError(f"{url}: HTTP {answer.status} {(await answer.text())[:300]}")
            found: dict[str, Any] = await answer.json()
            return found
    except aiohttp.ClientError as error:
        raise ProviderError(f"{url}: {error}") from error


class Vectors:
    """The vectors of one collection; each call has its own connection, and so outlives PostgreSQL's restarts."""

    def __init__(self, config: Config) -> None:
        self._config = config

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        options = f"-c search_path={self._config.schema},public" if self._config.schema else ""
        return await psycopg.AsyncConnection.connect(**self._config.database, options=options, connect_timeout=PATIENCE)

    async def prepare(self) -> None:
        """Make the extension (when asked), the tables and the collection.

        Raises:
            psycopg.Error: PostgreSQL is away or refuses; its own message says which.
        """
        async with await self._connect() as db:
            if self._config.schema:
                row = await db.execute("SELECT to_regnamespace(%s)", [self._config.schema])
                if (await row.fetchone() or [None])[0] is None:
                    raise psycopg.errors.InvalidSchemaName(f'schema "{self._config.schema}" does not exist')
            await db.execute("SELECT pg_advisory_xact_lock(1573678846307946496)")
            if self._config.create_extension:
                await db.execute("CREATE EXTENSION IF NOT EXISTS vector")
            await db.execute(TABLES + (LEGACY_INDEXES if self._config.create_indexes else ""))
            await db.execute(
                "INSERT INTO langchain_pg_collection VALUES (%s, %s) ON CONFLICT (name) DO NOTHING",
                [uuid.uuid4(), self._config.collection],
            )

    async def alive(self) -> bool:
        """Return whether PostgreSQL answers and has the tables."""
        try:
            await self._rows("SELECT 1 FROM langchain_pg_collection LIMIT 1")
        except psycopg.Error:
            return False
        return True

    async def add(self, file_id: str, chunks: list[str], metadata: dict[str, Any]) -> None:
        """Embed the chunks of a file and store them.

        Raises:
            ProviderError: see `embed`.
            psycopg.Error: PostgreSQL is away or refuses.
        """
        vectors = await embed(self._config, chunks)
        async with await self._connect() as db, db.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO langchain_pg_embedding "
                "SELECT %s, c.uuid, %s::vector, %s, %s::jsonb, %s FROM langchain_pg_collection c WHERE c.name = %s",
                [
                    [uuid.uuid4(), vector, chunk, json.dumps(metadata), file_id, self._config.collection]
                    for chunk, vector in zip(chunks, vectors, strict=True)
                ],
            )

    async def search(self, file_ids: list[str], query: str, k: int) -> list[tuple[str, dict[str, Any], float]]:
        """Return text, metadata and cosine distance of the nearest chunks of some files, the nearest first."""
        vector = (await embed(self._config, [query]))[0]
        found = await self._rows(
            "SELECT document, cmetadata, embedding <=> %s::vector AS distance FROM langchain_pg_embedding "
            "WHERE cmetadata->>'file_id' = ANY(%s) ORDER BY distance LIMIT %s",
            [vector, file_ids, k],
        )
        limit = self._config.threshold
        return [row for row in found if limit is None or row[2] <= limit]

    async def documents(self, ids: list[str]) -> list[tuple[str, str, dict[str, Any]]]:
        """Return file id, text and metadata of all chunks of some files."""
        query = "SELECT custom_id, document, cmetadata FROM langchain_pg_embedding WHERE custom_id = ANY(%s)"
        return await self._rows(query, [ids])

    async def ids(self) -> list[str]:
        """Return the ids of all files."""
        return [row[0] for row in await self._rows("SELECT DISTINCT custom_id FROM langchain_pg_embedding")]

    async def delete(self, ids: list[str]) -> None:
        """Forget files."""
        async with await self._connect() as db:
            await db.execute("DELETE FROM langchain_pg_embedding WHERE custom_id = ANY(%s)", [ids])

    async def _rows(self, query: str, arguments: list[Any] | None = None) -> list[Any]:
        async with await self._connect() as db:
            return await (await db.execute(sql.SQL(query), arguments)).fetchall()
