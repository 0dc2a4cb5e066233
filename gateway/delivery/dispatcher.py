"""Which lane is worked next. Hints from commits make it prompt; a sweep over the lane table makes it certain."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from connectors.contract.limits import purpose
from gateway.budget.admission import Budget
from gateway.delivery.due import due_lanes, leaving_lanes, replayed, urgent_lanes
from gateway.delivery.pace import Pace
from gateway.delivery.queue import BACKLOG, PROMPT, REFILL, Queue, Turn
from gateway.delivery.runner import Runner
from gateway.storage.database import Database
from gateway.sync.state import Lane
from gateway.sync.steps import Job
from gateway.sync.worker import Worker

COMMITTING_S = 0.01
LATER_S = 60.0
"""A lane that waits no longer comes back by itself; one that waits longer is found in the table."""

log = structlog.get_logger()


class Dispatcher:
    """Works all lanes of this process's connections. Several workers may run against one database."""

    def __init__(self, database: Database, clock: Clock, *, sweep_s: float = 1.0) -> None:
        self.database, self.clock, self.sweep_s = database, clock, sweep_s
        self.queues: dict[str, Queue] = {}
        self._wake, self._refill = asyncio.Event(), asyncio.Event()
        self._beyond: dict[str, bool] = {}
        """Connections of which the last sweep left due lanes in the table."""
        self._paced: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._stopping = False

    def serve(self, runner: Runner, concurrency: int, per_s: float | None = None, budget: Budget | None = None) -> None:
        """Adds a connection. `per_s`: requests per second that this worker may send to it; `budget`: of all workers."""
        if budget is None:
            pace = Pace(self.clock, per_s, runner.connector)
        else:
            pace = Pace(self.clock, per_s, budget.knowing(runner.connector), budget.wait_s)
        self.queues[runner.connection] = Queue(runner, concurrency, pace)

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
        for timer in (*self._timers.values(), *([self._paced] if self._paced else [])):
            timer.cancel()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._concluded(grace_s)
        late = list(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _concluded(self, grace_s: float) -> None:
        now = asyncio.get_running_loop().time
        ending = now() + grace_s
        while any(queue.running for queue in self.queues.values()) and (left := ending - now()) > 0:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=left)
            else:
                # A place without a task belongs to a transaction under way, which begins it or gives it back.
                await asyncio.sleep(COMMITTING_S)

    def hint(self, lanes: Sequence[Lane]) -> None:
        """Lanes that have work according to a transaction that just committed."""
        now = self.clock.now()
        for lane in lanes:
            queue = self.queues.get(lane.connection)
            if queue is None or (lane.owner and lane.owner != queue.runner.worker.name and lane.lease_until > now):
                continue
            if lane.next_try_at <= now:
                queue.add(lane.record, Turn.LEAVER if lane.leaves else queue.turn(lane, now))
            elif lane.next_try_at - now < LATER_S:
                self._later(lane, lane.next_try_at - now)
        self._wake.set()

    def reserve(self, lane: Lane, now: float) -> Worker | None:
        """A place for a lane that becomes due in the transaction under way, if one is free and nobody waits for it."""
        queue = self.queues.get(lane.connection)
        if queue is None or self._stopping or lane.next_try_at > now:
            return None
        if not queue.take(lane.record, Turn.LEAVER if lane.leaves else Turn.FRESH):
            return None
        return queue.runner.worker

    def began(self, lane: Lane, job: Job) -> None:
        """The lane's job is durable and its place is taken: works it."""
        self._begin(self.queues[lane.connection], lane.record, job)

    def dropped(self, lane: Lane) -> None:
        """The transaction began nothing after all."""
        self.queues[lane.connection].leave(lane.record)
        self._wake.set()

    def _later(self, lane: Lane, delay_s: float) -> None:
        key = (lane.connection, lane.record)
        if key not in self._timers and len(self._timers) < BACKLOG and not self._stopping:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(delay_s + 0.001, self._due, key)

    def _due(self, key: tuple[str, str]) -> None:
        self._timers.pop(key, None)
        self.queues[key[0]].add(key[1], Turn.FRESH)  # it was in work a moment ago
        self._wake.set()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for queue in self.queues.values():
                while (record := queue.next()) is not None:
                    self._begin(queue, record)
                if queue.backlog < REFILL and self._beyond.get(queue.runner.connection):
                    self._refill.set()
            self._wake_paced(min((wait for queue in self.queues.values() if (wait := queue.wait_s()) > 0), default=0.0))

    def _wake_paced(self, wait_s: float) -> None:
        if self._paced is not None:
            self._paced.cancel()
            self._paced = None
        if wait_s > 0 and not self._stopping:
            self._paced = asyncio.get_running_loop().call_later(wait_s, self._wake.set)

    def _answered(self, queue: Queue, record: str) -> None:
        queue.answered(record)
        if queue.waiting:
            self._wake.set()

    def _begin(self, queue: Queue, record: str, job: Job | None = None) -> None:
        task = asyncio.create_task(self._run(queue, record, job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, queue: Queue, record: str, job: Job | None) -> None:
        purpose.set(queue.purpose(record))  # of this lane's task
        try:
            await queue.runner.run(record, job, on_answer=partial(self._answered, queue, record))
        except StorageError as error:
            log.warning("lane waits for the database", record=record, error=str(error))
        except Exception as error:
            log.error("lane stopped by a defect; its lease will run out", record=record, exc_info=error)
        finally:
            queue.gate.released()
            queue.leave(record)
            self._wake.set()

    async def _sweep(self) -> None:
        """Finds what no hint told of: retries that came due, lost leases, work of a process that died."""
        while True:
            try:
                await self._sweep_once()
            except StorageError as error:
                log.warning("lane sweep waits for the database", error=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.sweep_s):
                    await self._refill.wait()

    async def _sweep_once(self) -> None:
        self._refill.clear()
        for queue in self.queues.values():
            async with self.database.read() as tx:
                await self._urgent(tx, queue)
                if queue.backlog < REFILL:
                    await self._fill(tx, queue)
        self._wake.set()

    async def _urgent(self, tx: AsyncConnection, queue: Queue) -> None:
        worker, settles_s = queue.runner.worker, queue.settles_s
        for lane in await urgent_lanes(tx, queue.runner.connection, self.clock.now(), worker, settles_s, PROMPT):
            if lane.record not in queue.running:
                queue.add(lane.record, Turn.LOOK)
        for lane in await leaving_lanes(tx, queue.runner.connection, self.clock.now(), PROMPT):
            if lane.record not in queue.running:
                queue.add(lane.record, Turn.LEAVER)

    async def _fill(self, tx: AsyncConnection, queue: Queue) -> None:
        """Takes up the head of the table. What waits in memory or is worked already stands there, too."""
        connection, now = queue.runner.connection, self.clock.now()
        most = BACKLOG + len(queue.waiting) + len(queue.running)
        found = await due_lanes(tx, connection, now, most)
        self._beyond[connection] = len(found) >= most
        queue.replayed |= await replayed(tx, [lane.record for lane in found])
        for lane in found:
            if lane.record not in queue.running:
                queue.add(lane.record, queue.turn(lane, now))
