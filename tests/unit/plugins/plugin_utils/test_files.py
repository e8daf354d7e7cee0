"""Rendered objects as files."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML

from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import Shape, reference
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.files import HEADER, rendered_files, write_files
from tests.unit.plugins.plugin_utils.planning import planned, spec
from tests.unit.plugins.plugin_utils.test_objects_text import NASTY, WORDS


def test_secrets_are_placeholders_of_the_right_shape() -> None:
    env = {"A": reference("a"), "B": reference("b"), "C": f"x://{reference('ä'.encode().hex())}@h"}
    text = rendered_files(planned(spec("web", secret_env=env), shapes={"a": Shape("hex", 32)}))["web.yaml"]
    secret = next(item for item in yaml.safe_load_all(text) if item["kind"] == "Secret")
    assert secret["data"]["A"] == "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="  # 32 zeros
    assert "⟦" not in text
    assert text.startswith(HEADER)


def test_text_of_several_lines_is_a_block() -> None:
    text = rendered_files(planned(spec("web", files={"/etc/a": "one\ntwo: ö\n"})))["web.yaml"]
    assert "  etc_a: |\n    one\n    two: ö\n" in text


@pytest.mark.parametrize("text", [*NASTY, *WORDS, "1e3", "y", "N", "-1", "+1", ".5", "0b1", "1_000"])
def test_every_reader_reads_the_same(text: str) -> None:
    """YAML 1.1 (PyYAML) and 1.2 (ruamel); what kubectl's reader takes for a boolean stands in quotes."""
    written = rendered_files(planned(spec("web", command=[text], node_selector={text: text})))["web.yaml"]
    for items in (list(yaml.safe_load_all(written)), list(YAML(typ="safe", pure=True).load_all(written))):
        pod = next(item for item in items if item["kind"] == "Deployment")["spec"]["template"]["spec"]
        assert pod["nodeSelector"] == {text: text}
        assert pod["containers"][0]["command"] == [text.replace("$", "$$")]
    if text in ("y", "N"):
        assert f"- '{text}'" in written


def test_no_aliases() -> None:
    shared = ["a", "b"]
    text = rendered_files(
        planned(spec("web", command=shared, args=shared, live={"exec": shared}, ready={"exec": shared}))
    )
    assert "&id" not in text["web.yaml"]


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "new folder"
    files = {"a.yaml": f"{HEADER}---\na: 1\n", "b.yaml": f"{HEADER}---\nb: 1\n"}
    assert write_files(folder, files, dry_run=True) == {"changed": True, "written": ["a.yaml", "b.yaml"], "removed": []}
    assert not folder.exists()
    assert write_files(folder, files, dry_run=False)["written"] == ["a.yaml", "b.yaml"]
    assert write_files(folder, files, dry_run=False) == {"changed": False, "written": [], "removed": []}
    (folder / "kustomization.yaml").write_text("resources: []\n", encoding="utf-8")
    del files["b.yaml"]
    assert write_files(folder, files, dry_run=False) == {"changed": True, "written": [], "removed": ["b.yaml"]}
    assert sorted(path.name for path in folder.iterdir()) == ["a.yaml", "kustomization.yaml"]
