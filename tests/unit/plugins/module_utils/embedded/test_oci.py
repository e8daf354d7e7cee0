"""The node's image is a docker archive that keeps its promises."""

from __future__ import annotations

import hashlib
import json
import tarfile

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded import oci


def test_node_image(tmp_path):
    programs = tmp_path / "1.34.2-abc"
    programs.mkdir()
    (programs / "coredns").write_bytes(b"dns")
    (tmp_path / "busybox").write_bytes(b"box")
    image = oci.node_image(programs, tmp_path / "busybox")
    assert image.ref == "localhost/ai-workspace-node:1.34.2-abc"
    with tarfile.open(image.archive) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
        config = json.load(tar.extractfile(manifest[0]["Config"]))
        layer = tar.extractfile(manifest[0]["Layers"][0])
        content = layer.read()
        layer.seek(0)
        with tarfile.open(fileobj=layer) as files:
            assert {entry.name: entry.mode for entry in files if entry.isfile()} == {
                "bin/busybox": 0o755,
                "coredns": 0o755,
            }
    assert manifest[0]["RepoTags"] == [image.ref]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(content).hexdigest()}"]
    assert sorted(path.name for path in programs.iterdir()) == ["coredns", "node-image.tar"]
