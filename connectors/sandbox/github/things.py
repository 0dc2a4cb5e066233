"""Everything the repository holds, as documents: one table, by kind and id. Times are whole seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from connectors.sandbox.github import answers
from connectors.sandbox.site import Site

_DDL = """
CREATE TABLE IF NOT EXISTS thing (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    of TEXT NOT NULL,           -- the id of what it belongs to: a status to its commit or deployment
    made INTEGER NOT NULL,      -- counts up: the order of making
    document TEXT NOT NULL,     -- as the API shows it
    PRIMARY KEY (kind, id)
);
CREATE INDEX IF NOT EXISTS thing_of ON thing (kind, of, made);
"""
Thing = dict[str, Any]


class Things:
    """Owns the table. Changes are made inside `store.change()`."""

    def __init__(self, site: Site) -> None:
        self._site, self._store = site, site.store
        self._store.script(_DDL)

    def now(self) -> str:
        """The time as the API shows it."""
        return datetime.fromtimestamp(int(self._site.now()), UTC).isoformat().replace("+00:00", "Z")

    def number(self, kind: str, start: int) -> int:
        """The next number of a kind; none is given twice."""
        return self._store.next_number(kind, start)

    def find(self, kind: str, id: str) -> Thing | None:
        """One, or None."""
        found = self._store.value("SELECT document FROM thing WHERE kind = ? AND id = ?", kind, id)
        return None if found is None else dict(orjson.loads(found))

    def get(self, kind: str, id: str, status: int = 404, said: str = "Not Found") -> Thing:
        """One. Raises Refusal."""
        found = self.find(kind, id)
        if found is None:
            raise answers.refused(status, said)
        return found

    def all(self, kind: str, of: str = "") -> list[Thing]:
        """All of a kind that belong to something, newest first."""
        rows = self._store.rows("SELECT document FROM thing WHERE kind = ? AND of = ? ORDER BY made DESC", *(kind, of))
        return [orjson.loads(row[0]) for row in rows]

    def put(self, kind: str, id: str, document: Thing, of: str = "") -> Thing:
        """Makes or replaces one; its place in the order stays."""
        self._store.run(
            "INSERT INTO thing VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET document = excluded.document",
            *(kind, id, of, self.number("made", 1), orjson.dumps(document).decode()),
        )
        return document

    def delete(self, kind: str, id: str) -> None:
        """For good."""
        self._store.run("DELETE FROM thing WHERE kind = ? AND id = ?", kind, id)

    def count(self, kind: str) -> int:
        """How many there are."""
        return int(self._store.value("SELECT count(*) FROM thing WHERE kind = ?", kind))

    def reset(self) -> None:
        """Forgets everything."""
        self._store.run("DELETE FROM thing")
