"""Attributes that several plugins share."""

from __future__ import annotations


class ModuleDocFragment:
    """What holds for every action that runs in the controller's process and touches no cluster."""

    DOCUMENTATION = r"""
attributes:
  action:
    description: Runs in the controller's process; no Python is started on the host.
    support: full
  check_mode:
    description: Changes nothing in any mode, so check mode is no different.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: none
"""
