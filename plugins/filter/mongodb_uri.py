"""Filter mongodb_uri."""

from __future__ import annotations

DOCUMENTATION = r"""
name: mongodb_uri
short_description: Build a MongoDB URI
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
    default: 27017
  auth_source:
    description: Database that knows the user.
    type: str
"""

EXAMPLES = r"""
MONGO_URI: "{{ host | homelab.ai_workspace.mongodb_uri(user='librechat', password=password, database='LibreChat') }}"
"""

RETURN = r"""
_value:
  description: The URI.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.filters import filter_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.uris import mongodb_uri


class FilterModule:
    """Build a MongoDB URI."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"mongodb_uri": filter_of(mongodb_uri)}
