#!/bin/bash
# Starts PostgreSQL as the official image does (contracts 1.2): POSTGRES_PASSWORD, POSTGRES_USER, POSTGRES_DB (also
# as *_FILE), POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD and /docker-entrypoint-initdb.d act on an empty PGDATA only.
set -Eeuo pipefail

# Takes the value of $1 from the file that $1_FILE names, else from $1, else $2.
from_file() {
    local file_variable="$1_FILE"
    if [[ -n ${!1:-} && -n ${!file_variable:-} ]]; then
        echo >&2 "error: both $1 and $file_variable are set (but are exclusive)"
        exit 1
    fi
    if [[ -n ${!file_variable:-} ]]; then
        export "$1=$(<"${!file_variable}")"
    else
        export "$1=${!1:-${2:-}}"
    fi
    unset "$file_variable"
}

# Runs the files of the initialisation folder in order, against the temporary server.
run_init_files() {
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sh)
                echo "$0: running $file"
                # shellcheck disable=SC1090 # a user's file
                if [[ -x $file ]]; then "$file"; else source "$file"; fi
                ;;
            *.sql) echo "$0: running $file"; sql --file "$file" ;;
            *.sql.gz) echo "$0: running $file"; gunzip --stdout "$file" | sql ;;
            *) [[ ! -e $file ]] || echo "$0: ignoring $file" ;;
        esac
    done
}

# Runs psql on the temporary server, in the user's database unless the arguments name another.
sql() {
    PGPASSWORD=$POSTGRES_PASSWORD psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --no-psqlrc \
        --dbname "$POSTGRES_DB" "$@"
}

# Makes the database cluster with a server that listens on the socket only, so that a TCP probe is not fooled.
initialise() {
    local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    if [[ -z $POSTGRES_PASSWORD && $method != trust ]]; then
        cat >&2 <<-'TEXT'
			Error: Database is uninitialized and superuser password is not specified.
			       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser.
		TEXT
        exit 1
    fi
    local arguments
    eval "arguments=(${POSTGRES_INITDB_ARGS:-})"
    initdb --username "$POSTGRES_USER" --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}"
    printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
    pg_ctl --pgdata "$PGDATA" --wait --options "-c listen_addresses='' -p 5432" start
    if [[ $POSTGRES_DB != postgres ]]; then
        sql --dbname postgres --set database="$POSTGRES_DB" <<< 'CREATE DATABASE :"database";'
    fi
    run_init_files
    pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
    printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

[[ ${1:-} == -* ]] && set -- postgres "$@"
if [[ ${1:-} == postgres ]]; then
    if [[ $(id -u) == 0 ]]; then
        mkdir -p "$PGDATA"
        chown -R postgres "$PGDATA" /var/run/postgresql
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
    fi
    mkdir -p "$PGDATA"
    chmod 00700 "$PGDATA" || true
    if [[ ! -s $PGDATA/PG_VERSION ]]; then
        from_file POSTGRES_PASSWORD
        from_file POSTGRES_USER postgres
        from_file POSTGRES_DB "$POSTGRES_USER"
        initialise
        unset POSTGRES_PASSWORD
    fi
fi
exec "$@"
