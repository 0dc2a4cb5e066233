"""The project's issues and notes, and what changes them. An issue has no version, only `updated_at`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from connectors.sandbox.gitlab import answers
from connectors.sandbox.people import PEOPLE, Person
from connectors.sandbox.site import Site

PROJECT = 14
PATH = "lockstep/desk"
_DDL = """
CREATE TABLE IF NOT EXISTS issue (
    iid INTEGER PRIMARY KEY,
    document TEXT NOT NULL,     -- as the API shows it
    updated INTEGER NOT NULL    -- the site's clock, milliseconds
);
CREATE INDEX IF NOT EXISTS issue_updated ON issue (updated, iid);
CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, issue INTEGER NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS note_issue ON note (issue, id);
"""
_WRITTEN: Mapping[str, type | tuple[type, ...]] = {
    "title": str,
    "description": (str, type(None)),
    "labels": (list, str),
    "assignee_ids": list,
}
_EVENTS = {"close": "closed", "reopen": "opened"}
_LONGEST_TITLE = 255
Issue = dict[str, Any]


def shown_time(at: int) -> str:
    """Milliseconds as the API shows them."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def person_view(person: Person) -> dict[str, Any]:
    """A user inside an issue or a note: without an address (facts.md 3.2)."""
    return {"id": int(person.sys_id[:6], 16), "username": person.name, "name": person.full_name, "state": "active"}


class Issues:
    """Owns the tables. Changes are made inside `store.change()`."""

    def __init__(self, site: Site) -> None:
        self._site, self._store = site, site.store
        self._store.script(_DDL)

    def get(self, iid: str) -> Issue:
        """Raises Refusal with 404."""
        document = self._store.value("SELECT document FROM issue WHERE iid = ?", iid) if iid.isdecimal() else None
        if document is None:
            raise answers.refused(404, "404 Issue Not Found")
        found: Issue = orjson.loads(document)
        return found

    def listed(self, *, since: int, labels: list[str]) -> list[Issue]:
        """By time of change, oldest first; those that have all the labels."""
        rows = self._store.rows("SELECT document FROM issue WHERE updated >= ? ORDER BY updated, iid", since)
        found = [orjson.loads(row[0]) for row in rows]
        return [issue for issue in found if set(labels) <= set(issue["labels"])]

    def create(self, given: Mapping[str, Any], person: Person) -> Issue:
        """Raises Refusal with 400."""
        written = _checked(given)
        if not written.get("title"):
            raise answers.refused(400, {"title": ["can't be blank"]})
        iid, now = self._store.next_number("issue", 1), self._now()
        issue = {
            "id": 90_000 + iid,
            "iid": iid,
            "project_id": PROJECT,
            "description": None,
            "state": "opened",
            "created_at": shown_time(now),
            "closed_at": None,
            "labels": [],
            "assignees": [],
            "assignee": None,
            "author": person_view(person),
            "type": "ISSUE",
            "issue_type": "issue",
            "confidential": False,
            "references": {"short": f"#{iid}", "relative": f"#{iid}", "full": f"{PATH}#{iid}"},
            **written,
        }
        return self._put(issue, now)

    def update(self, issue: Issue, given: Mapping[str, Any]) -> Issue:
        """Fields, and `state_event`. Raises Refusal with 400."""
        event = given.get("state_event")
        if event is not None and event not in _EVENTS:
            raise answers.refused(400, {"state_event": ["does not have a valid value"]})
        changed = {**issue, **_checked({name: value for name, value in given.items() if name != "state_event"})}
        now = self._now()
        if event is not None:
            state = _EVENTS[event]
            changed |= {"state": state, "closed_at": shown_time(now) if state == "closed" else None}
        return self._put(changed, now)

    def delete(self, issue: Issue) -> None:
        """For good; its number is not given again."""
        self._store.run("DELETE FROM issue WHERE iid = ?", issue["iid"])
        self._store.run("DELETE FROM note WHERE issue = ?", issue["iid"])

    def notes(self, iid: int) -> list[dict[str, Any]]:
        """Notes of an issue, oldest first."""
        rows = self._store.rows("SELECT document FROM note WHERE issue = ? ORDER BY id", iid)
        return [orjson.loads(row[0]) for row in rows]

    def add_note(self, issue: Issue, given: Mapping[str, Any], person: Person) -> dict[str, Any]:
        """A note moves its issue's time. Raises Refusal with 400."""
        body = given.get("body")
        if not isinstance(body, str) or not body.strip():
            raise answers.refused(400, {"note": ["can't be blank"]})
        now = self._now()
        note = {
            "id": self._store.next_number("note", 301),
            "body": body,
            "system": False,
            "internal": given.get("internal") is True,
            "author": person_view(person),
            "noteable_type": "Issue",
            "noteable_iid": issue["iid"],
            "created_at": shown_time(now),
            "updated_at": shown_time(now),
        }
        self._store.run("INSERT INTO note VALUES (?, ?, ?)", note["id"], issue["iid"], orjson.dumps(note).decode())
        self._put(issue, now)
        return note

    def all(self) -> list[Issue]:
        """Every issue, by number."""
        return [orjson.loads(row[0]) for row in self._store.rows("SELECT document FROM issue ORDER BY iid")]

    def count(self) -> int:
        """How many there are."""
        return int(self._store.value("SELECT count(*) FROM issue"))

    def reset(self) -> None:
        """Forgets everything."""
        for table in ("issue", "note"):
            self._store.run(f"DELETE FROM {table}")

    def _put(self, issue: Issue, now: int) -> Issue:
        stored = {**issue, "updated_at": shown_time(now)}
        self._store.run(
            "INSERT INTO issue VALUES (?, ?, ?) ON CONFLICT (iid) DO UPDATE SET document = excluded.document,"
            " updated = excluded.updated",
            *(stored["iid"], orjson.dumps(stored).decode(), now),
        )
        return stored

    def _now(self) -> int:
        return int(self._site.now() * 1000)


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """What GitLab does not know it passes over."""
    known = {name: value for name, value in given.items() if name in _WRITTEN}
    for name, value in known.items():
        if not isinstance(value, _WRITTEN[name]):
            raise answers.refused(400, f"{name} is invalid", key="error")
    if len(known.get("title", "")) > _LONGEST_TITLE:
        raise answers.refused(400, {"title": [f"is too long (maximum is {_LONGEST_TITLE} characters)"]})
    assigned = known.pop("assignee_ids", None)
    if assigned is not None:
        people = [person_view(each) for each in PEOPLE if person_view(each)["id"] in assigned]
        known |= {"assignees": people, "assignee": next(iter(people), None)}
    labels = known.get("labels")
    if labels is not None:
        texts = labels.split(",") if isinstance(labels, str) else labels
        known["labels"] = sorted({str(each).strip() for each in texts if str(each).strip()})
    return known
