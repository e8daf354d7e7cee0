"""The collection as a whole: what imports what, what is documented, what is grouped."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.spec import FIELDS

TREE = Path(__file__).parents[2]
OWN = "ansible_collections.homelab.ai_workspace.plugins"
LIBRARIES = [*TREE.glob("plugins/module_utils/**/*.py"), *TREE.glob("plugins/plugin_utils/**/*.py")]
OUTSIDE = ("kubernetes", "ansible_collections.kubernetes")
HALVES = {"plugins/module_utils": ["module_utils"], "plugins/plugin_utils": ["module_utils", "plugin_utils"]}


def imports(path: Path) -> set[str]:
    """Return the full names of all modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write the whole name"
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def relative(path: Path) -> str:
    return str(path.relative_to(TREE))


@pytest.mark.parametrize("path", LIBRARIES, ids=relative)
def test_the_halves_keep_apart(path: Path) -> None:
    half = "/".join(path.relative_to(TREE).parts[:2])
    allowed = tuple(f"{OWN}.{name}" for name in HALVES[half])
    own = {name for name in imports(path) if name.startswith("ansible_collections.homelab")}
    assert all(name.startswith((*allowed, OWN)) and name.split(".")[4:5] != ["modules"] for name in own)
    assert not {name for name in own if name != OWN and not name.startswith(allowed)}


@pytest.mark.parametrize("path", LIBRARIES, ids=relative)
def test_one_file_knows_the_kubernetes_client(path: Path) -> None:
    foreign = {name for name in imports(path) if name.split(".")[0] == "kubernetes" or name.startswith(OUTSIDE[1])}
    assert not foreign or relative(path) == "plugins/module_utils/client.py"


@pytest.mark.parametrize("path", LIBRARIES, ids=relative)
def test_the_rollout_half_knows_nothing_of_ansible(path: Path) -> None:
    """It runs where the cluster is reached, as a module: of Ansible it has module_utils only."""
    if "module_utils" in path.parts:
        ansible = {name for name in imports(path) if name.split(".")[0] == "ansible"}
        assert all(name.startswith("ansible.module_utils") for name in ansible)


def documented(name: str) -> dict[str, Any]:
    module = importlib.import_module(f"{OWN}.modules.{name}")
    assert yaml.safe_load(module.EXAMPLES)
    assert all(entry["description"] for entry in yaml.safe_load(module.RETURN).values())
    found: dict[str, Any] = yaml.safe_load(module.DOCUMENTATION)
    assert found["module"] == name
    return found


def same(fields: dict[str, Any], options: dict[str, Any], path: str) -> None:
    """Compare fields of a spec with their documentation, down to the last."""
    assert list(fields) == list(options), path
    for name, field in fields.items():
        option, where = options[name], f"{path}.{name}"
        assert option["description"], where
        assert option["type"] == field.get("type", "str"), where
        for key in ("required", "default", "choices", "elements"):
            assert option.get(key, False if key == "required" else None) == field.get(
                key, False if key == "required" else None
            ), where
        same(field.get("options", {}), option.get("suboptions", {}), where)


def test_every_field_of_a_component_is_documented() -> None:
    same(FIELDS, documented("component")["options"], "component")


def test_validate_takes_nothing() -> None:
    assert documented("validate")["options"] == {}


def test_every_action_has_its_module() -> None:
    actions, modules = ({path.stem for path in TREE.glob(f"plugins/{kind}/*.py")} for kind in ("action", "modules"))
    assert actions == modules


def test_the_action_group_holds_what_reaches_a_cluster() -> None:
    """All modules with connection settings, so that module_defaults reach them and kubernetes.core's alike."""
    group = yaml.safe_load((TREE / "meta/runtime.yml").read_text(encoding="utf-8"))["action_groups"]["workspace"]
    named = {entry for entry in group if isinstance(entry, str)}
    connected = {
        path.stem
        for path in TREE.glob("plugins/modules/*.py")
        if "kubernetes.core.k8s_auth_options" in path.read_text(encoding="utf-8")
    }
    assert named == connected
    assert {"metadata": {"extend_group": ["kubernetes.core.k8s"]}} in group


def test_fragments_exist() -> None:
    for path in TREE.glob("plugins/modules/*.py"):
        module = importlib.import_module(f"{OWN}.modules.{path.stem}")
        for fragment in yaml.safe_load(module.DOCUMENTATION).get("extends_documentation_fragment", []):
            if fragment.startswith("homelab.ai_workspace."):
                name = fragment.rpartition(".")[2]
                found = importlib.import_module(f"{OWN}.doc_fragments.{name}").ModuleDocFragment
                assert yaml.safe_load(found.DOCUMENTATION)
