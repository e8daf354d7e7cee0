"""Wrong input through the real playbook: one message, an exit code, nothing written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cases.playbooks import CASES, TREE, ansible, write_inventory

RENDER = TREE / "playbooks/render.yml"
TAGS = (
    "--tags and --skip-tags are not supported, as they make half a plan; for a part of the workspace use "
    """-e '{"workspace_only": ["meilisearch"]}'"""
)


def said(text: str) -> str:
    """Return the output with its line breaks and quoting made plain."""
    return " ".join(text.replace("\\n", " ").replace('\\"', '"').replace("''", "'").split())


def refused(inventory: Path, folder: Path, *options: str, **env: str) -> str:
    """Run render.yml; return what it said after it failed without writing a file."""
    out = folder / "out"
    done = ansible(RENDER, inventory, "-e", f"workspace_render_dir={out}", *options, **env)
    assert done.returncode == 2, done.stdout + done.stderr
    assert not out.exists()
    return said(done.stdout + done.stderr)


def inventory(folder: Path, **hosts: dict[str, Any]) -> Path:
    return write_inventory(folder / "inventory.json", hosts)


@pytest.mark.parametrize(
    "name",
    [
        "name-misspelt",
        "type-wrong",
        "three-mistakes-in-three-roles",
        "secret-of-a-wrong-shape",
        "template-error-of-a-secret",
        "external-that-is-a-uri",
    ],
)
def test_all_problems_in_one_message(tmp_path: Path, name: str) -> None:
    case = yaml.safe_load((CASES / f"refused/{name}.yml").read_text(encoding="utf-8"))
    text = refused(inventory(tmp_path, home=case["given"]), tmp_path, "-vvv", "--diff")
    count = len(case["refused"])
    first = f"home: {count} problem{'s' if count > 1 else ''} in the inventory; nothing was applied."
    assert f"{first} {' '.join(case['refused'])}" in text
    assert "geheimnis" not in text


@pytest.mark.parametrize("options", [["--tags", "x"], ["--skip-tags", "x"]])
def test_tags(tmp_path: Path, options: list[str]) -> None:
    assert TAGS in refused(inventory(tmp_path, home={}), tmp_path, *options)


def test_a_start_in_the_middle_also_with_yesterday_s_facts(tmp_path: Path) -> None:
    cache = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "cache")}
    home = inventory(tmp_path, home={})
    done = ansible(RENDER, home, "-e", f"workspace_render_dir={tmp_path / 'first'}", **cache)
    assert done.returncode == 0, done.stdout
    assert "__workspace_plan" in "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "cache").iterdir())
    for task, env in (("Plan LibreChat", cache), ("Plan LibreChat", {}), ("Write the objects to *", cache)):
        text = refused(home, tmp_path, "--start-at-task", task, **env)
        assert "no plan was opened in this run: run the playbook from its start" in text
    # Ansible gathers facts when the first task is asked for, whatever the play says.
    python = f"ansible_python_interpreter={sys.executable}"
    text = refused(home, tmp_path, "-e", python, "--start-at-task", "Check every variable", **cache)
    assert "--start-at-task is not supported" in text


def test_a_variable_called_workspace(tmp_path: Path) -> None:
    text = refused(inventory(tmp_path, home={"workspace": "mine"}), tmp_path)
    assert "workspace is a variable of yours; its name is taken by the result of validate, rename yours" in text


def test_two_hosts_that_are_one_workspace(tmp_path: Path) -> None:
    same = {"workspace_context": "one"}
    text = refused(inventory(tmp_path, home=same, work=same), tmp_path)
    assert "work and home are the same namespace (ai-workspace) of the same cluster; give one of them another" in text


def test_one_wrong_host_stops_all(tmp_path: Path) -> None:
    text = refused(inventory(tmp_path, home={}, work={"librechat_replicas": "many"}), tmp_path)
    assert "work: 1 problem in the inventory" in text


def test_an_override_that_matches_nothing(tmp_path: Path) -> None:
    given = {"valkey_overrides": [{"kind": "Deployment", "patch": {"spec": {}}}]}
    text = refused(inventory(tmp_path, home=given), tmp_path)
    assert "valkey_overrides[0] names Deployment, which the role does not make" in text


def test_an_unknown_field_of_a_component(tmp_path: Path) -> None:
    """In a role of the user's own, which the message names."""
    tasks = tmp_path / "roles/shop/tasks"
    tasks.mkdir(parents=True)
    web = {"name": "web", "image": "web:1", "user": 1000, "ports": {"http": 80}, "ready": {"tcp": "http"}, "replica": 2}
    (tasks / "main.yml").write_text(
        yaml.safe_dump([{"name": "Plan", "homelab.ai_workspace.component": web}]), encoding="utf-8"
    )
    play = [
        {
            "hosts": "clusters",
            "gather_facts": False,
            "tasks": [
                {"homelab.ai_workspace.validate": {}, "register": "workspace"},
                {"ansible.builtin.import_role": {"name": "shop"}},
            ],
        }
    ]
    playbook = tmp_path / "shop.yml"
    playbook.write_text(yaml.safe_dump(play), encoding="utf-8")
    done = ansible(playbook, inventory(tmp_path, home={}))
    assert done.returncode == 2
    assert "role shop, component web.replica is not known. Did you mean replicas?" in said(done.stdout)
