"""Running the project's real playbooks, and taking apart what they made."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TREE = Path(__file__).resolve().parents[2]
CASES = TREE / "tests/cases"
PROGRAMS = Path(sys.executable).parent
"""Where the programs of this virtual environment are."""


def ansible(
    playbook: Path, inventory: Path, *options: str, cwd: Path = TREE, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run ``ansible-playbook`` as a user of the checkout does: with ansible.cfg where ``cwd`` is, nothing else set."""
    outer = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))}
    return subprocess.run(
        [str(PROGRAMS / "ansible-playbook"), "-i", str(inventory), str(playbook), *options],
        cwd=cwd,
        env={**outer, "ANSIBLE_NOCOLOR": "1", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def render(inventory: Path, folder: Path, *options: str, **env: str) -> dict[str, dict[str, str]]:
    """Return the text of each file by host and file name, as render.yml writes them into ``folder``."""
    done = ansible(TREE / "playbooks/render.yml", inventory, "-e", f"workspace_render_dir={folder}", *options, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    return rendered(folder)


def rendered(folder: Path) -> dict[str, dict[str, str]]:
    """Return the files below ``folder`` by host and file name."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*/*")):
        found.setdefault(path.parent.name, {})[path.name] = path.read_text(encoding="utf-8")
    return found


def objects(files: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return all objects of rendered files."""
    return [item for text in files.values() for item in yaml.safe_load_all(text)]


def named(items: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """Return the object of that kind and name."""
    return next(item for item in items if (item["kind"], item["metadata"]["name"]) == (kind, name))


def expanded(value: str, known: Mapping[str, str]) -> str:
    """Return what Kubernetes makes of an env value, a command or an argument.

    By its documented rule ("Define dependent environment variables"): ``$(NAME)`` becomes the value of a variable
    defined before, an unknown one stays, ``$$`` becomes ``$``, any other ``$`` stays.
    """
    out, rest = "", value
    while rest:
        if rest.startswith("$$"):
            out, rest = out + "$", rest[2:]
        elif rest.startswith("$(") and ")" in rest:
            name, rest = rest[2:].split(")", 1)
            out += known.get(name, f"$({name})")
        else:
            out, rest = out + rest[0], rest[1:]
    return out


def environment(items: list[dict[str, Any]], workload: str) -> dict[str, str]:
    """Return the environment that the program of a workload sees."""
    pods = next(item for item in items if item["metadata"]["name"] == workload and "template" in item.get("spec", {}))
    env: dict[str, str] = {}
    for entry in pods["spec"]["template"]["spec"]["containers"][0]["env"]:
        if "value" in entry:
            env[entry["name"]] = expanded(entry["value"], env)
        else:
            source = entry["valueFrom"]["secretKeyRef"]
            env[entry["name"]] = base64.b64decode(
                named(items, "Secret", source["name"])["data"][source["key"]]
            ).decode()
    return env


def write_inventory(path: Path, hosts: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write an inventory of hosts with variables; each is another context, as two must not be one workspace."""
    content = {
        name: {"ansible_connection": "local", "workspace_context": name, **variables}
        for name, variables in hosts.items()
    }
    path.write_text(json.dumps({"clusters": {"hosts": content}}), encoding="utf-8")
    return path
