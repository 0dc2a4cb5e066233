"""The 3 a.m. summary as a page shows it: what needs people, each system both ways, and what goes on. Reads only.

Everything is counted through indexes and over bounded stretches: the newest changes and writes, never all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import case, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.rights import Principal, Right
from gateway.core.ids import new_id
from gateway.sync import tables as t
from gateway.sync.attempts import Outcome
from gateway.sync.tables import WAITING
from gateway.work.backlog import lane_counts, pressed_workers
from gateway.work.workplace import Workplace

MOST = 20_000
"""Rows that a figure of the last hour is counted over; a busier hour is told of by its newest part."""
MINUTES = 60


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A connection, as the strip shows it. Ages in seconds; 0: nothing waits."""

    name: str
    label: str
    state: str
    """Of its circuit: closed, open, half_open, throttled or credentials; empty: never used."""
    reason: str
    since: float
    until: float
    in_s: float
    """Of the oldest change from it that is not decided."""
    out_s: float
    """Of the oldest change that is not written to it."""
    noticed: int
    """Changes from it that wait."""
    working: int
    unknown: int
    parked: int
    writes: int
    per_s: float | None
    done_s: float | None
    tries: int
    """Writes that ended within the hour (the newest, if there were very many)."""
    failed: int
    polled_at: float | None


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """Changes in and writes out per minute, the oldest minute first."""

    began: float
    came: tuple[int, ...]
    went: tuple[int, ...]


async def sides(place: Workplace, who: Principal) -> list[Side]:
    """Every connection that the reader may see. Right SEE."""
    who.require(Right.SEE)
    now = place.now()
    names = [name for name in place.config.connections if who.covers(connection=name)]
    async with place.database.read() as tx:
        counts = {row["connection"]: row for row in await lane_counts(tx, names, now)}
        states = {row.connection: row for row in await tx.execute(select(t.connection_state))}
        noticed = await _noticed(tx)
        tried = await _tried(tx, now)
        polled = {row.connection: row.polled_at for row in await tx.execute(select(t.cursor))}
    return [
        _side(place, name, counts[name], states.get(name), noticed.get(name), tried.get(name), polled.get(name), now)
        for name in names
    ]


def _side(
    place: Workplace, name: str, count: Mapping[str, Any], state: Any, noticed: Any, tried: Any, polled: Any, now: float
) -> Side:
    return Side(
        name=name,
        label=place.config.connections[name].label,
        state=state.state if state else "",
        reason=state.reason if state else "",
        since=state.since if state else 0.0,
        until=state.until if state else 0.0,
        in_s=max(0.0, now - noticed[1]) if noticed else 0.0,
        out_s=count["oldest_s"],
        noticed=noticed[0] if noticed else 0,
        working=count["working"],
        unknown=count["unknown"],
        parked=count["parked"],
        writes=count["queue"]["writes"],
        per_s=count["queue"]["per_s"],
        done_s=count["queue"]["done_s"],
        tries=tried[0] if tried else 0,
        failed=tried[1] if tried else 0,
        polled_at=polled or None,
    )


async def _noticed(tx: AsyncConnection) -> dict[str, tuple[int, float]]:
    """Connection -> changes that wait, and when the oldest came."""
    row = t.notice.c
    query = select(row.connection, func.count(), func.min(row.received_at)).where(WAITING).group_by(row.connection)
    return {each[0]: (int(each[1]), float(each[2])) for each in await tx.execute(query)}


async def _tried(tx: AsyncConnection, now: float) -> dict[str, tuple[int, int]]:
    """Connection -> writes that ended within the hour, and those that failed."""
    row = _newest(t.attempt, now - 3600)
    bad = func.sum(case((row.outcome.in_((Outcome.REFUSED, Outcome.UNKNOWN)), 1), else_=0))
    query = select(row.connection, func.count(), bad).where(row.outcome != Outcome.OPEN).group_by(row.connection)
    return {each[0]: (int(each[1]), int(each[2] or 0)) for each in await tx.execute(query)}


def _newest(table: Any, since: float) -> Any:
    """The newest rows of a table whose ids tell when they were made."""
    lowest = new_id("at", at=since)[:-16]
    return select(table).where(table.c.id >= lowest).order_by(table.c.id.desc()).limit(MOST).subquery().c


async def flow(place: Workplace, who: Principal, *, connection: str = "") -> Flow:
    """Changes that came and writes that ended in the last hour, by minute; of `connection` if named. Right SEE."""
    who.require(Right.SEE)
    now = place.now()
    began = now - MINUTES * 60
    notice = t.notice.c
    newest = select(notice.connection, notice.received_at).where(notice.received_at >= began)
    arrived = newest.order_by(notice.received_at.desc()).limit(MOST).subquery().c
    tried = _newest(t.attempt, began)
    async with place.database.read() as tx:
        came = await _by_minute(tx, arrived.received_at, _seen(arrived.connection, who, connection), began)
        went = await _by_minute(tx, tried.finished_at, _seen(tried.connection, who, connection), began)
    return Flow(began=began, came=came, went=went)


def _seen(column: Any, who: Principal, connection: str) -> Any:
    """The condition for rows of one connection, or of all that the reader may see."""
    if connection:
        return column == connection
    return true() if who.connections is None else column.in_(sorted(who.connections))


async def _by_minute(tx: AsyncConnection, at: Any, seen: Any, began: float) -> tuple[int, ...]:
    query = select(at).where(at >= began, seen)
    found = [0] * MINUTES
    for each in (await tx.execute(query)).scalars():
        found[min(int((each - began) / 60), MINUTES - 1)] += 1
    return tuple(found)


async def refusing(place: Workplace, who: Principal) -> Sequence[Mapping[str, Any]]:
    """Workers that take nothing in now, with the reason. Right SEE."""
    who.require(Right.SEE)
    async with place.database.read() as tx:
        return await pressed_workers(tx, place.now())


def told(state: Side) -> Iterable[str]:
    """How a connection stands besides its state, in words."""
    if state.unknown:
        yield f"{state.unknown} being proved"
    if state.parked:
        yield f"{state.parked} parked"
