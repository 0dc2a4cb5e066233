"""How long each queue is, how fast it shrinks, and when it will be empty: measured now and then, written down for
people. Correctness never rests on it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping

import structlog

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.core.background import Background
from gateway.delivery.breaker import Gate
from gateway.delivery.due import Depth, depths
from gateway.delivery.pace import Pace
from gateway.delivery.queue import AWAY
from gateway.delivery.tables import queue_depth
from gateway.storage.database import Database, insert

EVERY_S = 5.0
WINDOW = 24
"""Measurements that a trend is taken from: two minutes."""
WORTH = 1 / 20
"""Counting takes no more than this share of a worker's time, however long the queue is."""

log = structlog.get_logger()


class Trend:
    """The speed at which one queue shrinks, new changes and other workers included, from how long it was.

    What happened before the first measurement after a start says little about the rest: the system was away for a part
    of it, a pace lets through at once what its bucket holds, and nothing is in the caches. So that one is left out.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self._starts = True

    def saw(self, at: float, writes: int) -> None:
        """`at`: monotonic seconds."""
        if self._starts:
            self._starts = False
        else:
            self._seen.append((at, writes))

    def forget(self) -> None:
        """What was measured says nothing about what comes: the system is away, or nothing waits."""
        self._seen.clear()
        self._starts = True

    def per_s(self) -> float | None:
        """Writes per second by which the queue shrinks; None while it does not, or nobody can tell."""
        if len(self._seen) < 2:
            return None
        (began, most), (ended, left) = self._seen[0], self._seen[-1]
        return (most - left) / (ended - began) if ended > began and left < most else None

    def done_s(self) -> float | None:
        """Seconds until the queue is empty, if it goes on like this."""
        speed = self.per_s()
        return None if speed is None else self._seen[-1][1] / speed


class Meter(Background):
    """Measures the queues of one worker's connections. Several workers measure the same: the last one stands."""

    def __init__(
        self, database: Database, clock: Clock, gates: Mapping[str, Gate], paces: Mapping[str, Pace] | None = None
    ) -> None:
        self.database, self.clock, self.gates, self.paces = database, clock, gates, paces or {}
        self._trends = {name: Trend() for name in gates}
        self._written: dict[str, int] = {}

    async def start(self) -> None:
        """Begins to measure."""
        self._keep("meter", self._loop())

    def used(self) -> dict[str, float]:
        """Connection -> share of its budget that is used up now, of those that have one. Of this worker."""
        return {name: share for name, pace in self.paces.items() if (share := pace.used()) is not None}

    async def _loop(self) -> None:
        while True:
            began = self.clock.monotonic()
            try:
                await self.once()
            except StorageError as error:
                log.warning("the queues are not measured while the database is away", error=str(error))
            await asyncio.sleep(max(EVERY_S, (self.clock.monotonic() - began) / WORTH))

    async def once(self) -> None:
        """One measurement of every queue. Nothing is written about a queue that stays empty."""
        async with self.database.read() as tx:
            found = {depth.connection: depth for depth in await depths(tx)}
        at = self.clock.monotonic()
        rows = [row for name in self.gates if (row := self.row(name, found.get(name), at)) is not None]
        if rows:
            async with self.database.begin("queue") as tx:
                statement = insert(tx, queue_depth)
                values = {name: statement.excluded[name] for name in ("at", "lanes", "writes", "per_s", "done_s")}
                await tx.execute(statement.on_conflict_do_update(index_elements=["connection"], set_=values), rows)
            self._written.update({str(row["connection"]): int(str(row["writes"])) for row in rows})

    def row(self, name: str, depth: Depth | None, at: float) -> dict[str, object] | None:
        """What is told of a queue that was that long at `at` (monotonic); None: nothing new."""
        trend, writes = self._trends[name], depth.writes if depth else 0
        if self.gates[name].state in AWAY or not writes:  # waiting because it asks for that is part of the speed
            trend.forget()
        else:
            trend.saw(at, writes)
        if not writes and not self._written.get(name, 1):
            return None
        done_s = self._done_s(name, trend, writes)
        return {
            "connection": name,
            "at": self.clock.now(),
            "lanes": depth.lanes if depth else 0,
            "writes": writes,
            "per_s": writes / done_s if done_s else None,
            "done_s": done_s,
        }

    def _done_s(self, name: str, trend: Trend, writes: int) -> float | None:
        """By the trend, unless the system's own limit says that it will not go on like that."""
        done_s = trend.done_s()
        if done_s is None or name not in self.paces:
            return done_s
        least_s, stretched = self.paces[name].least_s(writes)
        return least_s if stretched else max(done_s, least_s)
