"""What is told at the end: engines, and JUnit."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.engines import engines
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.junit import junit


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("localhost/ai-workspace/stand-ins/librechat:sandbox", "stand-in (contract only)"),
        ("localhost/ai-workspace/stand-in-librechat:sandbox", "stand-in (contract only)"),
        ("localhost/ai-workspace/ferretdb:sandbox", "FerretDB 1 is not FerretDB 2"),
        ("localhost/ai-workspace/postgres-documentdb:sandbox", "its documentdb extension is not"),
        ("ghcr.io/ferretdb/ferretdb:2.5.0", ""),
        ("ghcr.io/ferretdb/postgres-documentdb:17", ""),
        ("localhost/ai-workspace/valkey:sandbox", ""),
    ],
)
def test_images_that_are_no_proof(image: str, why: str) -> None:
    pod = {"metadata": {"labels": {"app.kubernetes.io/name": "x"}}, "spec": {"containers": [{"image": image}]}}
    proved, not_proved = engines([pod, pod], [], {})
    if why:
        assert not proved
        assert len(not_proved) == 1
        assert why in not_proved[0]
        assert image in not_proved[0]
    else:
        assert (proved, not_proved) == ([f"x: {image}"], [])


def test_providers_and_what_runs_elsewhere() -> None:
    urls = {"openai": "http://openai.stand-ins.svc.cluster.local:8080/v1", "anthropic": "", "Local": "http://l/v1"}
    proved, not_proved = engines([], ["valkey"], urls)
    assert proved == [
        "valkey: runs elsewhere",
        "models of Local: http://l/v1",
        "models of anthropic: the provider itself",
    ]
    assert not_proved == [f"models of openai: stand-in (contract only); {urls['openai']}"]


def test_junit() -> None:
    checks = [
        {"name": "one", "passed": True, "seconds": 1.25, "message": "fine"},
        {"name": "two <&>", "passed": False, "seconds": 0.5, "message": 'broken "here" \x00'},
    ]
    suite = ET.fromstring(junit("home", checks))[0]  # noqa: S314 - our own
    assert suite.attrib == {"name": "verify home", "tests": "2", "failures": "1", "errors": "0", "time": "1.750"}
    assert [case.get("name") for case in suite] == ["one", "two <&>"]
    assert suite[0].findtext("system-out") == "fine"
    failure = suite[1].find("failure")
    assert failure is not None
    assert failure.get("message") == failure.text == 'broken "here" '
