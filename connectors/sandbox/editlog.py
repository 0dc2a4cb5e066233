"""The append-only edit log: what was done, by whom, in the stand-in's own order. The judge of a demo believes nothing
else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import orjson

from connectors.sandbox.people import Person
from connectors.sandbox.store import Store

_DDL = """
CREATE TABLE IF NOT EXISTS edit_log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- survives resets: never reused
    entry TEXT NOT NULL
);
"""

_MARKER = re.compile(r"^\[lockstep:(.+)\]$")


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One acknowledged edit. `fields` is name -> (before, after) in the vendor's own values; `at` is true time, not
    the stand-in's clock.
    """

    at: float
    object: str
    id: str
    key: str
    actor: str
    user: str
    kind: Literal["create", "update", "comment", "delete"]
    fields: Mapping[str, tuple[Any, Any]] = {}
    comment: Mapping[str, Any] | None = None
    version: int | None = None


class EditLog:
    """Appends inside the change that makes the edit, so that both are on disk or neither."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.script(_DDL)

    def append(self, edit: Edit) -> None:
        """Inside a `change()`."""
        self._store.run("INSERT INTO edit_log (entry) VALUES (?)", msgspec.json.encode(edit).decode())

    def after(self, seq: int, limit: int = 10_000) -> list[dict[str, Any]]:
        """Entries past `seq`, oldest first, at most `limit`."""
        found = self._store.rows("SELECT seq, entry FROM edit_log WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit)
        return [{"seq": number} | orjson.loads(entry) for number, entry in found]

    def clear(self) -> None:
        """Forgets everything; numbering goes on."""
        self._store.run("DELETE FROM edit_log")


def comment_view(*, id: str, kind: str, author: Person | None, body: str, at: float) -> dict[str, Any]:
    """A comment as the admin API shows it, with `origin` read from the marker line of a copy."""
    last_line = body.rstrip().rpartition("\n")[2].strip()
    marker = _MARKER.match(last_line)
    return {
        "id": id,
        "kind": kind,
        "author": author.name if author else "",
        "actor": author.actor if author else "human",
        "body": body,
        "at": at,
        "origin": marker[1] if marker else None,
    }
