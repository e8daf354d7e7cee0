"""Search and filters of the Meilisearch stand-in, over documents in memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from store import Document, MeiliError

Test = Callable[[Document], bool]
TOKEN = re.compile(r"""\s*(\(|\)|!=|=|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\[|\]|,|[^\s()=!\[\],]+)""")


def words(value: Any) -> list[str]:
    """Return the words of a value, however deep they stand in it."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [word for item in value for word in words(item)]
    return re.findall(r"\w+", str(value).lower()) if value is not None else []


def search(documents: list[Document], settings: Document, request: Document) -> Document:
    """Answer a search as `POST /indexes/x/search` does.

    A document is found when it has the query's words, the last one as a prefix; words are left out from the end
    while that finds more (upstream's matching strategy `last`). More words first. No typo tolerance.
    """
    test = compile_filter(request.get("filter"), settings["filterableAttributes"])
    wanted = words(request.get("q"))
    scored = []
    for document in filter(test, documents):
        score = _score(wanted, _searchable(document, settings["searchableAttributes"]))
        if score or not wanted:
            scored.append((score, document))
    if request.get("matchingStrategy") == "all":
        scored = [item for item in scored if item[0] == len(wanted)]
    scored.sort(key=lambda item: -item[0])
    hits = [_shown(document, request.get("attributesToRetrieve")) for _, document in scored]
    hits = hits[: settings["pagination"]["maxTotalHits"]]
    answer = {"query": request.get("q") or "", "processingTimeMs": 0}
    if "page" in request or "hitsPerPage" in request:
        size, page = request.get("hitsPerPage") or 20, request.get("page") or 1
        paging = {"page": page, "hitsPerPage": size, "totalPages": -(-len(hits) // size), "totalHits": len(hits)}
        return {"hits": hits[size * (page - 1) : size * page], **answer, **paging}
    offset, limit = request.get("offset") or 0, request.get("limit", 20)
    found = {"limit": limit, "offset": offset, "estimatedTotalHits": len(hits)}
    return {"hits": hits[offset : offset + limit], **answer, **found}


def _searchable(document: Document, attributes: list[str]) -> list[str]:
    return words([value for name, value in document.items() if attributes == ["*"] or name in attributes])


def _score(wanted: list[str], present: list[str]) -> int:
    """Return how many of the query's first words a document has, one after the other."""
    for place, word in enumerate(wanted):
        last = place == len(wanted) - 1
        if not any(other == word or (last and other.startswith(word)) for other in present):
            return place
    return len(wanted)


def _shown(document: Document, attributes: list[str] | None) -> Document:
    if not attributes or attributes == ["*"]:
        return document
    return {name: value for name, value in document.items() if name in attributes}


def compile_filter(given: Any, filterable: list[str]) -> Test:
    """Turn a filter (text, or a list of them: outer AND, inner OR) into a test of a document.

    Raises:
        MeiliError: 400, it cannot be read or names an attribute that is not filterable.
    """
    if not given:
        return lambda _document: True
    if isinstance(given, list):
        parts = [
            _any([compile_filter(item, filterable) for item in part])
            if isinstance(part, list)
            else compile_filter(part, filterable)
            for part in given
        ]
        return lambda document: all(part(document) for part in parts)
    return _Parser(given, filterable).whole()


def _any(tests: list[Test]) -> Test:
    return lambda document: any(test(document) for test in tests)


class _Parser:
    """Reads `user = "x" AND (a != 1 OR b IN [1, 2] OR c EXISTS)`."""

    def __init__(self, text: str, filterable: list[str]) -> None:
        self._text = text
        self._tokens = TOKEN.findall(text)
        self._filterable = filterable

    def whole(self) -> Test:
        test = self._either()
        if self._tokens:
            raise self._wrong()
        return test

    def _wrong(self) -> MeiliError:
        return MeiliError(400, "invalid_search_filter", f"Was expecting a filter expression, found `{self._text}`.")

    def _next(self) -> str:
        if not self._tokens:
            raise self._wrong()
        return str(self._tokens.pop(0))

    def _word(self, *expected: str) -> bool:
        if self._tokens and self._tokens[0].upper() in expected:
            self._tokens.pop(0)
            return True
        return False

    def _either(self) -> Test:
        tests = [self._both()]
        while self._word("OR"):
            tests.append(self._both())
        return _any(tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._word("AND"):
            tests.append(self._one())
        return lambda document: all(test(document) for test in tests)

    def _one(self) -> Test:
        if self._word("NOT"):
            inner = self._one()
            return lambda document: not inner(document)
        if self._word("("):
            inner = self._either()
            if not self._word(")"):
                raise self._wrong()
            return inner
        name = self._value()
        if name not in self._filterable:
            text = f"Attribute `{name}` is not filterable. Available filterable attributes: {self._filterable}."
            raise MeiliError(400, "invalid_search_filter", text)
        return self._comparison(name)

    def _comparison(self, name: str) -> Test:
        if self._word("EXISTS"):
            return lambda document: name in document
        if self._word("IN"):
            values = self._list()
            return lambda document: bool(values & _plain(document.get(name)))
        operator, value = self._next(), self._value()
        if operator not in {"=", "!="}:
            raise self._wrong()
        return lambda document: (value.lower() in _plain(document.get(name))) == (operator == "=")

    def _list(self) -> set[str]:
        if not self._word("["):
            raise self._wrong()
        values = set()
        while not self._word("]"):
            values.add(self._value().lower())
            self._word(",")
        return values

    def _value(self) -> str:
        token = self._next()
        return re.sub(r"\\(.)", r"\1", token[1:-1]) if token[0] in "\"'" else token


def _plain(value: Any) -> set[str]:
    values = value if isinstance(value, list) else [value]
    return {str(item).lower() for item in values if item is not None}
