"""Filter postgres_uri."""

from __future__ import annotations

DOCUMENTATION = r"""
name: postgres_uri
short_description: Build a PostgreSQL URI
description:
  - Every part is escaped; secret references survive and are escaped by the rollout.
options:
  _input:
    description: Host.
    type: str
    required: true
  user:
    description: The user.
    type: str
    required: true
  password:
    description: The password, or a secret reference.
    type: str
    required: true
  database:
    description: The database.
    type: str
    required: true
  port:
    description: Port.
    type: int
    default: 5432
  sslmode:
    description: libpq's word for TLS.
    type: str
"""

EXAMPLES = r"""
URL: "{{ host | homelab.ai_workspace.postgres_uri(user='rag', password=password, database='rag') }}"
"""

RETURN = r"""
_value:
  description: The URI.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.filters import filter_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.uris import postgres_uri


class FilterModule:
    """Build a PostgreSQL URI."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"postgres_uri": filter_of(postgres_uri)}
