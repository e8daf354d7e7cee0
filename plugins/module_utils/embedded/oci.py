"""One small image for what the node itself runs: the pause process, a shell for volumes, CoreDNS."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from pathlib import Path

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.images import Image
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.processes import PAUSE

NODE_IMAGE = "localhost/ai-workspace-node"


def node_image(binaries: Path, busybox: Path) -> Image:
    """Return name and archive of the node's image; make it once a set of programs.

    Args:
        binaries: folder of the programs; the archive is kept there.
        busybox: a static one.
    """
    ref, archive = f"{NODE_IMAGE}:{binaries.name}", binaries / "node-image.tar"
    if not archive.exists():
        with tempfile.TemporaryDirectory(dir=binaries) as folder:
            made = Path(folder) / "image.tar"
            _archive(made, ref, {"bin/busybox": busybox, "coredns": binaries / "coredns"}, {"bin/sh": "busybox"})
            made.rename(archive)
    return Image(ref, archive)


def _archive(path: Path, ref: str, files: dict[str, Path], links: dict[str, str]) -> None:
    """Write a docker archive of one layer whose default command is the pause process."""
    layer = path.with_suffix(".layer")
    with tarfile.open(layer, "w") as tar:
        for name, source in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = source.stat().st_size, 0o755
            with source.open("rb") as content:
                tar.addfile(entry, content)
        for name, target in links.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    with layer.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
        "os": "linux",
        "config": {"Entrypoint": list(PAUSE), "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [ref], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        tar.add(layer, "layer.tar")
        for name, value in (("config.json", config), ("manifest.json", manifest)):
            data = json.dumps(value).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
