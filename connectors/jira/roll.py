"""The poll of lists whose rows say nothing of when they changed, as pure functions over the cursor.

All rows are listed each time and compared with what they were. A row that moves while one pages may be missed; it is
compared again in the next round, because what was seen before is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

EMPTY_PAGES = 2
"""So many pages without a row end a list that does not say how long it is: rights may hide all rows of one."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where the poll stands."""

    at: int = 0
    """The row that the next page begins with."""
    empty: int = 0
    """Pages without a row just before it."""
    seen: Mapping[str, str] = {}
    """Id -> state, of all rows."""
    shown: Sequence[str] = ()
    """Ids of this round."""
    silent: bool = True
    """The first round: what is there is no news."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list."""

    rows: Sequence[Mapping[str, Any]]
    size: int
    """Rows that were asked for."""
    total: int | None = None
    """Rows of the whole list; None where it does not say."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a page amounted to."""

    news: tuple[str, ...]
    """Ids of rows that are new or look otherwise, and at the end of a round of those that were not shown any more."""
    cursor: Cursor
    more: bool


def step(cursor: Cursor, states: Mapping[str, str], page: Listing) -> Step:
    """Compares a page. `states`: id -> state, of its rows that count."""
    fresh = tuple(id for id, state in states.items() if cursor.seen.get(id) != state)
    seen, shown = {**cursor.seen, **states}, (*cursor.shown, *states)
    following = going(cursor.at, cursor.empty, page)
    if following is not None:
        at, empty = following
        onward = Cursor(at=at, empty=empty, seen=seen, shown=shown, silent=cursor.silent)
        return Step(news=() if cursor.silent else fresh, cursor=onward, more=True)
    there = set(shown)
    missing = tuple(id for id in seen if id not in there)
    ended = Cursor(seen={id: state for id, state in seen.items() if id in there}, silent=False)
    return Step(news=() if cursor.silent else (*fresh, *missing), cursor=ended, more=False)


def going(at: int, empty: int, page: Listing) -> tuple[int, int] | None:
    """The row that the next page begins with, and how many pages before it were empty. None: there are no more."""
    empty = 0 if page.rows else empty + 1
    ended = empty >= EMPTY_PAGES if page.total is None else at + page.size >= page.total
    return None if ended else (at + page.size, empty)


def state(shown: Mapping[str, Any]) -> str:
    """Names what a row shows."""
    return hashlib.sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
