"""A poll feed over one table: where to go on reading, as a pure function of what the last page showed.

Rows come in the order (time, sys_id); the next page starts behind the last row (keyset), because with offsets rows move
while one pages (facts.md 1.3). The vendor's query language has no brackets, so that takes two questions: the rest of
the same second, then all later seconds. When a round is over, the next one starts `overlap_s` before the last row seen,
inclusive: rows of that second, and rows committed late, are read again and recognised by `seen`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors.servicenow.rows import Row, format_time, parse_time, text
from connectors.servicenow.table import moment

WIDEST = 10_000
"""The most rows of one answer: the vendor's default limit (facts.md 1.2 [SND])."""


class FeedSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A table and its time column."""

    name: str
    table: str
    time: str
    base: str = ""
    """Encoded query that every row satisfies."""
    fields: str
    version: str = "sys_id"
    """The column that tells two states of a row apart; `sys_id` for rows that never change."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a feed stands; lives in the cursor."""

    start: str
    """Lower bound of this round, inclusive."""
    began: str = ""
    """When this round began, by the instance's clock; "" between rounds."""
    phase: str = "round"
    """`round`: from `start`; `same`: the rest of second `at` behind `id`; `after`: all seconds after `at`."""
    at: str = ""
    id: str = ""
    wide: int = 1
    """Grows while pages show no row at all although more follow: all of them are hidden by access rules. An offset
    would leave rows out when a hidden one before them moves."""
    offset: int = 0
    """Moves, by half a page, only where the widest page is hidden altogether."""
    seen: Mapping[str, tuple[str, str]] = {}
    """sys_id -> (time, version) of rows within the overlap."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a page amounted to."""

    fresh: tuple[Row, ...]
    place: Place
    more: bool
    """This round goes on."""


def begin(now: float, overlap_s: int) -> Place:
    """A feed from now on (system's clock)."""
    return Place(start=format_time(now - overlap_s))


def from_cursor(given: Any) -> Place:
    """A Place out of stored JSON."""
    return msgspec.convert(given, Place)


def going_on(place: Place, now: float) -> Place:
    """The present round, or a new one."""
    return place if place.began else msgspec.structs.replace(place, began=format_time(now))


def query(spec: FeedSpec, place: Place) -> str:
    """The encoded query for the next page."""
    bound = {
        "round": f"{spec.time}>={moment(place.start)}",
        "same": f"{spec.time}={moment(place.at)}^sys_id>{place.id}",
        "after": f"{spec.time}>{moment(place.at)}",
    }[place.phase]
    order = "ORDERBYsys_id" if place.phase == "same" else f"ORDERBY{spec.time}^ORDERBYsys_id"
    return "^".join(part for part in (spec.base, bound, order) if part)


def within(spec: FeedSpec, place: Place, row: Row) -> bool:
    """Whether a row satisfies the bound asked for; guards against a silently ignored one. Times compare as texts."""
    at = text(row.get(spec.time))
    if place.phase == "same":
        return at == place.at and text(row.get("sys_id")) > place.id
    return at > place.at if place.phase == "after" else at >= place.start


def ordered(spec: FeedSpec, rows: Sequence[Row]) -> bool:
    """Whether rows came in the order of time; without it the keyset would leave rows out."""
    times = [text(row.get(spec.time)) for row in rows]
    return times == sorted(times)


def step(spec: FeedSpec, place: Place, rows: Sequence[Row], *, more: bool, limit: int, overlap_s: int) -> Step:
    """Rows not seen before, and where to go on."""
    fresh = tuple(row for row in rows if _version(spec, row) != place.seen.get(text(row["sys_id"]), ("", None))[1])
    at, last = (text(rows[-1].get(spec.time)), text(rows[-1]["sys_id"])) if rows else (place.at, place.id)
    seen = {**place.seen, **{text(row["sys_id"]): _mark(spec, row) for row in rows}}
    seen = _recent(seen, min(at, place.began), overlap_s)
    if more and rows:
        return Step(fresh=fresh, place=_at(place, "same", at, last, seen), more=True)
    if more:
        return Step(fresh=fresh, place=_further(place, limit), more=True)
    if place.phase == "same":
        return Step(fresh=fresh, place=_at(place, "after", place.at, "", seen), more=True)
    return Step(fresh=fresh, place=Place(start=_next_start(place, at, overlap_s), seen=seen), more=False)


def size(place: Place, page_size: int) -> int:
    """Rows to ask for."""
    return min(page_size * place.wide, WIDEST)


def _further(place: Place, limit: int) -> Place:
    if limit < WIDEST:
        return msgspec.structs.replace(place, wide=place.wide * 2)
    return msgspec.structs.replace(place, offset=place.offset + limit // 2)


def _at(place: Place, phase: str, at: str, last: str, seen: Mapping[str, tuple[str, str]]) -> Place:
    return Place(start=place.start, began=place.began, phase=phase, at=at, id=last, seen=seen)


def _version(spec: FeedSpec, row: Row) -> str:
    return text(row.get(spec.version))


def _mark(spec: FeedSpec, row: Row) -> tuple[str, str]:
    return text(row.get(spec.time)), _version(spec, row)


def _before(at: str, overlap_s: int) -> str:
    return format_time((parse_time(at) or 0.0) - overlap_s)


def _next_start(place: Place, at: str, overlap_s: int) -> str:
    """Behind the last row, but not behind what may have come in where this round had already passed: a round can be
    interrupted for long. Never back: an empty round keeps its bound.
    """
    return max(place.start, _before(min(at, place.began), overlap_s)) if at else place.start


def _recent(seen: Mapping[str, tuple[str, str]], at: str, overlap_s: int) -> dict[str, tuple[str, str]]:
    edge = _before(at, overlap_s) if at else ""
    return {sys_id: mark for sys_id, mark in seen.items() if mark[0] >= edge}
