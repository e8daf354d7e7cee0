"""The roles keep the rules of the collection: one source of variables, one word for one thing, tasks that only plan."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = sorted(path.parent for path in Path(__file__).parents[2].glob("roles/*/meta"))
SERVICES = [role for role in ROLES if role.name not in ("workspace", "cluster")]
COMMON = {"image", "node_selector", "tolerations", "extra_env", "overrides", "resources", "replicas", "storage_class"}
"""What every role that has the thing calls by the same word, and means by it."""
NOUNS = {"storage_size": r"Size of the volume .*It can grow, never shrink\."}


def load(role: Path, path: str) -> Any:
    file = role / path
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}


def main(role: Path) -> Any:
    return load(role, "meta/argument_specs.yml")["argument_specs"]["main"]


def options(role: Path) -> dict[str, Any]:
    found: dict[str, Any] = main(role)["options"]
    return found


def nested(specs: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Return all options below, by their paths."""
    found = {}
    for name, spec in specs.items():
        found[path + name] = spec
        found |= nested(spec.get("options", {}), f"{path}{name}.")
    return found


def named(role: Path) -> str:
    return role.name


def test_the_roles_of_the_core_are_there() -> None:
    core = {
        "workspace",
        "cluster",
        "valkey",
        "meilisearch",
        "documentdb",
        "mongodb",
        "pgvector",
        "rag_api",
        "librechat",
    }
    assert core <= {role.name for role in ROLES}


@pytest.mark.parametrize("role", ROLES, ids=named)
def test_defaults_repeat_the_argument_specs(role: Path) -> None:
    declared = {name: spec["default"] for name, spec in options(role).items() if "default" in spec}
    assert load(role, "defaults/main.yml") == declared
    for name, value in load(role, "defaults/main.yml").items():
        assert type(value) is type(declared[name]), name


@pytest.mark.parametrize("role", ROLES, ids=named)
def test_every_variable_is_described_and_carries_its_role_s_name(role: Path) -> None:
    assert main(role)["short_description"]
    for path, spec in nested(options(role)).items():
        text = " ".join(spec["description"]) if isinstance(spec["description"], list) else spec["description"]
        assert re.match(r"^[A-Za-z].*[.]$", text), f"{path}: {text}"
        assert spec["type"] in ("str", "int", "bool", "dict", "list", "path", "float", "raw"), path
        assert set(spec) <= {"description", "type", "default", "choices", "elements", "options", "required", "no_log"}
    assert all(name.startswith(f"{role.name}_") for name in options(role))


@pytest.mark.parametrize("role", ROLES, ids=named)
def test_defaults_fit_their_own_specs(role: Path) -> None:
    kinds = {"str": str, "path": str, "int": int, "bool": bool, "dict": dict, "list": list, "float": float}
    for path, spec in nested(options(role)).items():
        if "default" in spec:
            assert isinstance(spec["default"], kinds[spec["type"]]), path
            assert spec["default"] in spec.get("choices", [spec["default"]]), path
        assert not (spec.get("required") and "default" in spec), path


@pytest.mark.parametrize("role", SERVICES, ids=named)
def test_one_word_means_one_thing(role: Path) -> None:
    reference = {
        word: {key: value for key, value in spec.items() if key != "default" or word not in ("image", "resources")}
        for word in COMMON
        if (spec := options(_first(word)).get(f"{_first(word).name}_{word}"))
    }
    for word, expected in reference.items():
        spec = dict(options(role).get(f"{role.name}_{word}") or expected)
        if word == "replicas":
            assert (spec["type"], spec["default"]) == ("int", 1)
            assert spec["description"].startswith("Number of pods")
        elif word == "image":
            assert (spec["type"], spec["description"].split(";")[0].rstrip(".")) == (
                "str",
                "The image, with its tag or digest",
            )
        else:
            if word == "resources":
                assert set(spec.pop("default", {"requests": 1})) <= {"requests", "limits"}
            assert spec == expected, f"{role.name}_{word}"
    for word, pattern in NOUNS.items():
        if spec := options(role).get(f"{role.name}_{word}"):
            assert re.fullmatch(pattern, spec["description"])


def _first(word: str) -> Path:
    return next(role for role in SERVICES if f"{role.name}_{word}" in options(role))


@pytest.mark.parametrize("role", SERVICES, ids=named)
def test_every_service_has_what_all_services_have(role: Path) -> None:
    missing = {"image", "node_selector", "tolerations", "extra_env", "overrides", "resources", "replicas"} - {
        name.removeprefix(f"{role.name}_") for name in options(role)
    }
    assert not missing


@pytest.mark.parametrize("role", ROLES, ids=named)
def test_a_required_suboption_has_no_default_above_it(role: Path) -> None:
    """Ansible refuses a ``{}`` default with a required suboption, and ours would never be given."""
    for path, spec in nested(options(role)).items():
        if any(option.get("required") for option in spec.get("options", {}).values()) and spec["type"] == "dict":
            assert "default" not in spec, path


@pytest.mark.parametrize("role", ROLES, ids=named)
def test_names_in_vars_are_private(role: Path) -> None:
    assert all(name.startswith(f"__{role.name}_") for name in load(role, "vars/main.yml"))


@pytest.mark.parametrize("role", SERVICES, ids=named)
def test_a_service_only_plans(role: Path) -> None:
    tasks = load(role, "tasks/main.yml")
    assert tasks
    for task in tasks:
        assert set(task) == {"name", "homelab.ai_workspace.component"}
        assert re.match(r"^Plan [a-z].*[^.]$|^Plan (the )?[A-Z]", task["name"])


@pytest.mark.parametrize("role", SERVICES, ids=named)
def test_every_secret_has_a_shape_and_every_shape_a_use(role: Path) -> None:
    declared = {name for other in ROLES for name in load(other, "vars/main.yml").get(f"__{other.name}_secrets", {})}
    text = (role / "tasks/main.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"'(\w+)' \| homelab\.ai_workspace\.secret", text)) <= declared
    utils = "".join(path.read_text(encoding="utf-8") for path in ROLES[0].parents[1].glob("plugins/*/*.py"))
    tasks = "".join((other / "tasks/main.yml").read_text(encoding="utf-8") for other in SERVICES)
    for name in load(role, "vars/main.yml").get(f"__{role.name}_secrets", {}):
        assert f'"{name}"' in utils or f"'{name}'" in tasks, name


@pytest.mark.parametrize("role", SERVICES, ids=named)
def test_secrets_are_read_from_the_model_only(role: Path) -> None:
    """The raw variable would carry the value into the plan."""
    secret = {
        name
        for name, spec in options(role).items()
        if any(item.get("no_log") for item in nested({name: spec}).values())
    }
    for path in ("tasks/main.yml", "vars/main.yml"):
        text = " ".join(re.findall(r"{{.*?}}", (role / path).read_text(encoding="utf-8"), re.DOTALL))
        used = {match for name in secret for match in re.findall(rf"(?<![\w.]){name}\b(?!:)", text)}
        assert not used, f"{role.name}/{path} reads {used}"
