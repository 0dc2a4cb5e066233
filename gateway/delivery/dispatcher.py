"""Which lane is worked next. Hints from commits make it prompt; a sweep over the lane table makes it certain."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial

import structlog
from sqlalchemy import and_, or_, select

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.delivery.breaker import Gate, GateState
from gateway.delivery.runner import Runner
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.sync.state import Lane, LaneState
from gateway.sync.steps import Job
from gateway.sync.worker import Worker

BACKLOG = 5_000
"""Lanes remembered in memory per connection; all others wait in the table, so memory stays flat in a long outage."""

CONCLUDING = 4
"""Times `concurrency`: lanes in work altogether. An outcome that is being recorded keeps no other request waiting."""
COMMITTING_S = 0.01

log = structlog.get_logger()


class Queue:
    """Lanes of one connection that are due, first come first served: a record's next write goes to the end."""

    def __init__(self, runner: Runner, concurrency: int) -> None:
        self.runner, self.concurrency = runner, concurrency
        self.due: deque[str] = deque()
        self.waiting: set[str] = set()
        self.running: set[str] = set()
        """Lanes being worked; a lane is worked once at a time."""
        self.placed: set[str] = set()
        """Of these, the ones that ask the system something, or are about to: at most `concurrency`."""
        self.again: set[str] = set()

    @property
    def settles_s(self) -> float:
        """The longest settling time of the connection's objects."""
        flows = self.runner.decider.topology.flows.values()
        members = [member for flow in flows for member in flow.members.values()]
        return max((each.settles_s for each in members if each.connection == self.runner.connection), default=0.0)

    @property
    def gate(self) -> Gate:
        return self.runner.gate

    @property
    def has_place(self) -> bool:
        """Whether one more lane may begin."""
        return len(self.placed) < self.concurrency and len(self.running) < self.concurrency * CONCLUDING

    def add(self, record: str) -> None:
        """Remembers a lane; one that is being worked is looked at again afterwards."""
        if record in self.running:
            self.again.add(record)
        elif record not in self.waiting and len(self.waiting) < BACKLOG:
            self.waiting.add(record)
            self.due.append(record)

    def next(self) -> str | None:
        """The lane to work now, if there is one, a place for it, and the gate admits it."""
        if not self.due or not self.has_place or not self.gate.admits():
            return None
        record = self.due.popleft()
        self.waiting.discard(record)
        self.running.add(record)
        self.placed.add(record)
        return record

    def take(self, record: str) -> bool:
        """Takes a place for a lane that is not in the queue, if nobody who waits would be passed over by it."""
        free = not self.due and self.has_place and self.gate.state is GateState.CLOSED
        if not free or record in self.running:
            return False
        self.running.add(record)
        self.placed.add(record)
        return True

    def leave(self, record: str) -> None:
        """The lane is not worked any more; if somebody asked for it meanwhile, it is looked at again."""
        self.placed.discard(record)
        self.running.discard(record)
        if record in self.again:
            self.again.discard(record)
            self.add(record)


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
                queue.add(lane.record)
            elif lane.next_try_at - now < self.sweep_s:
                self._later(lane, lane.next_try_at - now)
        self._wake.set()

    def reserve(self, lane: Lane, now: float) -> Worker | None:
        """A place for a lane that becomes due in the transaction under way, if one is free and nobody waits for it."""
        queue = self.queues.get(lane.connection)
        if queue is None or self._stopping or lane.next_try_at > now or not queue.take(lane.record):
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
                    self._begin(queue, record)

    def _answered(self, queue: Queue, record: str) -> None:
        queue.placed.discard(record)
        if queue.due:
            self._wake.set()

    def _begin(self, queue: Queue, record: str, job: Job | None = None) -> None:
        task = asyncio.create_task(self._run(queue, record, job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, queue: Queue, record: str, job: Job | None) -> None:
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
            await asyncio.sleep(self.sweep_s)

    async def _sweep_once(self) -> None:
        for connection, queue in self.queues.items():
            if len(queue.waiting) >= BACKLOG:
                continue
            due = _due_lanes(connection, self.clock.now(), queue.runner.worker, queue.settles_s)
            async with self.database.read() as tx:
                rows = (await tx.execute(due)).all()
            for row in rows:
                if row[0] not in queue.running:
                    queue.add(row[0])
        self._wake.set()


def _due_lanes(connection: str, now: float, worker: Worker, settles_s: float):  # type: ignore[no-untyped-def]
    """Lanes that are due, or lost by their holder. Each range stands for itself, so that its index is used."""
    lane = t.lane.c
    free = lane.state.in_([LaneState.IDLE, LaneState.PARKED, LaneState.UNKNOWN])
    held = lane.state.in_([LaneState.READING, LaneState.OPEN])
    far, long = now + worker.longest_wait_s(settles_s), now + worker.longest_lease_s
    idle = or_(and_(lane.work, lane.next_try_at <= now, free), and_(lane.work, lane.next_try_at > far, free))
    past = and_(lane.owner != "", lane.lease_until <= now, held)
    lost = or_(past, and_(lane.owner != "", lane.lease_until > long, held))
    return (
        select(lane.record)
        .where(lane.connection == connection, or_(idle, lost))
        .order_by(lane.next_try_at, lane.dirty_since)
        .limit(BACKLOG)
    )
