"""The 3 a.m. summary as a page shows it: what needs people, each system both ways, and what goes on. Reads only.

Everything is counted through indexes and over bounded stretches: the newest changes and writes, never all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.rights import Principal, Right
from gateway.sync import tables as t
from gateway.work.backlog import pressed_workers
from gateway.work.connections import MOST, ConnectionView, list_connections, newest
from gateway.work.workplace import Workplace

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
    """Every connection that the reader may see, in the order of the configuration. Right SEE."""
    found = {each.name: each for each in await list_connections(place, who)}
    return [_side(found[name]) for name in place.config.connections if name in found]


def _side(found: ConnectionView) -> Side:
    same = {name: getattr(found, name) for name in Side.__struct_fields__ if hasattr(found, name)}
    queue = {"writes": found.queue.writes, "per_s": found.queue.per_s, "done_s": found.queue.done_s}
    return Side(**same | queue | {"out_s": found.oldest_s, "polled_at": found.polled_at or None})


async def flow(place: Workplace, who: Principal, *, connection: str = "") -> Flow:
    """Changes that came and writes that ended in the last hour, by minute; of `connection` if named. Right SEE."""
    who.require(Right.SEE)
    now = place.now()
    began = now - MINUTES * 60
    notice = t.notice.c
    noticed = select(notice.connection, notice.received_at).where(notice.received_at >= began)
    arrived = noticed.order_by(notice.received_at.desc()).limit(MOST).subquery().c
    tried = newest(t.attempt, began)
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
