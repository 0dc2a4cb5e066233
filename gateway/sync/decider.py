"""The one way into the database for the sync core: decisions are gathered and committed together (group commit).

While one transaction runs, the next decisions gather; there is no timer. Decisions of one record keep their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from connectors.contract.values import Change, Item
from dead_letter import store as cases
from dead_letter.evidence import Redactor
from dead_letter.values import CaseClass, Ending, NewCase
from gateway.audit.ended import note_back, note_ended
from gateway.core.ids import new_id
from gateway.storage.database import Database, dumps
from gateway.sync import store
from gateway.sync.batch import Batch, Decision, Rule, Topology
from gateway.sync.bounds import storable
from gateway.sync.cache import Cache
from gateway.sync.onlooking import NobodyLooks, Onlooker
from gateway.sync.starting import Nobody, Starter
from gateway.sync.state import Lane
from gateway.sync.undecided import filter_key
from gateway.sync.unit import Arrival, Unit

T = TypeVar("T")
RACES = 3
"""Times a transaction that lost against another worker's unique key is run again before it counts as a defect."""
MOST = 256
"""Decisions per transaction: bounds how long others wait for the writer."""

_NOBODY = Nobody()

log = structlog.get_logger()


class Decider:
    """Commits decisions. Every method returns after its decision is durable, or raises StorageError with nothing
    done.
    """

    def __init__(
        self,
        database: Database,
        topology: Topology,
        clock: Clock,
        on_work: Callable[[Sequence[Lane]], None] = lambda lanes: None,
        *,
        redactor: Redactor | None = None,
    ) -> None:
        self.database, self.topology, self.clock = database, topology, clock
        self.on_work = on_work
        self.starter: Starter = Nobody()
        """Who may begin a lane in the very transaction that makes it due."""
        self.onlooker: Onlooker = NobodyLooks()
        self.cache = Cache()
        self.stages = topology.stages()
        self.redactor = redactor or Redactor()
        self.unrouted = asyncio.Event()
        """Set when a notice waits for an object that is not known yet."""
        self._queue: list[tuple[Decision, asyncio.Future[Any]]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Begins committing."""
        self._task = asyncio.create_task(self._loop(), name="decider")

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Runs until `stop`; one that ends by itself is a defect."""
        return [self._task] if self._task else []

    async def stop(self) -> None:
        """Commits what is queued, then ends."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def accept(self, changes: Sequence[Change]) -> list[Arrival]:
        """Tb for changes from the stream, in order. Repeats of a delivery key end as duplicates (disposition empty)."""
        arrivals = [Arrival(new_id("n", at=self.clock.now()), change) for change in changes]
        return list(await self._submit([Decision(arrival=arrival) for arrival in arrivals]))

    async def discover(self, change: Change) -> None:
        """An unlinked object that was read because of hints."""
        found = Arrival(new_id("n", at=self.clock.now()), change)
        await self._submit([Decision(found=found)])

    async def decide(
        self, record: str, rule: Callable[[Unit], T], *, items: Sequence[tuple[str, Item]] = ()
    ) -> T | None:
        """Applies a rule to a record. None: there is no such record. `items`: comments the rule will look at."""
        wrapped = _Rule(rule, items)
        return (await self._submit([Decision(record=record, rule=wrapped)]))[0]  # type: ignore[no-any-return]

    async def take_up(self, record: str, connection: str) -> None:
        """Looks again at the notices that waited for this lane."""
        await self._submit([Decision(record=record, connection=connection)])

    async def _submit(self, decisions: Sequence[Decision]) -> list[Any]:
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in decisions]
        self._queue.extend(zip(decisions, futures, strict=True))
        self._wake.set()
        results = await asyncio.gather(*futures, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results

    async def _loop(self) -> None:
        while not self._stopping or self._queue:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch, self._queue = self._queue[:MOST], self._queue[MOST:]
                await self._commit(batch)

    async def _commit(
        self, entries: list[tuple[Decision, asyncio.Future[Any]]], starter: Starter | None = None
    ) -> None:
        try:
            lanes = await self._raced([decision for decision, _ in entries], starter or self.starter)
        except StorageError as error:
            _fail(entries, error)
        except asyncio.CancelledError:
            _fail(entries, asyncio.CancelledError())
            raise
        except Exception as error:  # noqa: BLE001 - one faulty decision must not stop the others
            if starter is None:
                # A lane that was to begin with it may be at fault: the decisions come first, the lane in its own turn.
                await self._commit(entries, _NOBODY)
            else:
                await self._isolate(entries, error)
        else:
            for decision, future in entries:
                if not future.done():
                    future.set_result(decision.result)
            if lanes:
                self._tell(lanes)

    def _tell(self, lanes: Sequence[Lane]) -> None:
        """Hints only make delivery prompt; the sweep finds what a failing listener missed."""
        try:
            self.on_work(lanes)
        except Exception as error:
            log.error("nobody was told of new work", exc_info=error)

    async def _raced(self, decisions: Sequence[Decision], starter: Starter) -> list[Lane]:
        """Another worker may link the same object at the same moment: then everything is looked at afresh."""
        for _ in range(RACES):
            try:
                return await self._transaction(decisions, starter)
            except IntegrityError:
                continue
        return await self._transaction(decisions, starter)

    async def _transaction(self, decisions: Sequence[Decision], starter: Starter) -> list[Lane]:
        batch = None
        try:
            async with self.database.begin("decision") as tx:
                batch = Batch(tx, self.topology, self.clock.now(), self.cache, self.redactor, starter=starter)
                batch.stages = self.stages
                await batch.run(decisions)
                await self.onlooker.decided(tx, [unit.state for unit in batch.units.values()], batch.now)
        except BaseException:
            if batch is not None:
                batch.forget()
            raise
        batch.keep()
        if any(arrival.state == "hint" and arrival.record is None for arrival in batch.settled):
            self.unrouted.set()
        return batch.lanes_with_work()

    async def _isolate(self, entries: list[tuple[Decision, asyncio.Future[Any]]], error: Exception) -> None:
        """A defect in one decision must not stop the others: each is tried alone, the faulty notice becomes a case."""
        if len(entries) > 1:
            for entry in entries:
                await self._commit([entry], _NOBODY)
            return
        decision, future = entries[0]
        log.error("decision failed", error=repr(error), record=decision.record, exc_info=error)
        if decision.arrival is None and decision.found is None:
            _fail(entries, error)
            return
        try:
            if decision.arrival is not None:
                await self._poison(decision.arrival, error)
            elif decision.found is not None:
                await self._poison_hints(decision.found, error)
        except (StorageError, IntegrityError) as failure:
            _fail(entries, failure if isinstance(failure, StorageError) else StorageError("another worker has it too"))
        except Exception as failure:  # noqa: BLE001 - this loop must live, or everybody waits for ever
            _fail(entries, failure)
        else:
            if not future.done():
                future.set_result(decision.arrival)

    async def _poison(self, arrival: Arrival, error: Exception) -> None:
        arrival.change = storable(arrival.change)
        async with self.database.begin("poison") as tx:
            if not await store.unseen(tx, [arrival]):
                return
            arrival.record = None
            arrival.end("case", "our own code could not process it")
            await store.insert_notices(tx, [arrival])
            await self._open(tx, [_poison_case(arrival.change, arrival, error)])

    async def _poison_hints(self, found: Arrival, error: Exception) -> None:
        """What a read shows cannot be processed: the notices that it was to answer wait for a person, not for ever."""
        change = storable(found.change)
        async with self.database.begin("poison") as tx:
            hints = await store.end_hints(tx, change, "case", "our own code could not process what a read showed")
            await self._open(tx, [_poison_case(change, hint, error) for hint in hints])
            flow = self.topology.by_object.get((change.connection, change.snapshot.object))
            if flow is not None:
                why = "reading the object again met a defect of ours, which has a case of its own"
                ended = await cases.obsolete(tx, [filter_key(flow, change)], reason=why, now=self.clock.now())
                await note_ended(tx, ended, Ending.OBSOLETE, self.clock.now())

    async def _open(self, tx: AsyncConnection, new: Sequence[NewCase]) -> None:
        now = self.clock.now()
        known = await cases.open_cases(tx, new, now=now, redactor=self.redactor)
        await note_back(tx, known.values(), now)


def _poison_case(change: Change, notice: Arrival, error: Exception) -> NewCase:
    """The case of a notice; `change` is what was being processed."""
    snapshot = change.snapshot
    return NewCase(
        key=f"poison:{notice.change.connection}:{notice.change.delivery_key}",
        cls=CaseClass.POISON,
        cause="notice.poison",
        title=f"a change of {snapshot.key or snapshot.id} could not be processed; this is a defect of ours",
        connection=change.connection,
        object=snapshot.object,
        object_id=snapshot.id,
        object_key=snapshot.key,
        evidence=_evidence(notice, error),
    )


class _Rule:
    """A rule with the comments it will look at, so that they are loaded with the record."""

    __slots__ = ("items", "rule")

    def __init__(self, rule: Rule, items: Sequence[tuple[str, Item]]) -> None:
        self.rule, self.items = rule, items

    def __call__(self, unit: Unit) -> Any:
        return self.rule(unit)


def _fail(entries: list[tuple[Decision, asyncio.Future[Any]]], error: BaseException) -> None:
    for _, future in entries:
        if not future.done():
            if isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)


def _evidence(arrival: Arrival, error: BaseException) -> dict[str, Any]:
    """Evidence of a notice that our own code could not process."""
    return {
        "notice": arrival.id,
        "error": f"{type(error).__name__}: {error}",
        "change": dumps(arrival.change.delivery_key),
    }
