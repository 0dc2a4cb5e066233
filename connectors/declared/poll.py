"""The poll of one record: one page a call, as pure functions over the cursor.

A list that is sorted by its time of change, and counts its pages, loses rows when one of those shown is edited while
one pages: everything behind it moves up. So where a file says `order: oldest_first`, the query's own time is moved up
to the last object shown and paging starts anew; rows shown before are left out by id and version. Rows only move to
later times, so whatever was not shown is still ahead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from typing import Any

import msgspec
import orjson

from connectors.declared.asking import Token
from connectors.declared.model.records import Record
from connectors.declared.rows import id_of, listed_at, updated_at, version_of
from connectors.declared.times import coarse_s, format_time

Mark = tuple[float, str]
"""Time of change and state of an object: one that was told in this state is not told again."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where the poll of one record stands. Times are epoch seconds in the system's clock."""

    bound: float
    """Everything changed before has been told."""
    started: float = 0.0
    """When the present round began; 0: between rounds."""
    reach: float = 0.0
    """Everything changed between `bound` and here has been shown in this round."""
    token: Token = {}
    anew: bool = False
    """This round was begun once more, because its next page was refused."""
    seen: Mapping[str, Mark] = {}
    etag: str = ""
    """What the system called the list, when the last round saw it on one page."""
    silent: bool = False
    """The first round where nothing but comparing tells of changes: what is there now is no news."""


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """Where the polls of all records stand."""

    records: Mapping[str, Cursor]
    turn: str = ""
    """The record whose round is under way; "": between polls."""
    gone: Mapping[str, float] = {}
    """Record -> everything deleted before was told."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a page amounted to."""

    fresh: tuple[Any, ...]
    cursor: Cursor
    more: bool


def begin(record: Record, now: float) -> Cursor:
    """From now on."""
    return Cursor(bound=now - record.since.overlap, silent=record.updated is None)


def going_on(record: Record, cursor: Cursor, now: float) -> Cursor:
    """The present round, or a new one."""
    if cursor.started:
        return cursor
    return msgspec.structs.replace(cursor, started=now, reach=cursor.bound - record.since.reaches_back, token={})


def asked(record: Record, cursor: Cursor) -> dict[str, str]:
    """The parameter that narrows the list to what changed."""
    param = record.since.param
    return {param: since(record, cursor.reach)} if param else {}


def since(record: Record, at: float) -> str:
    """What `${since}` is in the list's own request."""
    return format_time(at, record.since.as_)


def known(record: Record, cursor: Cursor) -> str:
    """The etag that the list had; "" where it is not to be presented."""
    return cursor.etag if record.since.etag and _is_first(record, cursor) else ""


def _is_first(record: Record, cursor: Cursor) -> bool:
    """Whether the page to come is the first of its round."""
    return not cursor.token and cursor.reach == cursor.bound - record.since.reaches_back


def step(record: Record, cursor: Cursor, rows: Sequence[Any], following: Token | None, etag: str = "") -> Step:
    """Objects not told in this state before, and where to go on. An etag stands for a list that is one page."""
    marks = {id_of(record, row): _mark(record, row) for row in rows}
    marks.pop("", None)
    recent = [row for row in rows if id_of(record, row) and _is_recent(record, cursor, row)]
    fresh = tuple(row for row in recent if cursor.seen.get(id_of(record, row)) != marks[id_of(record, row)])
    seen = {**cursor.seen, **marks}
    if following is None or _is_past(record, cursor, rows):
        ended, sure = _ended(record, cursor, seen), marks.keys() <= _sure(record, cursor, marks)
        ended = msgspec.structs.replace(ended, etag=etag if sure and _is_first(record, cursor) else "")
        return Step(fresh=() if cursor.silent else fresh, cursor=ended, more=False)
    reach = max([cursor.reach, *(at for row in rows if (at := listed_at(record, row)) is not None)])
    moved = _steps(record) and since(record, cursor.reach) != since(record, reach)
    onward = msgspec.structs.replace(
        cursor, reach=reach if moved else cursor.reach, token={} if moved else following, seen=seen
    )
    return Step(fresh=() if cursor.silent else fresh, cursor=onward, more=True)


def _ended(record: Record, cursor: Cursor, seen: Mapping[str, Mark]) -> Cursor:
    if record.updated is None and record.since.at is None:
        return Cursor(bound=cursor.started, seen=seen)
    bound = max(cursor.bound, cursor.started - record.since.overlap)
    oldest = bound - _old_s(record)
    known = {name: mark for name, mark in seen.items() if oldest <= mark[0]}
    sure = _sure(record, cursor, known)
    return Cursor(bound=bound, seen={name: mark for name, mark in known.items() if name in sure})


def _sure(record: Record, cursor: Cursor, marks: Mapping[str, Mark]) -> Set[str]:
    """Ids of rows that cannot change any more and look as before."""
    newest = cursor.started - _unsure_s(record)
    return {name for name, mark in marks.items() if mark[0] <= newest}


def _unsure_s(record: Record) -> float:
    """A row that shows nothing but its time may be changed again within that same moment and look as before: as long
    as the moment may last, it is told once more.
    """
    if record.whole or record.version is not None or record.updated is None:
        return float("-inf")
    return max(record.updated.exact, 0.001)


def _steps(record: Record) -> bool:
    """Whether paging starts anew behind what was shown."""
    return record.list.is_counted and record.bounded and record.since.order == "oldest_first"


def _is_past(record: Record, cursor: Cursor, rows: Sequence[Any]) -> bool:
    """Sorted newest first, the list is read until it shows what was told before."""
    if record.since.order != "newest_first" or record.bounded or not rows:
        return False
    at = listed_at(record, rows[-1])
    return at is not None and at < cursor.bound - _coarse_s(record) - record.since.reaches_back


def _is_recent(record: Record, cursor: Cursor, row: Any) -> bool:
    at = _changed_at(record, row)
    return at is None or at >= cursor.bound - _old_s(record)


def _changed_at(record: Record, row: Any) -> float | None:
    return updated_at(record, row) if record.updated else listed_at(record, row)


def _old_s(record: Record) -> float:
    """How much older than the bound a row may be that is news: one without a time of change only by what it shows."""
    return _coarse_s(record) + (0.0 if record.updated else record.since.reaches_back)


def _coarse_s(record: Record) -> float:
    """How much older than meant a row may be that a bound lets through."""
    exact = record.updated.exact if record.updated else 0.0
    return max(exact, coarse_s(record.since.as_))


def _mark(record: Record, row: Any) -> Mark:
    version = version_of(record, row)
    state = str(version) if version is not None else _digest(row)
    return _changed_at(record, row) or 0.0, state


def _digest(row: Any) -> str:
    """Times may be too coarse to tell two edits apart; the row itself is not."""
    return hashlib.sha256(orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
