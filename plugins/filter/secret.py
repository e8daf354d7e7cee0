"""Filter secret."""

from __future__ import annotations

DOCUMENTATION = r"""
name: secret
short_description: Refer to a secret
description:
  - Gives the reference that stands for the secret's value until the rollout. Values never enter a plan.
options:
  _input:
    description: Name of the secret.
    type: str
    required: true
"""

EXAMPLES = r"""
MEILI_MASTER_KEY: "{{ 'meilisearch_master_key' | homelab.ai_workspace.secret }}"
"""

RETURN = r"""
_value:
  description: The reference.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import reference
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.filters import filter_of


class FilterModule:
    """Refer to a secret."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"secret": filter_of(reference)}
