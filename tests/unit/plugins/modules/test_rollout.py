"""The documentation of the module and its arguments are the same."""

from __future__ import annotations

import yaml

from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import AUTH_OPTIONS
from ansible_collections.homelab.ai_workspace.plugins.modules import rollout


def test_the_documentation_tells_the_arguments() -> None:
    described = yaml.safe_load(rollout.DOCUMENTATION)["options"]
    own = {name: spec for name, spec in rollout.ARGUMENTS.items() if name not in AUTH_OPTIONS}
    assert set(described) == set(own)
    for name, spec in own.items():
        assert all(described[name].get(field) == spec.get(field) for field in ("type", "choices", "default")), name
        assert described[name].get("required", False) == spec.get("required", False)


def test_examples_and_results_are_yaml() -> None:
    assert yaml.safe_load(rollout.EXAMPLES)
    assert set(yaml.safe_load(rollout.RETURN)) == {"components", "counts", "urls", "problems"}


def test_texts_of_a_kubeconfig_given_as_a_dict() -> None:
    assert rollout.texts({"users": [{"user": {"token": "geheimnis", "n": 1}}], "e": ""}) == {"geheimnis"}
