"""Which lane is worked next. Hints from commits make it prompt; a sweep over the lane table makes it certain."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog
from sqlalchemy import and_, or_, select

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.delivery.breaker import Gate
from gateway.delivery.runner import Runner
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.sync.state import Lane, LaneState

BACKLOG = 5_000
"""Lanes remembered in memory per connection; all others wait in the table, so memory stays flat in a long outage."""

log = structlog.get_logger()


class Queue:
    """Lanes of one connection that are due, first come first served: a record's next write goes to the end."""

    def __init__(self, runner: Runner, concurrency: int) -> None:
        self.runner, self.concurrency = runner, concurrency
        self.due: deque[str] = deque()
        self.waiting: set[str] = set()
        self.running: set[str] = set()
        self.again: set[str] = set()

    @property
    def gate(self) -> Gate:
        return self.runner.gate

    def add(self, record: str) -> None:
        """Remembers a lane; one that is being worked is looked at again afterwards."""
        if record in self.running:
            self.again.add(record)
        elif record not in self.waiting and len(self.waiting) < BACKLOG:
            self.waiting.add(record)
            self.due.append(record)

    def next(self) -> str | None:
        """The lane to work now, if there is one, a place for it, and the gate admits it."""
        if not self.due or len(self.running) >= self.concurrency or not self.gate.admits():
            return None
        record = self.due.popleft()
        self.waiting.discard(record)
        self.running.add(record)
        return record


class Dispatcher:
    """Works all lanes of this process's connections. Several workers may run against one database."""

    def __init__(self, database: Database, clock: Clock, *, sweep_s: float = 1.0) -> None:
        self.database, self.clock, self.sweep_s = database, clock, sweep_s
        self.queues: dict[str, Queue] = {}
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._stopping = False

    def serve(self, runner: Runner, concurrency: int) -> None:
        """Adds a connection."""
        self.queues[runner.connection] = Queue(runner, concurrency)

    async def start(self) -> None:
        """Begins to work."""
        self._loops = [
            asyncio.create_task(self._work(), name="dispatcher"),
            asyncio.create_task(self._sweep(), name="lane-sweep"),
        ]

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Run until `stop`; one that ends by itself is a defect."""
        return self._loops

    async def stop(self, *, grace_s: float = 10.0) -> None:
        """Starts nothing more, lets attempts in flight conclude for `grace_s`; the rest is probed after the next
        start.
        """
        self._stopping = True
        for timer in self._timers.values():
            timer.cancel()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def hint(self, lanes: Sequence[Lane]) -> None:
        """Lanes that have work according to a transaction that just committed."""
        now = self.clock.now()
        for lane in lanes:
            queue = self.queues.get(lane.connection)
            if queue is None or (lane.owner and lane.owner != queue.runner.worker.name and lane.lease_until > now):
                continue
            if lane.next_try_at <= now:
                queue.add(lane.record)
            elif lane.next_try_at - now < self.sweep_s:
                self._later(lane, lane.next_try_at - now)
        self._wake.set()

    def _later(self, lane: Lane, delay_s: float) -> None:
        key = (lane.connection, lane.record)
        if key not in self._timers and not self._stopping:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(delay_s + 0.001, self._due, key)

    def _due(self, key: tuple[str, str]) -> None:
        self._timers.pop(key, None)
        self.queues[key[0]].add(key[1])
        self._wake.set()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for queue in self.queues.values():
                while (record := queue.next()) is not None:
                    task = asyncio.create_task(self._run(queue, record))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    async def _run(self, queue: Queue, record: str) -> None:
        try:
            await queue.runner.run(record)
        except StorageError as error:
            log.warning("lane waits for the database", record=record, error=str(error))
        except Exception as error:
            log.error("lane stopped by a defect; its lease will run out", record=record, exc_info=error)
        finally:
            queue.gate.released()
            queue.running.discard(record)
            if record in queue.again:
                queue.again.discard(record)
                queue.add(record)
            self._wake.set()

    async def _sweep(self) -> None:
        """Finds what no hint told of: retries that came due, lost leases, work of a process that died."""
        while True:
            try:
                await self._sweep_once()
            except StorageError as error:
                log.warning("lane sweep waits for the database", error=str(error))
            await asyncio.sleep(self.sweep_s)

    async def _sweep_once(self) -> None:
        for connection, queue in self.queues.items():
            if len(queue.waiting) >= BACKLOG:
                continue
            async with self.database.read() as tx:
                rows = (await tx.execute(_due_lanes(connection, self.clock.now()))).all()
            for row in rows:
                if row[0] not in queue.running:
                    queue.add(row[0])
        self._wake.set()


def _due_lanes(connection: str, now: float):  # type: ignore[no-untyped-def]
    lane = t.lane.c
    idle = and_(
        lane.work, lane.next_try_at <= now, lane.state.in_([LaneState.IDLE, LaneState.PARKED, LaneState.UNKNOWN])
    )
    lost = and_(lane.owner != "", lane.lease_until <= now, lane.state.in_([LaneState.READING, LaneState.OPEN]))
    return (
        select(lane.record)
        .where(lane.connection == connection, or_(idle, lost))
        .order_by(lane.next_try_at, lane.dirty_since)
        .limit(BACKLOG)
    )
