"""What each worker has found its systems to take at once, written down for people, who ask another process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from gateway.budget.adapting import Adaptive
from gateway.budget.tables import budget_limit
from gateway.storage.database import insert

TELL_S = 5.0
"""A limit that moves is written down no more often."""
AGAIN_S = 60.0
"""One that stands still is written down again after this."""
STALE_S = 2.5 * AGAIN_S
"""An older row is of a worker that died."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker has found."""

    worker: str
    at_once: int
    """Requests that it lets be in flight now."""
    most: int
    """The same at most, by the configuration (`concurrency`)."""
    in_flight: int
    usual_s: float
    """How long an answer takes while all is well; 0: none came yet."""
    gave_way_at: float | None
    """When there was a sign of overload last; null: there was none."""
    gave_way_to: str
    """What it was: a status, `slowness`, or `no answer`."""
    told_at: float


class Finder:
    """Of one worker: which limits are due to be written down."""

    def __init__(self, clock: Clock, worker: str) -> None:
        self._clock, self._worker = clock, worker
        self._told: dict[str, tuple[float, int, float | None]] = {}
        """Connection -> when on the monotonic clock, and what was told."""

    def news(self, limits: Mapping[str, tuple[Adaptive, int]]) -> dict[str, Found]:
        """By connection, of those that were ever used: the limit, with the requests in flight."""
        return {name: self._found(each, busy) for name, (each, busy) in limits.items() if self._due(name, each)}

    def _due(self, name: str, known: Adaptive) -> bool:
        if not known.usual_s and known.gave_way is None:
            return False  # no answer came yet
        if name not in self._told:
            return True
        at, limit, gave_way_at = self._told[name]
        since_s = self._clock.monotonic() - at
        moved = (limit, gave_way_at) != (known.limit, _gave_way_at(known))
        return since_s >= (TELL_S if moved else AGAIN_S)

    def _found(self, known: Adaptive, in_flight: int) -> Found:
        now, last = self._clock.now(), known.gave_way
        return Found(
            worker=self._worker,
            at_once=known.limit,
            most=known.most,
            in_flight=in_flight,
            usual_s=known.usual_s,
            gave_way_at=now - (self._clock.monotonic() - last.at) if last else None,
            gave_way_to=last.to if last else "",
            told_at=now,
        )

    def wrote(self, limits: Mapping[str, tuple[Adaptive, int]], names: Mapping[str, Found]) -> None:
        """They are written down."""
        now = self._clock.monotonic()
        for name in names:
            known = limits[name][0]
            self._told[name] = (now, names[name].at_once, _gave_way_at(known))


def _gave_way_at(known: Adaptive) -> float | None:
    return None if known.gave_way is None else known.gave_way.at


async def write(tx: AsyncConnection, news: Mapping[str, Found]) -> None:
    """Replaces what the worker wrote of these connections; rows of workers that died go."""
    for name, each in news.items():
        values: dict[str, Any] = msgspec.structs.asdict(each)
        statement = insert(tx, budget_limit).values(connection=name, **values)
        await tx.execute(statement.on_conflict_do_update(index_elements=["connection", "worker"], set_=values))
    oldest = min(each.told_at for each in news.values()) - STALE_S
    await tx.execute(delete(budget_limit).where(budget_limit.c.told_at < oldest))


async def forget(tx: AsyncConnection, worker: str) -> None:
    """It has stopped."""
    await tx.execute(delete(budget_limit).where(budget_limit.c.worker == worker))


async def found(tx: AsyncConnection, now: float) -> dict[str, list[Found]]:
    """By connection, what the workers that run have found."""
    row = budget_limit.c
    rows: dict[str, list[Found]] = {}
    query = select(budget_limit).where(row.told_at > now - STALE_S).order_by(row.connection, row.worker)
    for each in (await tx.execute(query)).mappings():
        fields = dict(each)
        rows.setdefault(fields.pop("connection"), []).append(Found(**fields))
    return rows
