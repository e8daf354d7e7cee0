"""Reading a workspace as the action does, without a playbook: milliseconds each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.model import Reading
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.reading import read_task

_LOADER = DataLoader()


def given(text: str) -> dict[str, Any]:
    """Return the variables of an inventory's YAML, with everything that Ansible's own loader adds to them."""
    return dict(_LOADER.load(trust_as_template(text)) or {})


def loaded(path: Path) -> dict[str, Any]:
    """Return the content of an inventory's file, in the same way."""
    return dict(_LOADER.load_from_file(str(path), trusted_as_template=True))


def reading(variables: dict[str, Any]) -> Reading:
    """Return what ``validate`` reads from these variables."""
    return read_task(Templar(loader=_LOADER, variables={}), variables, "run")


def model(text: str = "") -> dict[str, Any]:
    """Return the model of an inventory without mistakes."""
    found = reading(given(text))
    assert found.problems == []
    return found.model
