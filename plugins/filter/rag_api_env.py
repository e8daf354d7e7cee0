"""Filter rag_api_env."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rag_api_env
short_description: Build the RAG API's environment
description:
  - Gives every environment variable that the RAG API reads, with secret references in place of values.
options:
  _input:
    description: The registered result of M(homelab.ai_workspace.validate).
    type: dict
    required: true
"""

EXAMPLES = r"""
env: "{{ workspace | homelab.ai_workspace.rag_api_env }}"
"""

RETURN = r"""
_value:
  description: Values by variable name.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.filters import filter_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.rag_api import rag_api_env


class FilterModule:
    """Build the RAG API's environment."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"rag_api_env": filter_of(rag_api_env)}
