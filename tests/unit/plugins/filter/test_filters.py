"""The filters: each file holds one filter of its name, documented as it is, with errors of Ansible's own."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.template import trust_as_template

FOLDER = Path(__file__).parents[4] / "plugins/filter"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
TYPES = {"str": "str", "int": "int", "Mapping[str, Any]": "dict", "str | None": "str", "int | None": "int"}


def module(name: str) -> Any:
    return importlib.import_module(f"ansible_collections.homelab.ai_workspace.plugins.filter.{name}")


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    return module(name).FilterModule().filters()[name](*args, **kwargs)


def test_the_filters_of_the_architecture_are_there() -> None:
    assert NAMES == [
        "librechat_config",
        "librechat_env",
        "mongodb_uri",
        "postgres_uri",
        "rag_api_env",
        "redis_uri",
        "secret",
        "service_url",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_tells_the_arguments(name: str) -> None:
    filters = module(name).FilterModule().filters()
    assert list(filters) == [name]
    described = yaml.safe_load(module(name).DOCUMENTATION)
    assert described["name"] == name
    (_, first), *rest = inspect.signature(filters[name]).parameters.items()
    options = described["options"]
    assert set(options) == {"_input", *(name for name, _ in rest)}
    assert options["_input"]["required"] is True
    assert options["_input"]["type"] == TYPES[first.annotation]
    for key, argument in rest:
        required = argument.default is inspect.Parameter.empty
        assert options[key].get("required", False) is required
        assert options[key].get("default") == (None if required else argument.default or None), key
        assert options[key]["type"] == TYPES[argument.annotation]
        assert argument.kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", NAMES)
def test_examples_and_results_are_yaml(name: str) -> None:
    assert f"homelab.ai_workspace.{name}" in module(name).EXAMPLES
    assert yaml.safe_load(module(name).EXAMPLES)
    assert list(yaml.safe_load(module(name).RETURN)) == ["_value"]


def test_tagged_text_comes_back_plain() -> None:
    found = call("mongodb_uri", trust_as_template("db"), user="u", password=trust_as_template("{{"), database="d")
    assert (type(found), found) == (str, "mongodb://u:%7B%7B@db:27017/d")
    assert call("secret", "a") == "⟦secret:a⟧"
    assert call("service_url", {"url": "http://a/"}) == "http://a"


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("mongodb_uri", {"user": "", "password": "geheimnis", "database": "d"}),
        ("postgres_uri", {"user": "", "password": "geheimnis", "database": "d"}),
        ("redis_uri", {"user": "geheimnis", "password": ""}),
    ],
)
def test_errors_name_the_filter_and_never_the_value(name: str, args: dict[str, str]) -> None:
    with pytest.raises(AnsibleFilterError, match=name) as caught:
        call(name, "db", **args)
    assert "geheimnis" not in str(caught.value)


def test_a_name_that_no_reference_can_carry() -> None:
    with pytest.raises(AnsibleFilterError, match="letters, digits"):
        call("secret", "a b")
