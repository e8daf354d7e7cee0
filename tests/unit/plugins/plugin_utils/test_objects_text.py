"""Text reaches the program exactly as it was given: through the environment, arguments and files."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tests.cases.playbooks import expanded
from tests.unit.plugins.plugin_utils.planning import container, made, spec

NASTY = [
    "{{ x }} {% raw %}",
    "$(PATH) $(B) $$(B) $$$ $x ${B} $",
    "$(",
    "%41 %",
    "'\"`\\",
    "two\nlines\n",
    "ö 漢 🙂",
    '{"a": [1, "$(B)"]}',
    "",
    " ",
]
WORDS = [
    "yes",
    "1e3",
    "0o17",
    "0x1F",
    "1_000",
    "1.2",
    "null",
    "Null",
    "~",
    "=x",
    "=",
    "<<",
    "2026-11-21",
    "1:30",
    "- x",
    "# x",
    "x: y",
    "!tag",
    "&a",
    "*a",
    "---",
    "...",
    "NaN",
    ".nan",
    "é",
    "\U0001d518",
    "\u2028\x85\ufeff\x7f\t",
]


@example("$(A)", "$$(A)")
@given(st.text(), st.text())
def test_environments_and_commands(first: str, second: str) -> None:
    found = container(spec("web", env={"A": first, "B": second}, command=[first], args=[second]))
    env: dict[str, str] = {}
    for entry in found["env"]:
        env[entry["name"]] = expanded(entry["value"], env)
    assert env == {"A": first, "B": second}
    assert [expanded(found["command"][0], env), expanded(found["args"][0], env)] == [first, second]


@pytest.mark.parametrize("value", NASTY)
def test_nasty_values(value: str) -> None:
    (entry,) = container(spec("web", env={"B": value}))["env"]
    assert expanded(entry["value"], {"B": "b", "PATH": "p"}) == value


def written(content: Any) -> str:
    """Return a file as the ConfigMap carries it."""
    text: str = made(spec("web", files={"/etc/web.yml": content}))["ConfigMap"]["data"]["etc_web.yml"]
    return text


@pytest.mark.parametrize("text", [*NASTY, *WORDS, "a: b\n"])
def test_text_is_written_as_it_is(text: str) -> None:
    assert written(text) == text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.sampled_from(NASTY + WORDS),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(WORDS), inner),
    max_leaves=20,
)


@example({word: word for word in NASTY + WORDS})
@given(st.dictionaries(st.text(), VALUES))
def test_data_is_read_back_as_it_was(content: dict[str, Any]) -> None:
    assert yaml.safe_load(written(content)) == content


def test_the_order_of_keys_stays() -> None:
    assert written({"version": "1", "a": 1}) == 'version: "1"\na: 1\n'
