#!/bin/bash
# Makes the documentdb extension in database `postgres` (the only one it may live in, contracts 1.4), or says that
# this PostgreSQL has none.
set -Eeuo pipefail
run() { psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres --no-psqlrc --tuples-only --no-align "$@"; }
if [[ $(run --command "SELECT count(*) FROM pg_available_extensions WHERE name = 'documentdb'") == 1 ]]; then
    run --command 'CREATE EXTENSION IF NOT EXISTS documentdb CASCADE'
else
    echo "postgres-documentdb: this PostgreSQL has no documentdb extension; it serves FerretDB 1 only, not FerretDB 2."
fi
