"""What every filter of the collection shares: errors in Ansible's own type."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import WorkspaceError
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.values import plain


def filter_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` as a Jinja filter: plain values in, AnsibleFilterError out."""

    @functools.wraps(function)
    def call(value: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(plain(value), *map(plain, args), **{key: plain(item) for key, item in kwargs.items()})
        except WorkspaceError as error:
            raise AnsibleFilterError(str(error)) from None

    return call
