"""Filter service_url."""

from __future__ import annotations

DOCUMENTATION = r"""
name: service_url
short_description: Tell the base URL of an endpoint
description:
  - Works for an endpoint of the workspace and for an external one.
options:
  _input:
    description: An endpoint of the model.
    type: dict
    required: true
"""

EXAMPLES = r"""
MEILI_HOST: "{{ workspace.endpoints.meilisearch | homelab.ai_workspace.service_url }}"
"""

RETURN = r"""
_value:
  description: The URL, without a slash at its end.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.filters import filter_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.uris import service_url


class FilterModule:
    """Tell the base URL of an endpoint."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"service_url": filter_of(service_url)}
