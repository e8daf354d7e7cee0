"""A cluster that is only described, never made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.cluster import Cluster

GO_DIR = Path(__file__).parents[5] / "roles/cluster/files/go"


@pytest.fixture
def make_cluster(tmp_path: Path) -> Callable[..., Cluster]:
    """Return a function that describes a cluster of a name, in a folder of this test."""

    def make(name: str = "one", version: str = "1.34.2") -> Cluster:
        state = tmp_path / "state" / name
        state.mkdir(parents=True, exist_ok=True)
        return Cluster(name, state, tmp_path / "cache", version, GO_DIR, None, state / "kubeconfig", lambda _line: None)

    return make
