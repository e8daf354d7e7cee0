"""Filter librechat_config."""

from __future__ import annotations

DOCUMENTATION = r"""
name: librechat_config
short_description: Build librechat.yaml
description:
  - Gives the whole content of librechat.yaml for a workspace.
  - The variable C(librechat_config) of the inventory is merged last.
options:
  _input:
    description: The registered result of M(homelab.ai_workspace.validate).
    type: dict
    required: true
"""

EXAMPLES = r"""
files: {/etc/librechat/librechat.yaml: "{{ workspace | homelab.ai_workspace.librechat_config }}"}
"""

RETURN = r"""
_value:
  description: The content of librechat.yaml.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.filters import filter_of
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.librechat import librechat_config


class FilterModule:
    """Build librechat.yaml."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"librechat_config": filter_of(librechat_config)}
