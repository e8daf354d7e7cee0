"""What the RAG API reads (contracts 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import reference

DATABASE = "librechat_rag"
"""Database and user in pgvector."""

_KEYS = {"openai": "RAG_OPENAI_API_KEY", "google_genai": "GOOGLE_API_KEY", "huggingface": "HF_TOKEN"}
_URLS = {"openai": "RAG_OPENAI_BASEURL", "ollama": "OLLAMA_BASE_URL"}


def rag_api_env(workspace: Mapping[str, Any]) -> dict[str, str]:
    """Return the RAG API's environment for a workspace (contracts 2).

    Args:
        workspace: the model.
    """
    variables, embeddings = workspace["variables"], workspace["embeddings"]
    provider = embeddings["provider"]
    env = {
        "RAG_HOST": "0.0.0.0",  # noqa: S104 - a pod listens on its own address
        "RAG_PORT": "8000",
        "JWT_SECRET": reference("librechat_jwt_secret"),
        "VECTOR_DB_TYPE": "pgvector",
        **_database(workspace["endpoints"]["pgvector"]),
        # The extension is made beforehand: by our initdb script, or by the owner of an external database.
        "PGVECTOR_CREATE_EXTENSION": "False",
        "PGVECTOR_CREATE_LEGACY_INDEXES": "True",
        "COLLECTION_NAME": "librechat",
        "EMBEDDINGS_PROVIDER": provider,
        "CHUNK_SIZE": str(variables["rag_api_chunk_size"]),
        "CHUNK_OVERLAP": str(variables["rag_api_chunk_overlap"]),
        "RAG_UPLOAD_DIR": "/app/uploads/",
        "CONSOLE_JSON": "True",
        "HOME": "/tmp",  # noqa: S108 - an emptyDir of the pod's own
    }
    if embeddings.get("model"):
        env["EMBEDDINGS_MODEL"] = embeddings["model"]
    if embeddings.get("api_key") and provider in _KEYS:
        env[_KEYS[provider]] = embeddings["api_key"]
    if embeddings.get("base_url") and provider in _URLS:
        env[_URLS[provider]] = embeddings["base_url"].rstrip("/")
        if provider == "openai":
            # Servers that only speak OpenAI's protocol do not know its tokenizer.
            env["RAG_CHECK_EMBEDDING_CTX_LENGTH"] = "false"
    return env


def _database(pgvector: Mapping[str, Any]) -> dict[str, str]:
    inside = {"database": DATABASE, "user": DATABASE, "password": reference("pgvector_password")}
    where = {**inside, **pgvector}
    return {
        "DB_HOST": where["host"],
        "DB_PORT": str(where["port"]),
        "POSTGRES_DB": where["database"],
        "POSTGRES_USER": where["user"],
        "POSTGRES_PASSWORD": where["password"],
    }
