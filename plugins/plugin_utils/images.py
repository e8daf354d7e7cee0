"""Names of images behind a mirror."""

from __future__ import annotations


def mirrored(image: str, registry: str | None) -> str:
    """Return ``image`` with its registry replaced by the mirror ``registry`` (a host, maybe with a path).

    A name without a registry belongs to Docker Hub; images of ``localhost`` were built here and stay.
    """
    first, slash, rest = image.partition("/")
    has_registry = bool(slash) and ("." in first or ":" in first or first == "localhost")
    if not registry or (has_registry and first == "localhost"):
        return image
    path = rest if has_registry else (image if slash else f"library/{image}")
    return f"{registry.rstrip('/')}/{path}"
