"""Golden manifests: what the real playbook renders, byte for byte, judged by Kubernetes' and LibreChat's own schemas.

``make golden`` writes them anew.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from tests.cases.playbooks import CASES, named, objects, render

NAMES = sorted(path.parent.name for path in CASES.glob("rendered/*/inventory.yml"))
VERSIONS = ["1.34.0", kubernetes_validate.latest_version()]
CUSTOM = {("monitoring.coreos.com/v1", "ServiceMonitor")}
"""Kinds of Prometheus' operator, which Kubernetes' own schemas do not know."""


def golden(name: str) -> dict[str, str]:
    """Return the golden files of a case."""
    return {path.name: path.read_text(encoding="utf-8") for path in (CASES / "rendered" / name / "golden").iterdir()}


@pytest.fixture(scope="module", params=NAMES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """Return the name of a case and its files, rendered now."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, render(CASES / "rendered" / request.param / "inventory.yml", folder)["workspace"]


def test_the_same_bytes_as_reviewed(case: tuple[str, dict[str, str]], request: pytest.FixtureRequest) -> None:
    name, files = case
    if request.config.getoption("--golden"):
        folder = CASES / "rendered" / name / "golden"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
    expected = golden(name)
    assert sorted(files) == sorted(expected)
    for file, text in files.items():
        assert text == expected[file], f"{name}/golden/{file} differs; review it and run `make golden`"


def test_no_value_of_a_secret_is_rendered(case: tuple[str, dict[str, str]]) -> None:
    assert "of-a-test" not in "".join(case[1].values())
    for item in objects(case[1]):
        assert "of-a-test" not in str(item)


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_accepts_every_object(case: tuple[str, dict[str, str]], version: str) -> None:
    judged = 0
    for item in objects(case[1]):
        if (item["apiVersion"], item["kind"]) not in CUSTOM:
            kubernetes_validate.validate(item, version, strict=True)
            judged += 1
    assert judged > 5


def judged(schema: Path, path: Path) -> dict[str, Any]:
    """Return the verdict over one librechat.yaml."""
    done = subprocess.run(["node", schema / "check.mjs", path], capture_output=True, text=True, check=False)
    verdict: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 0) == verdict["valid"]
    return verdict


def test_librechat_accepts_its_configuration(case: tuple[str, dict[str, str]], schema: Path, tmp_path: Path) -> None:
    data = named(objects(case[1]), "ConfigMap", "librechat-files")["data"]
    (text,) = (text for key, text in data.items() if key.endswith("librechat.yaml"))
    path = tmp_path / "librechat.yaml"
    path.write_text(text, encoding="utf-8")
    assert judged(schema, path)["errors"] == []


def test_the_judge_can_say_no(schema: Path, tmp_path: Path) -> None:
    path = tmp_path / "librechat.yaml"
    path.write_text('version: "1.3.17"\nendpoints: {}\n', encoding="utf-8")
    assert not judged(schema, path)["valid"]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({"apiVersion": "v1", "kind": "ConfigMap", "dat": {}}, VERSIONS[0], strict=True)
