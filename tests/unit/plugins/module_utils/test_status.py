"""The status table, from objects as the API gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.status import status, table, urls

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def workload(kind: str, name: str, **more: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"image": f"example.org/{name}:1"}]}}
    spec = {"selector": {"matchLabels": {"name": name}}, "template": template, "replicas": 2}
    return {"kind": kind, "metadata": {"name": name}, "spec": spec, **more}


def pod(name: str, start: str, restarts: int, *claims: str) -> dict[str, Any]:
    volumes = [{"name": "tmp", "emptyDir": {}}, *({"persistentVolumeClaim": {"claimName": claim}} for claim in claims)]
    found = {"startTime": start, "containerStatuses": [{"restartCount": restarts}]}
    return {
        "metadata": {"name": name, "labels": {"name": name, "x": "y"}},
        "spec": {"volumes": volumes},
        "status": found,
    }


class Fake:
    """A cluster of fixed objects."""

    def __init__(self, **items: list[dict[str, Any]]) -> None:
        self.items = items

    def list(self, kind: Any, _namespace: str) -> list[dict[str, Any]]:
        return self.items.get(kind.name, [])


def test_a_row_a_component() -> None:
    fake = Fake(
        StatefulSet=[workload("StatefulSet", "store", status={"readyReplicas": 2})],
        Deployment=[workload("Deployment", "app", status={}), workload("Deployment", "new")],
        Pod=[
            pod("store", "2026-11-19T12:00:00Z", 1, "data-0"),
            pod("store", "2026-11-21T11:59:00Z", 2, "data-1", "lost"),
            pod("app", "2026-11-21T11:59:30Z", 0),
        ],
        PersistentVolumeClaim=[
            {"metadata": {"name": "data-0"}, "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}},
            {"metadata": {"name": "data-1"}, "status": {"phase": "Pending"}},
        ],
    )
    assert table(status(fake, "w", NOW)) == [  # type: ignore[arg-type]
        "component  ready  restarts  age   volumes                                   image",
        "app        0/2    0         30 s  -                                         example.org/app:1",
        "new        0/2    0         -     -                                         example.org/new:1",
        "store      2/2    3         2 d   data-0 1Gi, data-1 Pending, lost missing  example.org/store:1",
    ]


def test_nothing_runs() -> None:
    assert status(Fake(), "w", NOW) == []  # type: ignore[arg-type]


def test_addresses_stand_with_it() -> None:
    rule = {"host": "chat.example.com"}
    fake = Fake(
        Ingress=[{"metadata": {"name": "app"}, "spec": {"rules": [rule], "tls": [{"hosts": ["chat.example.com"]}]}}],
        Service=[{"metadata": {"name": "store"}, "spec": {"type": "ClusterIP", "ports": [{"port": 5432}]}}],
    )
    assert urls(fake, "w") == ["https://chat.example.com"]  # type: ignore[arg-type]
