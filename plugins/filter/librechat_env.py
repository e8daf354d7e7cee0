"""Filter librechat_env."""

from __future__ import annotations

DOCUMENTATION = r"""
name: librechat_env
short_description: Build LibreChat's environment
description:
  - Gives every environment variable that LibreChat reads, with secret references in place of values.
options:
  _input:
    description: The registered result of M(homelab.ai_workspace.validate).
    type: dict
    required: true
"""

EXAMPLES = r"""
env: "{{ workspace | homelab.ai_workspace.librechat_env }}"
"""

RETURN = r"""
_value:
  description: Values by variable name.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.filters import filter_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.librechat import librechat_env


class FilterModule:
    """Build LibreChat's environment."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"librechat_env": filter_of(librechat_env)}
