"""The spec of a component: defaults filled in, every mistake told with role, component and field."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import PlanError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import reference
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.spec import FIELDS, one_writer, parse

LEAST: dict[str, Any] = {"name": "web", "image": "web:1", "user": 1000, "ready": {"http": {"port": "http"}}}
WEB: dict[str, Any] = {**LEAST, "ports": {"http": "80"}}


def problems(**fields: Any) -> list[str]:
    with pytest.raises(PlanError) as caught:
        parse({**WEB, **fields}, "shop")
    assert str(caught.value).splitlines() == caught.value.details["problems"]
    return [line.removeprefix("role shop, component web") for line in caught.value.details["problems"]]


def test_defaults_are_filled_in() -> None:
    spec = parse({**WEB, "group": None, "live": None, "volumes": {"data": {"mount": "/d", "size": "1Gi"}}}, "shop")
    assert spec["service_name"] == "shop"
    assert spec["group"] == 1000
    assert spec["ports"] == {"http": 80}
    assert spec["ready"] == {"http": {"port": "http", "path": "/"}, "period": 5, "timeout": 5, "failures": 3}
    assert "live" not in spec
    assert spec["volumes"]["data"]["access_modes"] == ["ReadWriteOnce"]
    assert {name for name in FIELDS if "default" in FIELDS[name]} <= set(spec)


def test_defaults_are_shared_by_nobody() -> None:
    """A spec is changed by nobody who holds it, and no default carries one component's values into another."""
    first, second = parse(WEB, "a"), parse(WEB, "b")
    assert first["env"] is not second["env"]
    assert all(not field.get("default") for name, field in FIELDS.items() if field["type"] in ("dict", "list"))


def test_environments_become_text() -> None:
    env = {"A": True, "B": False, "C": 5, "D": None, "E": "", "F": 1.5}
    assert parse({**WEB, "env": env}, "shop")["env"] == {"A": "true", "B": "false", "C": "5", "E": "", "F": "1.5"}


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({"colour": "red"}, [".colour is not known. Allowed: " + ", ".join(sorted(FIELDS)) + "."]),
        ({"imag": "x"}, [".imag is not known. Did you mean image?"]),
        ({"image": None}, [".image is missing; it is required"]),
        (
            {"replicas": "two", "kind": "Pod"},
            [
                ".replicas is 'two' (str); allowed is int",
                ".kind is 'Pod'; allowed is Deployment, StatefulSet",
            ],
        ),
        ({"ports": {"http": "eighty"}}, [".ports.http is 'eighty' (str); allowed is int"]),
        ({"ports": {}}, [".ready names the port 'http'; known are "]),
        ({"ready": {}}, [".ready: give one of http, tcp, exec"]),
        ({"ready": {"tcp": "http", "exec": ["true"]}}, [".ready: give one of http, tcp, exec"]),
        ({"ready": {"http": {"path": "/x"}}}, [".ready.http.port is missing; it is required"]),
        ({"live": {"tcp": "metrics"}}, [".live names the port 'metrics'; known are http"]),
        ({"env": {"A-B": "x"}}, [".env.A-B: allowed are letters, digits and '_' in a variable's name"]),
        ({"env": {"A": ["x"]}}, [".env.A is ['x'] (list); allowed is str"]),
        ({"secret_env": {"A": "x"}}, [".secret_env.A holds no secret reference; use env"]),
        ({"volumes": {"d": {"size": "1Gi"}}}, [".volumes.d: give either mount (a path) or mounts (path: sub_path)"]),
        ({"volumes": {"d": {"mount": "/d"}}}, [".volumes.d.size is missing; it is required"]),
        (
            {"volumes": {"d": {"mount": "/d", "size": "1Gi", "sise": 1}}},
            [
                ".volumes.d.sise is not known. Did you mean size?",
            ],
        ),
        ({"volumes": {"d": "/d"}}, [".volumes.d is '/d' (str); allowed is dict"]),
        (
            {"volumes": {"d": {"mount": "/d", "size": "1Gi"}}, "replicas": 2},
            [
                ": volume d has one writer, so replicas is 1 and autoscaling is off",
            ],
        ),
        (
            {"volumes": {"d": {"mount": "/d", "size": "1Gi"}}, "autoscaling": {"enabled": True}},
            [
                ": volume d has one writer, so replicas is 1 and autoscaling is off",
            ],
        ),
        ({"empty_dirs": {"/x": {"medium": "Disk"}}}, [".empty_dirs./x.medium is 'Disk'; allowed is Memory"]),
        ({"user": 0}, [".user is 0; a container never runs as root"]),
    ],
)
def test_every_mistake_is_told(fields: dict[str, Any], lines: list[str]) -> None:
    assert problems(**fields) == lines


@pytest.mark.parametrize("name", ["Web", "1web", "web_1", "web-", "w" * 51])
def test_names(name: str) -> None:
    with pytest.raises(PlanError, match="allowed are up to 50 of a-z, 0-9 and '-'"):
        parse({**WEB, "name": name}, "shop")


def test_what_is_allowed() -> None:
    shared = {"mounts": {"/a": "a", "/b": "b"}, "size": "1Gi", "access_modes": ["ReadWriteMany"]}
    spec = parse(
        {
            **WEB,
            "replicas": 2,
            "volumes": {"d": shared},
            "secret_env": {"A": f"x{reference('a')}"},
            "empty_dirs": {"/t": None},
        },
        "shop",
    )
    assert not one_writer(spec["volumes"]["d"])
    assert spec["empty_dirs"] == {"/t": {}}
