"""The database of the Meilisearch stand-in: indexes, documents and tasks in one SQLite file."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Document = dict[str, Any]

DEFAULT_SETTINGS: dict[str, Any] = {
    "displayedAttributes": ["*"],
    "searchableAttributes": ["*"],
    "filterableAttributes": [],
    "sortableAttributes": [],
    "rankingRules": ["words", "typo", "proximity", "attribute", "sort", "exactness"],
    "stopWords": [],
    "synonyms": {},
    "distinctAttribute": None,
    "pagination": {"maxTotalHits": 1000},
}
DOCUMENT_ID = re.compile(r"[A-Za-z0-9_-]{1,511}")
TABLES = """
CREATE TABLE IF NOT EXISTS indexes (uid TEXT PRIMARY KEY, key TEXT, settings TEXT, created TEXT, updated TEXT);
CREATE TABLE IF NOT EXISTS documents (
    index_uid TEXT REFERENCES indexes ON DELETE CASCADE, id TEXT, body TEXT, PRIMARY KEY (index_uid, id));
CREATE TABLE IF NOT EXISTS tasks (uid INTEGER PRIMARY KEY, body TEXT);
"""


class MeiliError(Exception):
    """An answer in Meilisearch's error shape; inside a task it makes the task fail."""

    def __init__(self, status: int, code: str, message: str, kind: str = "invalid_request") -> None:
        super().__init__(message)
        self.status = status
        link = f"https://docs.meilisearch.com/errors#{code}"
        self.body = {"message": message, "code": code, "type": kind, "link": link}


class WrongVersion(Exception):
    """The database was made by another version."""


def now() -> str:
    """Return the time as Meilisearch writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Store:
    """The data below one folder.

    Args:
        folder: MEILI_DB_PATH; made when it is missing.
        version: what the engine says it is; a folder of another version is refused.
        upgrade: take the folder of another version over.

    Raises:
        WrongVersion: see above.
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path, version: str, *, upgrade: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        stamp = folder / "VERSION"
        found = stamp.read_text(encoding="utf-8").strip() if stamp.exists() else version
        if found != version and not upgrade:
            raise WrongVersion(
                f"Your database version ({found}) is incompatible with your current engine version ({version})."
            )
        stamp.write_text(version, encoding="utf-8")
        # One thread, one event loop: what the server does to the database between two awaits is one step.
        self._db = sqlite3.connect(folder / "stand-in.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(TABLES)

    def run_task(self, kind: str, index: str | None, work: Callable[[], Document]) -> Document:
        """Do a piece of work as a task and return its summary, which says `enqueued` as upstream's does.

        The work is done before the answer; a client that polls the task finds it finished at once.
        """
        begun = now()
        error, details, status = None, {}, "succeeded"
        self._db.execute("BEGIN")
        try:
            details = work()
            self._db.execute("COMMIT")
        except MeiliError as problem:
            self._db.execute("ROLLBACK")
            error, status = problem.body, "failed"
        task = {
            "indexUid": index,
            "status": status,
            "type": kind,
            "canceledBy": None,
            "details": details,
            "error": error,
            "duration": "PT0.001S",
            "enqueuedAt": begun,
            "startedAt": begun,
            "finishedAt": now(),
        }
        uid = self._db.execute("INSERT INTO tasks (body) VALUES (?)", [json.dumps(task)]).lastrowid
        return {"taskUid": uid, "indexUid": index, "status": "enqueued", "type": kind, "enqueuedAt": begun}

    def tasks(self, uid: int | None = None) -> list[Document]:
        """Return one task or all, the newest first."""
        where = "uid = ?" if uid is not None else "? IS NULL"
        rows = self._db.execute(f"SELECT uid, body FROM tasks WHERE {where} ORDER BY uid DESC", [uid])  # noqa: S608
        return [{"uid": number, **json.loads(body)} for number, body in rows]

    def indexes(self) -> list[Document]:
        """Return all indexes as the API shows them."""
        rows = self._db.execute("SELECT uid, key, created, updated FROM indexes ORDER BY uid")
        return [dict(zip(("uid", "primaryKey", "createdAt", "updatedAt"), row, strict=True)) for row in rows]

    def index(self, uid: str) -> Document:
        """Return one index.

        Raises:
            MeiliError: 404, there is none.
        """
        for found in self.indexes():
            if found["uid"] == uid:
                return found
        raise MeiliError(404, "index_not_found", f"Index `{uid}` not found.")

    def create_index(self, uid: str, key: str | None) -> Document:
        """Make an index."""
        if any(found["uid"] == uid for found in self.indexes()):
            raise MeiliError(409, "index_already_exists", f"Index `{uid}` already exists.")
        self._db.execute("INSERT INTO indexes VALUES (?, ?, '{}', ?, ?)", [uid, key, now(), now()])
        return {"primaryKey": key}

    def delete_index(self, uid: str) -> Document:
        """Remove an index with its documents."""
        self.index(uid)
        count = self.count(uid)
        self._db.execute("DELETE FROM indexes WHERE uid = ?", [uid])
        return {"deletedDocuments": count}

    def settings(self, uid: str) -> Document:
        """Return all settings of an index."""
        self.index(uid)
        row = self._db.execute("SELECT settings FROM indexes WHERE uid = ?", [uid]).fetchone()
        changed: Document = json.loads(row[0])
        return DEFAULT_SETTINGS | changed

    def change_settings(self, uid: str, changes: Document) -> Document:
        """Change settings; None resets one. As upstream, the index is made when it is missing."""
        self._ensure(uid)
        for name in changes:
            if name not in DEFAULT_SETTINGS:
                raise MeiliError(400, "bad_request", f"Unknown field `{name}`")
        row = self._db.execute("SELECT settings FROM indexes WHERE uid = ?", [uid]).fetchone()
        merged = {name: value for name, value in (json.loads(row[0]) | changes).items() if value is not None}
        self._db.execute("UPDATE indexes SET settings = ?, updated = ? WHERE uid = ?", [json.dumps(merged), now(), uid])
        return changes

    def put(self, uid: str, documents: list[Document], key: str | None, *, merge: bool) -> Document:
        """Add documents, replacing those of the same id, or merging into them."""
        self._ensure(uid)
        key = self._primary_key(uid, key, documents)
        for document in documents:
            if key not in document:
                text = f"Document doesn't have a `{key}` attribute: `{json.dumps(document)}`."
                raise MeiliError(400, "missing_document_id", text)
            identity = str(document[key])
            if not DOCUMENT_ID.fullmatch(identity):
                text = f'Document identifier `"{identity}"` is invalid.'
                raise MeiliError(400, "invalid_document_id", text)
            old = self.documents(uid, [identity]) if merge else []
            body = json.dumps((old[0] if old else {}) | document)
            self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", [uid, identity, body])
        self._db.execute("UPDATE indexes SET updated = ? WHERE uid = ?", [now(), uid])
        return {"receivedDocuments": len(documents), "indexedDocuments": len(documents)}

    def remove(self, uid: str, ids: Iterable[str] | None) -> Document:
        """Remove documents by id, or all."""
        self.index(uid)
        wanted = None if ids is None else [str(identity) for identity in ids]
        before = self.count(uid)
        if wanted is None:
            self._db.execute("DELETE FROM documents WHERE index_uid = ?", [uid])
        for identity in wanted or ():
            self._db.execute("DELETE FROM documents WHERE index_uid = ? AND id = ?", [uid, identity])
        return {"providedIds": len(wanted or ()), "deletedDocuments": before - self.count(uid)}

    def documents(self, uid: str, ids: list[str] | None = None) -> list[Document]:
        """Return documents of an index, all or by id."""
        return list(self._bodies(uid, ids))

    def count(self, uid: str) -> int:
        """Return how many documents an index has."""
        row = self._db.execute("SELECT count(*) FROM documents WHERE index_uid = ?", [uid]).fetchone()
        return int(row[0])

    def _bodies(self, uid: str, ids: list[str] | None) -> Iterator[Document]:
        self.index(uid)
        query = "SELECT id, body FROM documents WHERE index_uid = ? ORDER BY rowid"
        for identity, body in self._db.execute(query, [uid]):
            if ids is None or identity in ids:
                yield json.loads(body)

    def _ensure(self, uid: str) -> None:
        if not any(found["uid"] == uid for found in self.indexes()):
            self.create_index(uid, None)

    def _primary_key(self, uid: str, given: str | None, documents: list[Document]) -> str:
        """Return the index's primary key; the first documents settle it."""
        known = self.index(uid)["primaryKey"]
        if known and given and given != known:
            text = f"Index `{uid}` already has a primary key: `{known}`."
            raise MeiliError(400, "index_primary_key_already_exists", text)
        key = known or given
        if not key:
            candidates = [name for name in (documents[0] if documents else {}) if name.lower().endswith("id")]
            if len(candidates) != 1:
                code = (
                    "index_primary_key_multiple_candidates_found"
                    if candidates
                    else "index_primary_key_no_candidate_found"
                )
                raise MeiliError(400, code, "The primary key inference failed.")
            key = candidates[0]
        if not known:
            self._db.execute("UPDATE indexes SET key = ? WHERE uid = ?", [key, uid])
        return str(key)
