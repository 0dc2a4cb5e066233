"""How much waits for each connection, and how long that will take. Counted through indexes: there may be a million."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.delivery.due import depths
from gateway.delivery.meter import EVERY_S
from gateway.delivery.tables import queue_depth
from gateway.intake.pressure import STALE_S
from gateway.intake.tables import intake_pressure
from gateway.sync import tables as t
from gateway.sync.state import LaneState
from gateway.sync.tables import OWNED, STUCK, WAITING, WORK

OLD_S = 12 * EVERY_S
"""A measurement older than this says nothing about now: no worker runs."""

Row = dict[str, Any]


async def lane_counts(tx: AsyncConnection, known: Iterable[str], now: float) -> list[Row]:
    """Per connection: lanes under way, outcomes being proved, lanes parked, and the queue. `known`: connections that
    are told of even if nothing waits for them.
    """
    lane = t.lane.c
    queues = {depth.connection: depth for depth in await depths(tx)}
    held = await _counted(tx, OWNED, not_(WORK), lane.state != LaneState.PARKED)
    parked = await _counted(tx, STUCK, lane.state == LaneState.PARKED)
    unknown = await _counted(tx, STUCK, lane.state == LaneState.UNKNOWN)
    measured = {row["connection"]: row for row in (await tx.execute(select(queue_depth))).mappings()}
    rows = []
    for name in sorted({*known, *queues, *held, *parked, *unknown}):
        queue = queues.get(name)
        working = (queue.lanes if queue else 0) + held.get(name, 0)
        writes = queue.writes if queue else 0
        rows.append(
            {
                "connection": name,
                "working": working,
                "unknown": unknown.get(name, 0),
                "parked": parked.get(name, 0),
                "oldest_s": max(0.0, now - queue.since) if queue and working and queue.since else 0.0,
                "queue": {"writes": writes, **_speed(measured.get(name), writes, now)},
            }
        )
    return rows


async def _counted(tx: AsyncConnection, *conditions: Any) -> dict[str, int]:
    lane = t.lane.c
    query = select(lane.connection, func.count()).where(*conditions).group_by(lane.connection)
    return {row[0]: int(row[1]) for row in await tx.execute(query)}


def _speed(measured: Any, writes: int, now: float) -> Row:
    """By which the queue shrinks, and when it is empty; None where that is not known, or not so."""
    if measured is None or abs(now - measured["at"]) > OLD_S or not measured["per_s"] or not writes:
        return {"per_s": None, "done_s": None}
    return {"per_s": measured["per_s"], "done_s": writes / measured["per_s"]}


async def pressed_workers(tx: AsyncConnection, now: float) -> list[Row]:
    """Workers that refuse changes now, and why."""
    row = intake_pressure.c
    query = select(intake_pressure).where(row.at > now - STALE_S).order_by(row.since)
    return [dict(each) for each in (await tx.execute(query)).mappings()]


async def notices_waiting(tx: AsyncConnection, *conditions: Any) -> int:
    """Notices that wait for a lane or for a read."""
    query = select(func.count()).select_from(t.notice).where(WAITING, *conditions)
    return int((await tx.execute(query)).scalar_one())
