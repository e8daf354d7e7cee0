"""One value against its spec: converted, or told in the words of YAML."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.template import trust_as_template
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.values import check, hint, kind_of, nearest, plain

BOX = {"type": "dict", "options": {"size": {"type": "int", "default": 3}, "name": {"type": "str", "required": True}}}


@pytest.mark.parametrize(
    ("value", "spec", "result"),
    [
        ("8", {"type": "int"}, 8),
        (8.0, {"type": "int"}, 8),
        ("0.5", {"type": "float"}, 0.5),
        ("yes", {"type": "bool"}, True),
        ("OFF", {"type": "bool"}, False),
        (0, {"type": "bool"}, False),
        (8, {"type": "str"}, "8"),
        (True, {"type": "str"}, "true"),
        (False, {}, "false"),
        (("a", "b"), {"type": "list"}, ["a", "b"]),
        (["1", 2], {"type": "list", "elements": "int"}, [1, 2]),
        ({"x": None}, {"type": "dict"}, {"x": None}),
        ({"name": "a"}, BOX, {"name": "a", "size": 3}),
        ({"name": "a", "size": None}, BOX, {"name": "a", "size": 3}),
        ([{"name": "a"}], {"type": "list", "elements": "dict", "options": BOX["options"]}, [{"name": "a", "size": 3}]),
        ({"any": ["thing"]}, {"type": "raw"}, {"any": ["thing"]}),
    ],
)
def test_what_fits_is_converted(value: Any, spec: dict[str, Any], result: Any) -> None:
    problems: list[str] = []
    checked = check(value, spec, "x", problems)
    assert (checked, type(checked), problems) == (result, type(result), [])


@pytest.mark.parametrize(
    ("value", "spec", "lines"),
    [
        ("two", {"type": "int"}, ["x is 'two' (str); allowed is int"]),
        (True, {"type": "int"}, ["x is True (bool); allowed is int"]),
        (1.5, {"type": "int"}, ["x is 1.5 (float); allowed is int"]),
        ("maybe", {"type": "bool"}, ["x is 'maybe' (str); allowed is bool"]),
        (2, {"type": "bool"}, ["x is 2 (int); allowed is bool"]),
        ([1], {"type": "str"}, ["x is [1] (list); allowed is str"]),
        ("a", {"type": "list"}, ["x is 'a' (str); allowed is list"]),
        ("a", {"type": "dict"}, ["x is 'a' (str); allowed is dict"]),
        ("c", {"choices": ["a", "b"]}, ["x is 'c'; allowed is a, b"]),
        ({}, BOX, ["x.name is missing; it is required"]),
        ({"name": "a", "sise": 1}, BOX, ["x.sise is not known. Did you mean size?"]),
        ({"name": "a", "zzz": 1}, BOX, ["x.zzz is not known. Allowed: name, size."]),
        (
            [{"name": "a"}, {"size": "b"}],
            {"type": "list", "elements": "dict", "options": BOX["options"]},
            ["x[1].size is 'b' (str); allowed is int", "x[1].name is missing; it is required"],
        ),
        ("y" * 99, {"type": "int"}, [f"x is '{'y' * 56}... (str); allowed is int"]),
    ],
)
def test_what_does_not_fit_is_told(value: Any, spec: dict[str, Any], lines: list[str]) -> None:
    problems: list[str] = []
    check(value, spec, "x", problems)
    assert problems == lines


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "int", "no_log": True},
        {"choices": ["a"], "no_log": True},
        {"type": "list", "elements": "int", "no_log": True},
        {"type": "dict", "options": {"key": {"type": "int"}}, "no_log": True},
    ],
)
def test_secrets_are_never_quoted(spec: dict[str, Any]) -> None:
    problems: list[str] = []
    value: Any = {"list": ["geheimnis"], "dict": {"key": "geheimnis"}}.get(spec.get("type", ""), "geheimnis")
    check(value, spec, "x", problems)
    assert len(problems) == 1
    assert "a hidden value" in problems[0]
    assert "geheimnis" not in problems[0]


def test_values_become_python_s_own() -> None:
    tagged = trust_as_template("{{ x }}")
    assert type(tagged) is not str
    result = plain({tagged: [tagged, 1, True, None, (1.5,)]})
    assert result == {"{{ x }}": ["{{ x }}", 1, True, None, [1.5]]}
    assert {type(item) for item in (*result, result["{{ x }}"][0])} == {str}


def test_dates_become_text() -> None:
    assert plain(yaml.safe_load("[2026-11-21, 2026-11-21T10:00:00]")) == ["2026-11-21", "2026-11-21T10:00:00"]


def test_words_for_types() -> None:
    assert [kind_of(value) for value in (True, 1, 1.5, "a", {}, [], None)] == [
        "bool",
        "int",
        "float",
        "str",
        "dict",
        "list",
        "null",
    ]


KNOWN = ("librechat_replicas", "valkey_storage_size", "meilisearch_storage_size")


@pytest.mark.parametrize("name", KNOWN)
@given(st.data())
def test_one_slip_is_always_recognised(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(name) - 2))
    slips = [
        name[:place] + name[place + 1 :],
        name[:place] + "x" + name[place:],
        name[:place] + name[place + 1] + name[place] + name[place + 2 :],
    ]
    for slip in slips:
        assert slip in KNOWN or nearest(slip, KNOWN) == name


def test_other_people_s_names_are_no_slips() -> None:
    assert nearest("storage_class", KNOWN) is None
    assert nearest("valkey_exporter_port", KNOWN) is None
    assert hint("nothing", ["b", "a"]) == " Allowed: a, b."
