#!/bin/sh
# Runs once, on an empty volume: the extension, and a user of the RAG API that is no superuser
# (contracts 1.3). The superuser keeps no password, so it logs in from inside the pod only.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_PASSWORD" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE EXTENSION IF NOT EXISTS vector;
CREATE ROLE librechat_rag LOGIN PASSWORD :'password';
ALTER DATABASE librechat_rag OWNER TO librechat_rag;
ALTER SCHEMA public OWNER TO librechat_rag;
ALTER ROLE postgres PASSWORD NULL;
SQL
