"""Filter redis_uri."""

from __future__ import annotations

DOCUMENTATION = r"""
name: redis_uri
short_description: Build a Redis URI
description:
  - Every part is escaped; secret references survive and are escaped by the rollout.
options:
  _input:
    description: Host.
    type: str
    required: true
  password:
    description: The password, or a secret reference.
    type: str
    required: true
  port:
    description: Port.
    type: int
    default: 6379
  user:
    description: The user; without it the default one.
    type: str
  database:
    description: Number of the database.
    type: int
  scheme:
    description: V(redis), V(rediss) or V(valkey).
    type: str
    default: redis
"""

EXAMPLES = r"""
REDIS_URI: "{{ host | homelab.ai_workspace.redis_uri(password=password) }}"
"""

RETURN = r"""
_value:
  description: The URI.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.filters import filter_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.uris import redis_uri


class FilterModule:
    """Build a Redis URI."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"redis_uri": filter_of(redis_uri)}
