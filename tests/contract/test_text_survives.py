"""Values of an inventory reach the program exactly as they were given, through the real playbook."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cases.playbooks import TREE, ansible, environment, named, objects, rendered
from tests.unit.plugins.plugin_utils.test_objects_text import NASTY, WORDS

TEXTS = {f"T{number}": text for number, text in enumerate([*NASTY, *WORDS]) if "\0" not in text}
RENDER = [
    {"name": "Plan", "ansible.builtin.import_tasks": str(TREE / "playbooks/tasks/plan.yml")},
    {"name": "Plan a component of one's own", "ansible.builtin.import_role": {"name": "shop"}},
    {"name": "Write", "homelab.ai_workspace.rollout": {"render_dir": "{{ folder }}"}},
]


class _Unsafe(str):
    """Text that Ansible must not take for a template."""

    __slots__ = ()


def _dump(content: Any) -> str:
    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, _data: Any) -> bool:
            return True

    Dumper.add_representer(_Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))
    return yaml.dump(content, Dumper=Dumper, allow_unicode=True)


def unsafe(value: Any) -> Any:
    """Return ``value`` with each text marked that Ansible would take for a template."""
    if isinstance(value, str):
        return _Unsafe(value) if "{" in value else value
    if isinstance(value, dict):
        return {key: unsafe(item) for key, item in value.items()}
    return value


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return all objects of a workspace full of such values, and of a role of the user's own."""
    folder = tmp_path_factory.mktemp("text")
    variables = {
        "ansible_connection": "local",
        "folder": str(folder / "out"),
        "texts": unsafe(TEXTS),
        "librechat_extra_env": unsafe(TEXTS),
        "librechat_app_title": unsafe("".join(NASTY)),
        "librechat_custom_welcome": unsafe("".join(NASTY)),
        "librechat_config": {"interface": {"customFooter": unsafe(TEXTS)}},
    }
    web = {"name": "web", "image": "web:1", "user": 1000, "ports": {"http": 80}, "ready": {"tcp": "http"}}
    spec = {**web, "env": "{{ texts }}", "files": {"/etc/web.yml": "{{ texts }}", "/etc/text": "{{ texts.T5 }}"}}
    (folder / "roles/shop/tasks").mkdir(parents=True)
    (folder / "roles/shop/tasks/main.yml").write_text(
        _dump([{"homelab.ai_workspace.component": spec}]), encoding="utf-8"
    )
    (folder / "inventory.yml").write_text(_dump({"clusters": {"hosts": {"home": variables}}}), encoding="utf-8")
    play = {"hosts": "clusters", "gather_facts": False, "tasks": RENDER}
    (folder / "play.yml").write_text(_dump([play]), encoding="utf-8")
    done = ansible(folder / "play.yml", folder / "inventory.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    return objects(rendered(folder / "out")["home"])


def test_through_env(items: list[dict[str, Any]]) -> None:
    assert environment(items, "web") == TEXTS
    assert environment(items, "librechat")["APP_TITLE"] == "".join(NASTY)


def test_through_extra_env(items: list[dict[str, Any]]) -> None:
    """Their values become references, so what is rendered are placeholders; empty ones stay as they are."""
    env = environment(items, "librechat")
    assert {name: env[name] for name in TEXTS} == {
        name: f"placeholder-of-librechat_extra_env.{name}" if text else "" for name, text in TEXTS.items()
    }


@pytest.mark.parametrize("reader", ["Python", "Node"])
def test_through_files(items: list[dict[str, Any]], reader: str, tmp_path: Path, schema: Path) -> None:
    """Read by YAML 1.1's eyes and by those of LibreChat's own parser, which follows 1.2."""
    read = yaml.safe_load if reader == "Python" else lambda text: node(text, tmp_path / "file.yml", schema)
    files = named(items, "ConfigMap", "web-files")["data"]
    assert files["etc_text"] == TEXTS["T5"]
    assert read(files["etc_web.yml"]) == TEXTS
    (config,) = named(items, "ConfigMap", "librechat-files")["data"].values()
    assert read(config)["interface"]["customFooter"] == TEXTS
    assert read(config)["interface"]["customWelcome"] == "".join(NASTY)


def node(text: str, path: Path, schema: Path) -> Any:
    """Return what js-yaml reads, as LibreChat does."""
    path.write_text(text, encoding="utf-8")
    program = (
        "import {load} from 'js-yaml'; import {readFileSync} from 'node:fs';"
        "console.log(JSON.stringify(load(readFileSync(process.argv[1], 'utf8'))))"
    )
    command = ["node", "--input-type=module", "-e", program, path]
    return json.loads(subprocess.run(command, cwd=schema, check=True, capture_output=True, text=True).stdout)
