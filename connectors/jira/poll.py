"""The poll of issues: one page a call, as pure functions over the cursor.

JQL knows whole minutes, in the asker's time zone; a relative bound (`updated >= -7m`) avoids the zone (facts.md 2.2
[M]). Page tokens are not followed: an issue edited while one pages moves to the end of the order, and others slip
past. Every page is the first one of its own query instead: the bound moves up to the last issue shown, and issues
shown in the round are left out by id. Issues only ever move to later times, so whatever was not shown is still ahead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors.jira.jql import all_of, quoted
from connectors.jira.rows import last_changelog_id
from connectors.jira.times import parse_time

ORDER = "updated ASC, key ASC"
_COARSE_S = 180.0
"""A bound in whole minutes, rounded away from now, shows issues up to this much older than meant."""
_LIST = 500
"""Ids in one list of JQL."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where the poll stands. Times are epoch seconds in Jira's clock."""

    bound: float
    """Everything changed before has been told."""
    started: float = 0.0
    """When the present round began; 0: between rounds."""
    reach: float = 0.0
    """Everything changed between `bound` and here has been shown in this round."""
    shown: Mapping[str, float] = {}
    """Issue id -> updated, of those shown in this round that the next query could show again."""
    token: str = ""
    """Only after a page that showed nothing although more follow (issues the site hides or has just deleted)."""
    seen: Mapping[str, tuple[float, str]] = {}
    """Issue id -> (updated, last changelog id): what was told already."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a page amounted to."""

    fresh: tuple[Mapping[str, Any], ...]
    cursor: Cursor
    more: bool


def begin(now: float, overlap_s: float) -> Cursor:
    """From now on."""
    return Cursor(bound=now - overlap_s)


def from_cursor(given: Mapping[str, Any]) -> Cursor:
    """A cursor out of stored JSON."""
    return msgspec.convert(given, Cursor)


def going_on(cursor: Cursor, now: float) -> Cursor:
    """The present round, or a new one."""
    return cursor if cursor.started else msgspec.structs.replace(cursor, started=now, reach=cursor.bound)


def query(cursor: Cursor, now: float, *, project: str, condition: str) -> str:
    """The JQL of the next page."""
    scope = f"project = {quoted(project)}" if project else ""
    bound = f"updated >= -{_minutes(now - cursor.reach)}m"
    without = [f"id NOT IN ({', '.join(ids)})" for ids in _lists(sorted(cursor.shown))]
    return all_of([scope, condition, bound, *without], ORDER)


def step(cursor: Cursor, issues: Sequence[Mapping[str, Any]], token: str, *, overlap_s: float) -> Step:
    """Issues not told in this state before, and where to go on. `token` is "" where nothing follows."""
    marks = {str(issue.get("id", "")): _mark(issue) for issue in issues}
    fresh = tuple(issue for issue in issues if cursor.seen.get(str(issue.get("id", ""))) != _mark(issue))
    seen = {**cursor.seen, **marks}
    if not token:
        bound = max(cursor.bound, cursor.started - overlap_s)
        kept = {number: mark for number, mark in seen.items() if mark[0] >= bound - _COARSE_S}
        return Step(fresh=fresh, cursor=Cursor(bound=bound, seen=kept), more=False)
    reach = max([cursor.reach, *(at for at, _ in marks.values())])
    shown = {**cursor.shown, **{number: at for number, (at, _) in marks.items()}}
    following = msgspec.structs.replace(
        cursor,
        reach=reach,
        shown={number: at for number, at in shown.items() if at >= reach - _COARSE_S or not at},
        token="" if issues else token,
        seen=seen,
    )
    return Step(fresh=fresh, cursor=following, more=True)


def _lists(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + _LIST] for start in range(0, len(ids), _LIST)]


def _minutes(seconds: float) -> int:
    """Minutes that reach back at least this far, whatever the second of the minute."""
    return max(1, math.ceil(seconds / 60) + 1)


def _mark(issue: Mapping[str, Any]) -> tuple[float, str]:
    fields = issue.get("fields")
    updated = parse_time(fields.get("updated")) if isinstance(fields, Mapping) else None
    return updated or 0.0, last_changelog_id(issue)
