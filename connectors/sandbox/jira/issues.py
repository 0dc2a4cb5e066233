"""Issues, comments, entity properties and changelogs: read and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from connectors.sandbox.jira.attachments import Attachments
from connectors.sandbox.jira.catalog import PROJECTS
from connectors.sandbox.jira.index import SearchIndex
from connectors.sandbox.jira.roster import Roster
from connectors.sandbox.jira.tables import DDL, Comment, History, Issue, comment_of, history_of, issue_of
from connectors.sandbox.people import Person
from connectors.sandbox.site import Site

_FIRST_ID = 10_000


class Issues:
    """The site's database. Writes happen inside a `change()` of the store."""

    def __init__(self, site: Site) -> None:
        self._site, self._store = site, site.store
        self._store.script(DDL)
        self.index = SearchIndex(site)
        self.roster, self.attachments = Roster(site), Attachments(site)

    def now_ms(self) -> int:
        """The site's clock."""
        return int(self._site.now() * 1000)

    def get(self, id_or_key: str) -> Issue | None:
        """By id or key."""
        if id_or_key.isdecimal():
            return self._issue("id = ?", int(id_or_key))
        return self._issue("key = ?", id_or_key.upper())

    def all(self) -> list[Issue]:
        """Every issue, oldest first."""
        return [issue_of(row) for row in self._store.rows("SELECT * FROM issue ORDER BY id")]

    def count(self) -> int:
        """How many issues there are."""
        return int(self._store.value("SELECT count(*) FROM issue"))

    def add(self, project: str, fields: Mapping[str, Any]) -> Issue:
        """A new issue of a project (id)."""
        number = self._store.next_number("issue", _FIRST_ID)
        key = f"{PROJECTS[project].key}-{self._store.next_number(f'key {project}', 1)}"
        now = self.now_ms()
        issue = Issue(id=number, key=key, project=project, fields=fields, created=now, updated=now)
        self.save(issue)
        return issue

    def save(self, issue: Issue) -> None:
        """Stores an issue, and has it indexed now or after the lag."""
        self._store.run(
            "INSERT INTO issue VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET fields = excluded.fields, updated = excluded.updated",
            *(issue.id, issue.key, issue.project, orjson.dumps(issue.fields).decode(), issue.created, issue.updated),
        )
        self.index.touch(issue.id)

    def remove(self, issue: Issue) -> None:
        """Deletes an issue with everything on it."""
        self._store.run(
            "DELETE FROM property WHERE kind = 'comment' AND owner IN (SELECT id FROM comment WHERE issue = ?)",
            issue.id,
        )
        self._store.run("DELETE FROM property WHERE kind = 'issue' AND owner = ?", issue.id)
        self.attachments.forget(issue.id)
        for table, column in (("comment", "issue"), ("changelog", "issue"), ("issue", "id")):
            self._store.run(f"DELETE FROM {table} WHERE {column} = ?", issue.id)
        self.index.touch(issue.id)

    def reset(self) -> None:
        """Forgets all issues, and who came since; numbers go on."""
        self.roster.found()
        for table in ("issue", "comment", "property", "attachment", "changelog", "found", "found_label", "index_due"):
            self._store.run(f"DELETE FROM {table}")

    def add_history(self, issue: Issue, person: Person, items: Sequence[Mapping[str, Any]]) -> History:
        """One entry, with the time of the issue's update."""
        entry = History(
            id=self._store.next_number("changelog", _FIRST_ID),
            issue=issue.id,
            author=person.account_id,
            created=issue.updated,
            items=items,
        )
        self._store.run(
            "INSERT INTO changelog VALUES (?, ?, ?, ?, ?)",
            *(entry.id, entry.issue, entry.author, entry.created, orjson.dumps(items).decode()),
        )
        return entry

    def histories(self, issue: int, *, start: int = 0, limit: int = -1) -> list[History]:
        """The changelog, oldest first."""
        found = self._store.rows(
            "SELECT id, issue, author, created, items FROM changelog WHERE issue = ? ORDER BY id LIMIT ? OFFSET ?",
            *(issue, limit, start),
        )
        return [history_of(row) for row in found]

    def count_histories(self, issue: int) -> int:
        """How long the changelog is."""
        return int(self._store.value("SELECT count(*) FROM changelog WHERE issue = ?", issue))

    def comments(self, issue: int) -> list[Comment]:
        """Oldest first."""
        return [comment_of(row) for row in self._store.rows("SELECT * FROM comment WHERE issue = ? ORDER BY id", issue)]

    def comment(self, number: str) -> Comment | None:
        """By id."""
        if not number.isdecimal():
            return None
        found = self._store.row("SELECT * FROM comment WHERE id = ?", int(number))
        return comment_of(found) if found else None

    def add_comment(self, issue: Issue, person: Person, body: Any) -> Comment:
        """A new comment."""
        now = self.now_ms()
        account = person.account_id
        comment = Comment(
            id=self._store.next_number("comment", _FIRST_ID),
            issue=issue.id,
            author=account,
            update_author=account,
            body=body,
            created=now,
            updated=now,
        )
        self.save_comment(comment)
        return comment

    def save_comment(self, comment: Comment) -> None:
        """Stores a comment."""
        values = msgspec.structs.astuple(msgspec.structs.replace(comment, body=orjson.dumps(comment.body).decode()))
        self._store.run("INSERT OR REPLACE INTO comment VALUES (?, ?, ?, ?, ?, ?, ?)", *values)

    def remove_comment(self, comment: Comment) -> None:
        """Deletes a comment and its properties."""
        self._store.run("DELETE FROM property WHERE kind = 'comment' AND owner = ?", comment.id)
        self._store.run("DELETE FROM comment WHERE id = ?", comment.id)

    def properties(self, kind: str, owner: int) -> dict[str, Any]:
        """All properties of an issue or a comment."""
        found = self._store.rows(
            "SELECT key, value FROM property WHERE kind = ? AND owner = ? ORDER BY key", kind, owner
        )
        return {key: orjson.loads(value) for key, value in found}

    def set_property(self, kind: str, owner: int, key: str, value: Any) -> bool:
        """Sets a property; whether it is a new one."""
        new = (
            self._store.row("SELECT 1 FROM property WHERE kind = ? AND owner = ? AND key = ?", kind, owner, key) is None
        )
        self._store.run(
            "INSERT OR REPLACE INTO property VALUES (?, ?, ?, ?)", kind, owner, key, orjson.dumps(value).decode()
        )
        return new

    def remove_property(self, kind: str, owner: int, key: str) -> bool:
        """Removes a property; whether there was one."""
        there = key in self.properties(kind, owner)
        self._store.run("DELETE FROM property WHERE kind = ? AND owner = ? AND key = ?", kind, owner, key)
        return there

    def _issue(self, condition: str, value: int | str) -> Issue | None:
        found = self._store.row(f"SELECT * FROM issue WHERE {condition}", value)
        return issue_of(found) if found else None
