"""What the RAG API reads from its environment (contracts 2): the names and defaults of rag_api v0.9.0."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROVIDERS = ["openai", "azure", "huggingface", "huggingfacetei", "ollama", "bedrock", "google_genai", "vertexai"]
MODELS = {"openai": "text-embedding-3-small", "ollama": "nomic-embed-text"}


@dataclass(frozen=True)
class Config:
    """The settings of one process."""

    host: str
    port: int
    database: dict[str, Any]
    schema: str
    collection: str
    create_extension: bool
    create_indexes: bool
    provider: str
    model: str
    openai_url: str
    openai_key: str
    ollama_url: str
    chunk_size: int
    chunk_overlap: int
    batch_size: int
    threshold: float | None
    jwt_secret: str
    upload_dir: Path


def read(env: Mapping[str, str] = os.environ) -> Config:
    """Return the settings.

    Raises:
        ValueError: an unknown embeddings provider, or text where a number must be.
    """

    def true(name: str, default: str) -> bool:
        return env.get(name, default).lower() == "true"

    provider = env.get("EMBEDDINGS_PROVIDER", "openai").lower()
    if provider not in PROVIDERS:
        raise ValueError(f"Unsupported embeddings provider: {provider}; known are {', '.join(PROVIDERS)}")
    if env.get("VECTOR_DB_TYPE", "pgvector") != "pgvector":
        raise ValueError("VECTOR_DB_TYPE: the stand-in knows pgvector only")
    database: dict[str, Any] = {
        "host": env.get("DB_HOST", "db"),
        "port": env.get("DB_PORT", "5432"),
        "dbname": env.get("POSTGRES_DB", "mydatabase"),
        "user": env.get("POSTGRES_USER", "myuser"),
        "password": env.get("POSTGRES_PASSWORD", "mypassword"),
    }
    threshold = env.get("RAG_DISTANCE_THRESHOLD", "")
    return Config(
        host=env.get("RAG_HOST", "0.0.0.0"),  # noqa: S104 - a pod
        port=int(env.get("RAG_PORT", "8000")),
        database=database,
        schema=env.get("POSTGRES_SCHEMA", ""),
        collection=env.get("COLLECTION_NAME", "testcollection"),
        create_extension=true("PGVECTOR_CREATE_EXTENSION", "True"),
        create_indexes=true("PGVECTOR_CREATE_LEGACY_INDEXES", "False"),
        provider=provider,
        model=env.get("EMBEDDINGS_MODEL", MODELS.get(provider, "")),
        openai_url=env.get("RAG_OPENAI_BASEURL") or "https://api.openai.com/v1",
        openai_key=env.get("RAG_OPENAI_API_KEY") or env.get("OPENAI_API_KEY", ""),
        ollama_url=env.get("OLLAMA_BASE_URL", "http://ollama:11434"),
        chunk_size=int(env.get("CHUNK_SIZE", "1500")),
        chunk_overlap=int(env.get("CHUNK_OVERLAP", "100")),
        batch_size=int(env.get("EMBEDDING_BATCH_SIZE", "500")),
        threshold=float(threshold) if threshold else None,
        jwt_secret=env.get("JWT_SECRET", ""),
        upload_dir=Path(env.get("RAG_UPLOAD_DIR", "./uploads/")),
    )
