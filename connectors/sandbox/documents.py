"""Objects of a stand-in as JSON documents in one table: what several vendors' stand-ins keep the same way."""

from __future__ import annotations

from typing import Any

import orjson

from connectors.sandbox.store import Store

_DDL = """
CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    number INTEGER NOT NULL,    -- in the order in which they were made
    document TEXT NOT NULL,     -- as the API shows it
    updated INTEGER NOT NULL,   -- the site's clock, milliseconds
    removed INTEGER NOT NULL,   -- 1: it is gone, and is known to have been
    PRIMARY KEY (kind, id)
);
CREATE INDEX IF NOT EXISTS document_updated ON document (kind, updated, number);
"""
Document = dict[str, Any]


class Documents:
    """Owns table document. Changes are made inside `store.change()`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.script(_DDL)

    def get(self, kind: str, id: str) -> Document | None:
        """One that is there."""
        return _read(
            self._store.value("SELECT document FROM document WHERE kind = ? AND id = ? AND removed = 0", kind, id)
        )

    def gone(self, kind: str, id: str) -> bool:
        """Whether it was there once."""
        return bool(self._store.value("SELECT removed FROM document WHERE kind = ? AND id = ?", kind, id))

    def put(self, kind: str, id: str, document: Document, at: int) -> Document:
        """Makes or replaces one; one that was gone is there again."""
        number = self._store.value("SELECT number FROM document WHERE kind = ? AND id = ?", kind, id)
        self._store.run(
            "INSERT INTO document VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (kind, id)"
            " DO UPDATE SET document = excluded.document, updated = excluded.updated, removed = 0",
            *(kind, id, number or self._store.next_number("document", 1), orjson.dumps(document).decode(), at),
        )
        return document

    def remove(self, kind: str, id: str, at: int) -> None:
        """It is gone from now on."""
        self._store.run("UPDATE document SET removed = 1, updated = ? WHERE kind = ? AND id = ?", at, kind, id)

    def listed(self, kind: str, *, since: int = 0, removed: bool = False) -> list[tuple[Document, int]]:
        """By time of change, oldest first, with that time; those that are there, or those that are gone."""
        rows = self._store.rows(
            "SELECT document, updated FROM document WHERE kind = ? AND updated >= ? AND removed = ?"
            " ORDER BY updated, number",
            *(kind, since, int(removed)),
        )
        return [(orjson.loads(text), at) for text, at in rows]

    def all(self, kind: str) -> list[Document]:
        """Those that are there, in the order in which they were made."""
        rows = self._store.rows("SELECT document FROM document WHERE kind = ? AND removed = 0 ORDER BY number", kind)
        return [orjson.loads(text) for (text,) in rows]

    def reset(self) -> None:
        """Forgets everything."""
        self._store.run("DELETE FROM document")


def _read(text: Any) -> Document | None:
    found: Document | None = None if text is None else orjson.loads(text)
    return found
