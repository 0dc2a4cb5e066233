"""The index that search sees: it may lag behind the issues themselves (facts.md 2.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.sandbox.jira.adf import to_text
from connectors.sandbox.jira.catalog import CORRELATION_FIELD
from connectors.sandbox.jira.tables import Issue, issue_of
from connectors.sandbox.site import Site


class SearchIndex:
    """Owns tables found, found_label and index_due. Writes happen inside a `change()` of the store."""

    def __init__(self, site: Site) -> None:
        self._site, self._store = site, site.store

    def refresh(self, at_once: Iterable[int] = ()) -> None:
        """Takes into the index what is due, and these issues in any case. Inside a `change()`."""
        due = [row[0] for row in self._store.rows("SELECT issue FROM index_due WHERE due <= ?", self._site.true_now())]
        for number in {*due, *at_once}:
            self._index(number)

    def is_stale(self) -> bool:
        """Whether anything waits to be taken into the index."""
        return self._store.row("SELECT 1 FROM index_due LIMIT 1") is not None

    def touch(self, number: int) -> None:
        lag = self._site.options.index_lag_s
        if lag <= 0:
            self._index(number)
        else:
            # The first unseen change sets the time: an issue that is edited all the time is not put off for ever.
            due = self._site.true_now() + lag
            self._store.run("INSERT INTO index_due VALUES (?, ?) ON CONFLICT (issue) DO NOTHING", number, due)

    def _index(self, number: int) -> None:
        self._store.run("DELETE FROM index_due WHERE issue = ?", number)
        self._store.run("DELETE FROM found_label WHERE id = ?", number)
        self._store.run("DELETE FROM found WHERE id = ?", number)
        found = self._store.row("SELECT * FROM issue WHERE id = ?", number)
        if found is None:
            return
        issue = issue_of(found)
        row = index_row(issue)
        marks = ", ".join("?" * len(row))
        self._store.run(f"INSERT INTO found ({', '.join(row)}) VALUES ({marks})", *row.values())
        for label in issue.fields["labels"]:
            self._store.run("INSERT INTO found_label VALUES (?, ?)", label, number)


def index_row(issue: Issue) -> dict[str, Any]:
    """What search sees of an issue, labels aside."""
    plain = ("issuetype", "status", "priority", "resolution", "assignee", "reporter", "creator", "summary", "duedate")
    return {name: issue.fields[name] for name in plain} | {
        "id": issue.id,
        "key": issue.key,
        "number": int(issue.key.rpartition("-")[2]),
        "project": issue.project,
        "description": to_text(issue.fields["description"]),
        "reference": issue.fields[CORRELATION_FIELD],
        "resolved": issue.fields["resolutiondate"],
        "created": issue.created,
        "updated": issue.updated,
    }
