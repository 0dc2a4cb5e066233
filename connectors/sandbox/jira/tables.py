"""Tables of the site, and what a row of each is. No behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

DDL = """
CREATE TABLE IF NOT EXISTS issue (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    fields TEXT NOT NULL,           -- stored values, JSON
    created INTEGER NOT NULL,       -- the site's clock, milliseconds
    updated INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS comment (
    id INTEGER PRIMARY KEY,
    issue INTEGER NOT NULL,
    author TEXT NOT NULL,           -- account ids
    update_author TEXT NOT NULL,
    body TEXT NOT NULL,             -- Atlassian document, JSON
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS comment_issue ON comment (issue);
CREATE TABLE IF NOT EXISTS property (
    kind TEXT NOT NULL,             -- issue | comment
    owner INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, owner, key)
);
CREATE TABLE IF NOT EXISTS changelog (
    id INTEGER PRIMARY KEY,
    issue INTEGER NOT NULL,
    author TEXT NOT NULL,
    created INTEGER NOT NULL,
    items TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS changelog_issue ON changelog (issue, id);
CREATE TABLE IF NOT EXISTS found (  -- what search sees of an issue
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    number INTEGER NOT NULL,
    project TEXT NOT NULL,
    issuetype TEXT, status TEXT, priority TEXT, resolution TEXT, assignee TEXT, reporter TEXT, creator TEXT,
    summary TEXT, description TEXT, duedate TEXT, reference TEXT, resolved INTEGER,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS found_updated ON found (updated);
CREATE INDEX IF NOT EXISTS found_created ON found (created);
CREATE INDEX IF NOT EXISTS found_key ON found (key);
CREATE INDEX IF NOT EXISTS found_reference ON found (reference);
CREATE TABLE IF NOT EXISTS found_label (label TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (label, id));
CREATE INDEX IF NOT EXISTS found_label_id ON found_label (id);
CREATE TABLE IF NOT EXISTS index_due (issue INTEGER PRIMARY KEY, due REAL NOT NULL);
"""


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """An issue as stored. Field values are ids, plain text, documents; times are milliseconds of the site's clock."""

    id: int
    key: str
    project: str
    fields: Mapping[str, Any]
    created: int
    updated: int


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """A comment as stored."""

    id: int
    issue: int
    author: str
    update_author: str
    body: Any
    created: int
    updated: int


class History(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the changelog."""

    id: int
    issue: int
    author: str
    created: int
    items: Sequence[Mapping[str, Any]]


def issue_of(row: tuple[Any, ...]) -> Issue:
    """An issue from its row."""
    number, key, project, fields, created, updated = row
    return Issue(id=number, key=key, project=project, fields=orjson.loads(fields), created=created, updated=updated)


def comment_of(row: tuple[Any, ...]) -> Comment:
    """A comment from its row."""
    number, issue, author, update_author, body, created, updated = row
    return Comment(
        id=number,
        issue=issue,
        author=author,
        update_author=update_author,
        body=orjson.loads(body),
        created=created,
        updated=updated,
    )


def history_of(row: tuple[Any, ...]) -> History:
    """A changelog entry from its row."""
    number, issue, author, created, items = row
    return History(id=number, issue=issue, author=author, created=created, items=orjson.loads(items))
