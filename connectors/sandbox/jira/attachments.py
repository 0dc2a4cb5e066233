"""Files of issues: stored and shown. Their bytes never change (facts.md 2.3 [OAS-JIRA])."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.sandbox.people import Person
from connectors.sandbox.site import Site
from connectors.sandbox.store import Store

_FIRST_ID = 10_000
_DDL = """
CREATE TABLE IF NOT EXISTS attachment (
    id INTEGER PRIMARY KEY,
    issue INTEGER NOT NULL,
    author TEXT NOT NULL,           -- account id
    filename TEXT NOT NULL,
    mime TEXT NOT NULL,
    size INTEGER NOT NULL,
    created INTEGER NOT NULL,       -- the site's clock, milliseconds
    content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS attachment_issue ON attachment (issue);
"""
_SHOWN = "id, issue, author, filename, mime, size, created"


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file without its bytes."""

    id: int
    issue: int
    author: str
    filename: str
    mime: str
    size: int
    created: int


class Attachments:
    """The table of files. Writes happen inside a `change()` of the store."""

    def __init__(self, site: Site) -> None:
        self._store: Store = site.store
        self._store.script(_DDL)

    def of(self, issue: int) -> list[Attachment]:
        """The files of an issue, oldest first."""
        return self._found("WHERE issue = ? ORDER BY id", issue)

    def get(self, number: str) -> Attachment | None:
        """By id."""
        return next(iter(self._found("WHERE id = ?", int(number))), None) if number.isdecimal() else None

    def content(self, attachment: Attachment) -> bytes:
        """Its bytes."""
        return bytes(self._store.value("SELECT content FROM attachment WHERE id = ?", attachment.id))

    def add(self, issue: int, person: Person, now: int, name: str, mime: str, content: bytes) -> Attachment:
        """A new file; nothing keeps two from having one name."""
        made = Attachment(
            id=self._store.next_number("attachment", _FIRST_ID),
            issue=issue,
            author=person.account_id,
            filename=name,
            mime=mime,
            size=len(content),
            created=now,
        )
        values = (*msgspec.structs.astuple(made), content)
        self._store.run(f"INSERT INTO attachment ({_SHOWN}, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *values)
        return made

    def remove(self, attachment: Attachment) -> None:
        """Takes a file away."""
        self._store.run("DELETE FROM attachment WHERE id = ?", attachment.id)

    def forget(self, issue: int) -> None:
        """Takes all files of an issue away."""
        self._store.run("DELETE FROM attachment WHERE issue = ?", issue)

    def _found(self, rest: str, *values: Any) -> list[Attachment]:
        names = Attachment.__struct_fields__
        rows = self._store.rows(f"SELECT {_SHOWN} FROM attachment {rest}", *values)
        return [Attachment(**dict(zip(names, row, strict=True))) for row in rows]


def history_item(attachment: Attachment, *, gone: bool = False) -> Mapping[str, Any]:
    """What the changelog says of a file that came, or went."""
    number, name = str(attachment.id), attachment.filename
    before, after = ((number, name), (None, None)) if gone else ((None, None), (number, name))
    return {
        "field": "Attachment",
        "fieldtype": "jira",
        "fieldId": "attachment",
        "from": before[0],
        "fromString": before[1],
        "to": after[0],
        "toString": after[1],
    }
