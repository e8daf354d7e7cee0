"""Rendered objects as files, for Argo CD, Flux or kubectl."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import Plan
from ansible_collections.homelab.ai_workspace.plugins.module_utils.secrets import needed, resolve

HEADER = "# Rendered by homelab.ai_workspace. Secret values are placeholders.\n"


_UNSURE = re.compile(r"[-+]?(0[bBoOxX][0-9a-fA-F_]+|[0-9_.]+([eE][-+]?[0-9]+)?)|[yYnN]")
"""Words that kubectl's reader takes for numbers or booleans, and PyYAML's writer does not, such as 1e3, 0o17 and y."""


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block, and in quotes what readers could take for something else."""


def _str(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else "'" if _UNSURE.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _str)


def placeholders(plan: Plan) -> dict[str, str]:
    """Return a placeholder of the right shape for every secret that the plan refers to."""
    return {
        name: plan.shapes[name].placeholder() if name in plan.shapes else f"placeholder-of-{name}"
        for name in needed(plan)
    }


def rendered_files(plan: Plan) -> dict[str, str]:
    """Return the text of each component's file by its name; the same plan gives the same bytes."""
    resolved = resolve(plan, placeholders(plan))
    return {
        f"{component.name}.yaml": HEADER
        + "".join(
            "---\n" + yaml.dump(dict(item), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
            for item in component.objects
        )
        for component in resolved.components
    }


def write_files(folder: Path, files: Mapping[str, str], *, dry_run: bool) -> dict[str, Any]:
    """Write what differs, remove files of earlier runs that left the plan; other people's files stay.

    Returns:
        ``changed`` and the lists ``written`` and ``removed`` of file names.
    """
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")} if folder.exists() else {}
    written = sorted(name for name, text in files.items() if present.get(name) != text)
    removed = sorted(name for name, text in present.items() if name not in files and text.startswith(HEADER))
    if not dry_run:
        folder.mkdir(parents=True, exist_ok=True)
        for name in written:
            (folder / name).write_text(files[name], encoding="utf-8")
        for name in removed:
            (folder / name).unlink()
    return {"changed": bool(written or removed), "written": written, "removed": removed}
