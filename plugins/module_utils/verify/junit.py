"""The result as JUnit's XML, which every CI reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring


def junit(name: str, checks: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the XML of one suite.

    Args:
        name: of the suite: the inventory host.
        checks: with ``name``, ``passed``, ``seconds`` and ``message``.
    """
    failures = sum(not check["passed"] for check in checks)
    seconds = sum(check["seconds"] for check in checks)
    counts = {"tests": str(len(checks)), "failures": str(failures), "errors": "0", "time": f"{seconds:.3f}"}
    root = Element("testsuites")
    suite = SubElement(root, "testsuite", {"name": f"verify {name}", **counts})
    for check in checks:
        attributes = {"classname": f"verify.{name}", "name": check["name"], "time": f"{check['seconds']:.3f}"}
        case = SubElement(suite, "testcase", attributes)
        message = _printable(check["message"])
        if not check["passed"]:
            SubElement(case, "failure", {"message": message}).text = message
        elif message:
            SubElement(case, "system-out").text = message
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _printable(text: str) -> str:
    """Return the text without what XML cannot carry."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")
