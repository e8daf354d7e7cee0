#!/bin/sh
# Starts the server with its password. Neither the command line nor an image's entry point may carry it,
# and in the configuration every byte is escaped, so that any password works.
set -eu
umask 077
{
  cat /etc/valkey/valkey.conf
  printf 'requirepass "%s"\n' "$(printf %s "$REDISCLI_AUTH" | od -An -v -tx1 | tr -d ' \n' | sed 's/../\\x&/g')"
} > /tmp/valkey.conf
exec valkey-server /tmp/valkey.conf
