"""The desk's tickets and notes, and what changes them. Every edit moves a ticket's revision by one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from connectors.sandbox.brambledesk import answers
from connectors.sandbox.people import Person, by_email
from connectors.sandbox.site import Site

_DDL = """
CREATE TABLE IF NOT EXISTS ticket (
    id INTEGER PRIMARY KEY,
    document TEXT NOT NULL,     -- as the API shows it
    changed INTEGER NOT NULL    -- the desk's clock, milliseconds
);
CREATE INDEX IF NOT EXISTS ticket_changed ON ticket (changed, id);
CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, ticket INTEGER NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS note_ticket ON note (ticket, id);
CREATE TABLE IF NOT EXISTS gone (id INTEGER PRIMARY KEY, at INTEGER NOT NULL);
"""
STATES: Mapping[str, tuple[str, ...]] = {
    "open": ("working", "solved"),
    "working": ("waiting", "solved", "open"),
    "waiting": ("working",),
    "solved": ("working",),
}
"""State -> where a ticket can be moved from there."""
_WRITTEN: Mapping[str, type | tuple[type, ...]] = {
    "title": str,
    "text": str,
    "urgency": int,
    "assignee": (str, type(None)),
    "tags": list,
    "external_ref": str,
}
_LONGEST_TITLE = 200
Ticket = dict[str, Any]


def shown_time(at: int) -> str:
    """Milliseconds as the API shows them."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Tickets:
    """Owns the tables. Changes are made inside `store.change()`."""

    def __init__(self, site: Site) -> None:
        self._site, self._store = site, site.store
        self._store.script(_DDL)

    def get(self, number: str) -> Ticket:
        """Raises Refusal with 404."""
        document = self._store.value("SELECT document FROM ticket WHERE id = ?", number) if number.isdecimal() else None
        if document is None:
            raise answers.refused(404, "there is no such ticket")
        found: Ticket = orjson.loads(document)
        return found

    def page(self, *, after: tuple[int, int], since: int, ref: str | None, limit: int) -> list[tuple[int, Ticket]]:
        """Tickets by time of change and id, oldest first, behind `after`; each with that time."""
        rows = self._store.rows(
            "SELECT changed, document FROM ticket WHERE (changed, id) > (?, ?) AND changed >= ?"
            " AND (? IS NULL OR json_extract(document, '$.external_ref') = ?) ORDER BY changed, id LIMIT ?",
            *(*after, since, ref, ref, limit),
        )
        return [(changed, orjson.loads(document)) for changed, document in rows]

    def create(self, given: Mapping[str, Any], person: Person) -> Ticket:
        """Raises Refusal with 422."""
        written = _checked(given)
        if not written.get("title"):
            raise answers.refused(422, "a ticket needs a title", field="title")
        number = self._store.next_number("ticket", 7001)
        now = self._now()
        ticket = {
            "id": number,
            "number": f"T-{number - 6000}",
            "rev": 0,
            "text": "",
            "state": "open",
            "urgency": 3,
            "assignee": None,
            "tags": [],
            "external_ref": "",
            "made_at": shown_time(now),
            **written,
        }
        return self._put(ticket, person, now)

    def update(self, ticket: Ticket, given: Mapping[str, Any], person: Person) -> Ticket:
        """Raises Refusal with 422."""
        return self._put({**ticket, **_checked(given)}, person, self._now())

    def move(self, ticket: Ticket, to: Any, person: Person) -> Ticket:
        """Raises Refusal with 409 for a move that is not open."""
        if to not in STATES[ticket["state"]]:
            raise answers.refused(409, f"a ticket that is {ticket['state']} cannot be moved to {to}")
        return self._put({**ticket, "state": to}, person, self._now())

    def delete(self, ticket: Ticket) -> None:
        """For good; the list of deleted tickets remembers the id."""
        self._store.run("DELETE FROM ticket WHERE id = ?", ticket["id"])
        self._store.run("DELETE FROM note WHERE ticket = ?", ticket["id"])
        self._store.run("INSERT INTO gone VALUES (?, ?)", ticket["id"], self._now())

    def gone(self, since: int) -> list[int]:
        """Ids of deleted tickets."""
        return [row[0] for row in self._store.rows("SELECT id FROM gone WHERE at >= ? ORDER BY at, id", since)]

    def notes(self, number: int) -> list[dict[str, Any]]:
        """Notes of a ticket, oldest first."""
        rows = self._store.rows("SELECT document FROM note WHERE ticket = ? ORDER BY id", number)
        return [orjson.loads(row[0]) for row in rows]

    def add_note(self, ticket: Ticket, given: Mapping[str, Any], person: Person) -> dict[str, Any]:
        """A note moves its ticket's revision, too. Raises Refusal with 422."""
        text = given.get("text")
        if not isinstance(text, str) or not text.strip():
            raise answers.refused(422, "a note needs a text", field="text")
        now = self._now()
        note = {
            "id": self._store.next_number("note", 1),
            "text": text,
            "private": given.get("private") is True,
            "by": {"name": person.full_name, "mail": person.email},
            "made_at": shown_time(now),
        }
        self._store.run("INSERT INTO note VALUES (?, ?, ?)", note["id"], ticket["id"], orjson.dumps(note).decode())
        self._put(ticket, person, now)
        return note

    def all(self) -> list[Ticket]:
        """Every ticket, by id."""
        return [orjson.loads(row[0]) for row in self._store.rows("SELECT document FROM ticket ORDER BY id")]

    def count(self) -> int:
        """How many there are."""
        return int(self._store.value("SELECT count(*) FROM ticket"))

    def reset(self) -> None:
        """Forgets everything."""
        for table in ("ticket", "note", "gone"):
            self._store.run(f"DELETE FROM {table}")

    def _put(self, ticket: Ticket, person: Person, now: int) -> Ticket:
        stored = {**ticket, "rev": ticket["rev"] + 1, "changed_at": shown_time(now), "changed_by": person.email}
        self._store.run(
            "INSERT INTO ticket VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET document = excluded.document,"
            " changed = excluded.changed",
            *(stored["id"], orjson.dumps(stored).decode(), now),
        )
        return stored

    def _now(self) -> int:
        return int(self._site.now() * 1000)


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in given.items():
        kind = _WRITTEN.get(name)
        if kind is None:
            raise answers.refused(422, f"{name} cannot be written", field=name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise answers.refused(422, f"{name} has the wrong form", field=name)
    if len(given.get("title", "")) > _LONGEST_TITLE or "\n" in given.get("title", ""):
        raise answers.refused(422, "a title is one line of at most 200 characters", field="title")
    if not 1 <= given.get("urgency", 3) <= 5:
        raise answers.refused(422, "urgency goes from 1 to 5", field="urgency")
    if given.get("assignee") and by_email(given["assignee"]) is None:
        raise answers.refused(422, "nobody here has that address", field="assignee")
    return dict(given)
