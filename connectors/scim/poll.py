"""The poll of one type: one page a call, as pure functions over the cursor.

SCIM counts its rows, from one; a row that comes or goes moves those behind it. So each page begins with the last row of
the one before: another row there means that rows moved, and the round begins anew. Rows shown twice are told once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

MOST_ANEW = 5
"""A server without any order would make every round begin anew for ever; then what it shows is taken as it comes."""
_SLACK_S = 1.0
"""Times are shown in milliseconds, or in seconds by some."""
Row = Mapping[str, Any]


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where the poll stands. Times are epoch seconds in the server's clock."""

    bound: float
    """Everything changed before has been told."""
    started: float = 0.0
    """When the present round began; 0: between rounds."""
    at: int = 1
    """The row that the next page begins with."""
    last: str = ""
    """Id that this row has, unless rows moved; "": the first page."""
    anew: int = 0
    """How often this round began anew."""
    seen: Mapping[str, tuple[float, str]] = {}
    """Id -> (last modified, state): what was told already."""
    silent: bool = False
    """The first round where nothing but comparing tells of changes: what is there now is no news."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list."""

    rows: Sequence[Row]
    total: int
    """Rows of the whole list."""
    count: int
    """Rows that were asked for."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a page amounted to."""

    fresh: tuple[Row, ...]
    cursor: Cursor
    more: bool


def begin(now: float, overlap_s: float, *, compares: bool) -> Cursor:
    """From now on."""
    return Cursor(bound=now - overlap_s, silent=compares)


def going_on(cursor: Cursor, now: float) -> Cursor:
    """The present round, or a new one."""
    return cursor if cursor.started else msgspec.structs.replace(cursor, started=now, at=1, last="", anew=0)


def step(cursor: Cursor, page: Shown, times: Mapping[str, float], *, overlap_s: float, compares: bool) -> Step:
    """Rows not told in this state before, and where to go on. `times`: id -> last modified, where it is known."""
    rows, ids = page.rows, [str(row.get("id", "")) for row in page.rows]
    if cursor.anew < MOST_ANEW and _moved(cursor, page, ids):
        anew = msgspec.structs.replace(cursor, at=1, last="", anew=cursor.anew + 1)
        return Step(fresh=(), cursor=anew, more=True)
    marks = {id: (times.get(id, 0.0), digest(row)) for id, row in zip(ids, rows, strict=True)}
    news = tuple(row for id, row in zip(ids, rows, strict=True) if _is_news(cursor, id, marks))
    fresh, seen = () if cursor.silent else news, {**cursor.seen, **marks}
    following = going(cursor.at, page, alone=1 if cursor.last else 0)
    if following:
        last = ids[-1] if following < cursor.at + len(rows) else ""
        onward = msgspec.structs.replace(cursor, at=following, last=last, seen=seen)
        return Step(fresh=fresh, cursor=onward, more=True)
    bound = max(cursor.bound, cursor.started - overlap_s)
    kept = {id: mark for id, mark in seen.items() if compares or mark[0] >= bound - _SLACK_S}
    return Step(fresh=fresh, cursor=Cursor(bound=bound, seen=kept), more=False)


def going(at: int, page: Shown, *, alone: int = 1) -> int:
    """The row that the next page begins with: the last one of this page. 0: there are no more.

    A page that shows nothing beyond the `alone` rows that were known, although more are said to follow, hides them: it
    is passed over as a whole.
    """
    end = at + len(page.rows) - 1
    if len(page.rows) > alone:
        return end if end < page.total else 0
    return at + page.count if at + page.count <= page.total else 0


def _moved(cursor: Cursor, page: Shown, ids: Sequence[str]) -> bool:
    """Whether the row that this page should begin with stands elsewhere now. A hidden page tells nothing of that."""
    return bool(cursor.last) and ids[:1] != [cursor.last] and (bool(ids) or page.total < cursor.at)


def _is_news(cursor: Cursor, id: str, marks: Mapping[str, tuple[float, str]]) -> bool:
    return cursor.seen.get(id) != marks[id]


def digest(row: Row) -> str:
    """What the row shows, whenever it says that it was changed."""
    return hashlib.sha256(orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
