"""Images are found by folder and built only when their content changed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded import images
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Callable

REAL = Path(__file__).parents[5] / "docker"


def put(folder: Path, name: str, base: str = "debian:trixie-slim", **files: str) -> Path:
    """Make an image folder."""
    made = folder / name
    made.mkdir(parents=True)
    (made / "Dockerfile").write_text(
        f"ARG BASE_IMAGE=docker.io/library/{base}\nFROM ${{BASE_IMAGE}}\n", encoding="utf-8"
    )
    for file, text in files.items():
        (made / file).write_text(text, encoding="utf-8")
    return made


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    put(tmp_path / "docker", "a-vector", "postgres:17-trixie")
    put(tmp_path / "docker", "postgres", start="1")
    put(tmp_path / "docker", "stand-ins/openai")
    return tmp_path / "docker"


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Record the programs that are run instead of running them; a pushed archive appears as upstream's would."""
    seen: list[list[str]] = []

    def run(command: list[str], **_options: object) -> None:
        seen.append(command)
        if command[0] == "mmdebstrap":
            Path(command[-1] if command[-1].endswith(".tar") else command[-2]).touch()
        if "push" in command:
            Path(command[-1].split(":")[1]).touch()

    monkeypatch.setattr(images, "_run", run)
    monkeypatch.setattr(images, "_need", lambda *_tools: None)
    return seen


def test_a_folder_is_an_image_and_comes_after_its_base(docker: Path) -> None:
    sources = images.find_sources(docker)
    assert list(sources) == ["postgres", "a-vector", "stand-ins/openai"]
    assert sources["a-vector"].base == "postgres"
    assert sources["stand-ins/openai"].base == ""
    assert sources["stand-ins/openai"].ref == "localhost/ai-workspace/stand-ins/openai:sandbox"
    assert list(images.find_sources(docker, ["a-vector"])) == ["postgres", "a-vector"]


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "start").write_text("2", encoding="utf-8"),
        lambda folder: (folder / "start").chmod(0o755),
        lambda folder: (folder / "start").rename(folder / "begin"),
        lambda folder: (folder / "more").touch(),
    ],
)
def test_a_change_reaches_the_image_and_what_builds_on_it(docker: Path, change: Callable[[Path], object]) -> None:
    before = images.find_sources(docker)
    change(docker / "postgres")
    after = images.find_sources(docker)
    changed = {name for name in before if before[name].digest != after[name].digest}
    assert changed == {"postgres", "a-vector"}


def test_what_tools_leave_in_a_folder_is_no_change(docker: Path) -> None:
    before = images.find_sources(docker)
    (docker / "postgres" / "__pycache__").mkdir()
    (docker / "postgres" / "__pycache__" / "x.pyc").touch()
    assert images.find_sources(docker) == before


def test_unchanged_folders_build_nothing(docker: Path, tmp_path: Path, builds: list[list[str]]) -> None:
    lines: list[str] = []
    built = images.build_images(docker, tmp_path / "cache", lines.append)
    assert [image.archive.exists() for image in built] == [True] * 3
    assert {line.rpartition(" ")[2] for line in lines if line.startswith("building")} == {
        "debian",
        "postgres",
        "a-vector",
        "stand-ins/openai",
    }
    builds.clear()
    lines.clear()
    begun = time.monotonic()
    assert images.build_images(docker, tmp_path / "cache", lines.append) == built
    assert time.monotonic() - begun < 0.1
    assert (builds, lines) == ([], [])


def test_a_changed_image_takes_its_base_from_the_cache(docker: Path, tmp_path: Path, builds: list[list[str]]) -> None:
    images.build_images(docker, tmp_path / "cache", lambda _line: None)
    (docker / "a-vector" / "more").touch()
    builds.clear()
    lines: list[str] = []
    images.build_images(docker, tmp_path / "cache", lines.append)
    assert [line for line in lines if line.startswith("building")] == ["building image a-vector"]
    pulled, built = (next(i for i, c in enumerate(builds) if word in c) for word in ("pull", "push"))
    assert pulled < built
    assert "BASE_IMAGE=localhost/ai-workspace/postgres:sandbox" in builds[built - 1]


def test_what_a_killed_run_left_is_removed_and_old_archives_are_forgotten(
    docker: Path, tmp_path: Path, builds: list[list[str]]
) -> None:
    cache = tmp_path / "cache" / "images"
    (cache / "build-left" / "root").mkdir(parents=True)
    (cache / "gone-0123.tar").touch()
    os.utime(cache / "gone-0123.tar", (0, 0))
    images.build_images(docker, tmp_path / "cache", lambda _line: None)
    assert builds
    assert sorted(path.name for path in cache.iterdir() if "-" in path.name and "0123" in path.name) == []
    assert not list(cache.glob("build-*"))


def test_a_failed_build_says_what_failed_and_leaves_no_archive(
    docker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "_need", lambda *_tools: None)
    monkeypatch.setattr(images, "RECIPE", ("--no-such-option",))
    (tmp_path / "mmdebstrap").write_text("#!/bin/sh\necho no such option\nexit 3\n", encoding="utf-8")
    (tmp_path / "mmdebstrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(WorkspaceError, match=r"(?s)mmdebstrap.*ended with 3.*no such option"):
        images.build_images(docker, tmp_path / "cache", lambda _line: None)
    assert not list((tmp_path / "cache" / "images").glob("*.tar"))


def test_tools_are_named_where_they_cannot_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(WorkspaceError, match="mmdebstrap and buildah: install them"):
        images._need("mmdebstrap", "buildah")  # noqa: SLF001


def test_every_dockerfile_of_the_project_takes_its_base_as_an_argument() -> None:
    sources = images.find_sources(REAL)
    assert {"postgres-pgvector", "postgres-documentdb", "valkey", "ferretdb", "stand-ins/openai"} <= set(sources)
    assert {name: source.base for name, source in sources.items() if source.base} == {
        "postgres-pgvector": "postgres",
        "postgres-documentdb": "postgres",
    }
    for source in sources.values():
        text = (source.folder / "Dockerfile").read_text(encoding="utf-8")
        assert "ARG BASE_IMAGE=docker.io/library/" in text or "FROM scratch" in text
