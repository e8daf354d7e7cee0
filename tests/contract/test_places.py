"""The checkout works wherever it is: the same bytes from any folder, twice, and under the user's own configuration."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cases.playbooks import CASES, TREE, ansible, rendered

CORE = "tests/cases/rendered/core/inventory.yml"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the tree, as a clone has it, in a folder with a space and another name."""
    target = tmp_path_factory.mktemp("a folder") / "x y"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TREE,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (TREE / name).is_symlink() or (TREE / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TREE / name, target / name, follow_symlinks=False)
    return target


def golden() -> dict[str, dict[str, str]]:
    folder = CASES / "rendered/core/golden"
    return {"workspace": {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}}


@pytest.mark.parametrize("place", ["inside", "elsewhere", "elsewhere, with a configuration of the user's"])
def test_the_same_bytes(tree: Path, tmp_path: Path, place: str) -> None:
    config = tmp_path / "mine.cfg"
    config.write_text("[defaults]\ncollections_path = /nowhere\nnocows = true\n", encoding="utf-8")
    env = {"ANSIBLE_CONFIG": str(config)} if "configuration" in place else {}
    folder = tmp_path / "out put"
    done = ansible(
        tree / "playbooks/render.yml",
        tree / CORE,
        "-e",
        f'{{"workspace_render_dir": "{folder}"}}',
        cwd=tree if place == "inside" else tmp_path,
        **env,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert rendered(folder) == golden()


def test_twice_is_the_same_and_changes_nothing(tmp_path: Path) -> None:
    for changed in ("changed=1", "changed=0"):
        done = ansible(TREE / "playbooks/render.yml", TREE / CORE, "-e", f"workspace_render_dir={tmp_path}")
        assert changed in done.stdout, done.stdout
        assert rendered(tmp_path) == golden()


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    done = ansible(TREE / "playbooks/render.yml", TREE / CORE, "-C", "-e", f"workspace_render_dir={tmp_path / 'new'}")
    assert "changed=1" in done.stdout
    assert not (tmp_path / "new").exists()
