"""Which engines a green run proves, and which it does not: what stands in for another is no proof of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.forward import component_of

_NO_PROOF = (
    (re.compile(r"(^|/)ai-workspace/stand-ins?[-/]"), "stand-in (contract only)"),
    (re.compile(r"(^|/)ai-workspace/ferretdb[:@]"), "FerretDB 1 is not FerretDB 2"),
    (
        re.compile(r"(^|/)ai-workspace/postgres-documentdb[:@]"),
        "PostgreSQL is proved, its documentdb extension is not: FerretDB 1 does not use it",
    ),
)
_STAND_IN_HOST = re.compile(r"//[^/:]+\.stand-ins\.svc[.:/]")


def engines(
    pods: Iterable[Mapping[str, Any]], outside: Iterable[str], providers: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return lines for what is proved and what is not.

    Args:
        pods: of the workspace.
        outside: endpoints that run elsewhere.
        providers: base URL of each provider of models, empty for its own.
    """
    images = {(component_of(pod), entry["image"]) for pod in pods for entry in pod["spec"]["containers"]}
    proved = [f"{name}: runs elsewhere" for name in sorted(outside)]
    missing: list[str] = []
    for component, image in sorted(images):
        why = next((text for pattern, text in _NO_PROOF if pattern.search(image)), "")
        (missing if why else proved).append(f"{component}: {f'{why}; ' if why else ''}{image}")
    for name, url in sorted(providers.items()):
        if _STAND_IN_HOST.search(url):
            missing.append(f"models of {name}: stand-in (contract only); {url}")
        else:
            proved.append(f"models of {name}: {url or 'the provider itself'}")
    return proved, missing
