"""The queue in the table: what is due, in order, found through its indexes however many lanes wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.sync import tables as t
from gateway.sync.state import LaneState
from gateway.sync.tables import OWNED, STUCK, WORK
from gateway.sync.worker import Worker
from replay.tables import holds

_FREE = t.lane.c.state.in_([LaneState.IDLE, LaneState.PARKED, LaneState.UNKNOWN])
_HELD = t.lane.c.state.in_([LaneState.READING, LaneState.OPEN])
_FOUND = (t.lane.c.record, t.lane.c.dirty, t.lane.c.dirty_since)


LEAVER_S = 3600.0
"""So long after a departure its lanes are looked for apart; what hinders them for longer is in the queue."""


class Due(NamedTuple):
    """A lane that is due."""

    record: str
    dirty: bool
    dirty_since: float


def due(connection: str, now: float, limit: int) -> Select[Any]:
    """Lanes whose time has come, first come first served."""
    lane = t.lane.c
    return (
        select(*_FOUND)
        .where(WORK, lane.connection == connection, lane.next_try_at <= now, _FREE)
        .order_by(lane.next_try_at, lane.dirty_since)
        .limit(limit)
    )


def astray(connection: str, after: float, limit: int) -> Select[Any]:
    """Lanes that wait longer than any may: a clock was set back."""
    lane = t.lane.c
    return select(*_FOUND).where(WORK, lane.connection == connection, lane.next_try_at > after, _FREE).limit(limit)


def lost(connection: str, now: float, after: float, limit: int) -> Select[Any]:
    """Lanes whose holder let its lease run out, or has one longer than any may be."""
    lane = t.lane.c
    over = or_(lane.lease_until <= now, lane.lease_until > after)
    return select(*_FOUND).where(OWNED, lane.connection == connection, over, _HELD).limit(limit)


def unknown(connection: str, now: float, limit: int) -> Select[Any]:
    """Lanes whose outcome should be looked at again. They do not wait behind a backlog."""
    lane = t.lane.c
    mine = (STUCK, lane.connection == connection, lane.state == LaneState.UNKNOWN)
    return select(*_FOUND).where(*mine, lane.owner == "", lane.next_try_at <= now).limit(limit)


async def urgent_lanes(
    tx: AsyncConnection, connection: str, now: float, worker: Worker, settles_s: float, limit: int
) -> list[Due]:
    """At most `limit` of each kind that would be late, or never found, in the order of the queue."""
    statements = (
        lost(connection, now, now + worker.longest_lease_s, limit),
        astray(connection, now + worker.longest_wait_s(settles_s), limit),
        unknown(connection, now, limit),
    )
    return [Due(*row) for statement in statements for row in await tx.execute(statement)]


def leaving(connection: str, now: float, limit: int) -> Select[Any]:
    """Lanes of records that left a while ago at most: what closes them goes before everything else."""
    lane, record = t.lane.c, t.record.c
    return (
        select(*_FOUND)
        .join(t.record, record.id == lane.record)
        .where(record.left_at > now - LEAVER_S, WORK, lane.connection == connection, lane.next_try_at <= now, _FREE)
        .order_by(record.left_at)
        .limit(limit)
    )


async def leaving_lanes(tx: AsyncConnection, connection: str, now: float, limit: int) -> list[Due]:
    """Those that no hint told of, as after a start."""
    return [Due(*row) for row in await tx.execute(leaving(connection, now, limit))]


async def replayed(tx: AsyncConnection, records: Sequence[str]) -> set[str]:
    """Which of these records a replay run has now."""
    if not records:
        return set()
    return set((await tx.execute(select(holds.c.record).where(holds.c.record.in_(records)))).scalars())


async def due_lanes(tx: AsyncConnection, connection: str, now: float, limit: int) -> list[Due]:
    """The head of the queue."""
    return [Due(*row) for row in await tx.execute(due(connection, now, limit))]


class Depth(NamedTuple):
    """A connection's queue."""

    connection: str
    lanes: int
    writes: int
    since: float | None
    """When the oldest became due."""


async def depths(tx: AsyncConnection, connection: str = "") -> list[Depth]:
    """How long the queues are, parked lanes left out; of one connection, or of all that have one."""
    lane = t.lane.c
    least = func.sum(func.coalesce(func.nullif(lane.writes_left, 0), 1))
    counted = select(lane.connection, func.count(), least, func.min(lane.dirty_since)).where(WORK)
    parked = select(lane.connection, func.count(), least).where(and_(STUCK, WORK, lane.state == LaneState.PARKED))
    if connection:
        counted, parked = (each.where(lane.connection == connection) for each in (counted, parked))
    aside = {row[0]: row for row in await tx.execute(parked.group_by(lane.connection))}
    found = []
    for name, lanes, writes, since in await tx.execute(counted.group_by(lane.connection)):
        _, less, fewer = aside.get(name, (name, 0, 0))
        found.append(Depth(name, int(lanes) - int(less), int(writes) - int(fewer), since))
    return found
