"""Which cluster the tests use: that of molecule's default scenario, or the one that CLUSTER_NAME names."""

from __future__ import annotations

import os
from pathlib import Path

CLUSTER = os.environ.setdefault("CLUSTER_NAME", "molecule-default")
os.environ.setdefault("KUBECONFIG", str(Path(__file__).resolve().parents[2] / ".cluster" / CLUSTER / "kubeconfig"))
