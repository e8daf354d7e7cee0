"""What the RAG API reads."""

from __future__ import annotations

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import reference
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.rag_api import rag_api_env
from tests.unit.plugins.plugin_utils.inventories import model

OPENAI = "workspace_providers: {openai: {api_key: sk-1%s}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            OPENAI % "",
            {
                "DB_HOST": "pgvector.ai-workspace.svc.cluster.local",
                "DB_PORT": "5432",
                "POSTGRES_DB": "librechat_rag",
                "POSTGRES_USER": "librechat_rag",
                "POSTGRES_PASSWORD": reference("pgvector_password"),
                "JWT_SECRET": reference("librechat_jwt_secret"),
                "EMBEDDINGS_PROVIDER": "openai",
                "EMBEDDINGS_MODEL": "text-embedding-3-small",
                "RAG_OPENAI_API_KEY": reference("openai_api_key"),
                "RAG_OPENAI_BASEURL": None,
                "RAG_CHECK_EMBEDDING_CTX_LENGTH": None,
                "CHUNK_SIZE": "1500",
            },
        ),
        (
            OPENAI % ", base_url: 'http://o/v1/'" + "\nrag_api_chunk_size: 9",
            {"RAG_OPENAI_BASEURL": "http://o/v1", "RAG_CHECK_EMBEDDING_CTX_LENGTH": "false", "CHUNK_SIZE": "9"},
        ),
        (
            "rag_api_embeddings: {provider: ollama, model: nomic, base_url: 'http://ollama:11434/'}",
            {"EMBEDDINGS_PROVIDER": "ollama", "OLLAMA_BASE_URL": "http://ollama:11434", "RAG_OPENAI_API_KEY": None},
        ),
        (
            "rag_api_embeddings: {provider: google_genai, api_key: k}",
            {"GOOGLE_API_KEY": reference("rag_api_embeddings.api_key"), "EMBEDDINGS_MODEL": None},
        ),
        (
            OPENAI % "" + "\npgvector_external: {host: pg.lan, port: 5433, database: d, user: u, password: p}",
            {
                "DB_HOST": "pg.lan",
                "DB_PORT": "5433",
                "POSTGRES_DB": "d",
                "POSTGRES_USER": "u",
                "POSTGRES_PASSWORD": reference("pgvector_external.password"),
            },
        ),
    ],
)
def test_environments(text: str, expected: dict[str, str | None]) -> None:
    found = rag_api_env(model(text))
    assert {name: found.get(name) for name in expected} == expected
    assert all(isinstance(value, str) for value in found.values())
