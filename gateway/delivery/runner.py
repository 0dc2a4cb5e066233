"""Working one lane: claim, read, start the attempt, send, conclude. HTTP happens only between Ts and Tc."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import structlog

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.errors import Disposition, LockstepError, Retryable, StorageError, disposition
from connectors.contract.values import Item, ItemDraft, Receipt, Ref, Write, WriteKind
from gateway.core.points import reached
from gateway.delivery.breaker import Gate
from gateway.delivery.carrying import Source, carried
from gateway.delivery.observing import Owners, look, observe, read_back
from gateway.delivery.sending import concluded
from gateway.delivery.tally import Tally
from gateway.sync import store
from gateway.sync.attempts import Attempt, Conclusion, Outcome, Seen
from gateway.sync.decider import Decider
from gateway.sync.outcome import contiguous
from gateway.sync.steps import (
    GiveUp,
    Idle,
    Job,
    Look,
    Read,
    Send,
    after_read,
    claim,
    conclude,
    given_up,
    looked,
    read_failed,
)
from gateway.sync.stumble import stumbled
from gateway.sync.worker import Worker

READ_BACKS = 3
"""Tries to read back after an applied write before its outcome is left to be probed."""
STORAGE_WAIT_S = 0.5
LEASE_SHARE = 0.8
"""Of a lease, what HTTP may use up: the rest is for the commit that ends it (rule 12)."""
STOPPED = "not sent: this worker was stopped for too long before it"
CARRIED_SHARE = 0.5
"""Of the time-out of a write, what fetching its file may use up."""
MOST_REMEMBERED = 10_000
"""Attempts whose start is remembered on the monotonic clock; far more than are ever unknown at once."""

T = TypeVar("T")
log = structlog.get_logger()


class _TooSlow(Retryable):
    """A look as a whole took too long, although no single request did."""


@dataclass(slots=True)
class Runner:
    """Works the lanes of one connection. One instance serves many lanes at once."""

    connection: str
    connector: Connector
    gate: Gate
    worker: Worker
    decider: Decider
    clock: Clock
    tally: Tally = field(default_factory=Tally)
    sources: Mapping[str, Source] = field(default_factory=dict)
    """Where files come from, by connection."""
    _began: dict[str, float] = field(default_factory=dict)
    """Attempt -> monotonic time at which this process started it."""
    _looked: dict[str, float] = field(default_factory=dict)
    """Attempt of another life -> monotonic time at which this process first looked for it."""

    async def run(self, record: str, job: Job | None = None, *, on_answer: Callable[[], None] = lambda: None) -> Idle:
        """Brings a lane one write further, or settles what hinders it. Never raises for what a target does.

        `job`: what the lane was claimed for already. `on_answer`: called when the system was asked for the last time.

        What is raised is a defect, or a database that is away. The lane was let go before, if the database allowed it;
        otherwise, and if this is cancelled, its lease runs out and the sweep finds it.
        """
        try:
            return await self._drive(record, job, on_answer)
        except Exception as error:
            await self._let_go(record, error)
            raise

    async def _let_go(self, record: str, error: Exception) -> None:
        """Frees the lane as far as that is safe; while the database is away again and again, as long as its lease
        lasts.
        """
        pause_s, until = STORAGE_WAIT_S, self.clock.monotonic() + self.worker.lease_s
        while True:
            try:
                await self.decider.decide(record, lambda unit: stumbled(unit, self.connection, self.worker, error))
            except StorageError:
                if self.clock.monotonic() + pause_s >= until:
                    return
            except Exception as another:
                log.error("a lane could not be let go", record=record, exc_info=another)
                return
            else:
                return
            await asyncio.sleep(pause_s)
            pause_s *= 2

    async def _drive(self, record: str, job: Job | None, on_answer: Callable[[], None]) -> Idle:
        if job is None:
            job = await self.decider.decide(record, lambda unit: claim(unit, self.connection, self.worker))
        while True:
            match job:
                case None | Idle():
                    idle = job or Idle()
                    if not idle.deferred:
                        self.gate.released()
                        return idle
                    await self.decider.take_up(record, self.connection)
                    return Idle(more=True)
                case Read():
                    job = await self._read(record, job)
                case Send(attempt):
                    job = await self._send(record, attempt, on_answer)
                case Look():
                    job = await self._look(record, job)
                case GiveUp():
                    job = await self._give_up(record, job)

    async def _read(self, record: str, job: Read) -> Job | None:
        try:
            seen = await self._in_time(observe(self.connector, job, self.clock, self._owners(record)))
        except LockstepError as error:
            if disposition(error) is Disposition.STOP:
                raise
            failure = self._not_seen(error)
            return await self.decider.decide(
                record, lambda unit: read_failed(unit, self.connection, self.worker, job.fence, failure)
            )
        self.gate.succeeded()
        items = [(self.connection, item) for item in (seen.snapshot.items or () if seen.snapshot else ())]
        offset = self._offset()
        return await self.decider.decide(
            record,
            lambda unit: after_read(unit, self.connection, self.worker, job, seen, offset),
            items=items,
        )

    async def _in_time(self, reading: Coroutine[Any, Any, T]) -> T:
        """Everything that one look asks for, however many requests that is, ends before the lane's lease does."""
        try:
            async with asyncio.timeout(self.worker.lease_s * LEASE_SHARE):
                return await reading
        except TimeoutError as error:
            raise _TooSlow("the reads did not end in time") from error

    def _not_seen(self, error: LockstepError) -> Conclusion:
        conclusion = concluded(error, self.gate, reading=True)
        if isinstance(error, _TooSlow):
            self.gate.failed(str(error))  # after the conclusion, which counts it for the lane unless others fail too
        return conclusion

    def _owners(self, record: str) -> Owners:
        async def owners(refs: Sequence[Ref]) -> dict[str, str]:
            if not refs:
                return {}
            async with self.decider.database.read() as tx:
                found = await store.links_of(tx, {(self.connection, ref.object, ref.id) for ref in refs})
            return {key[2]: owner for key, owner in found.items() if owner != record}

        return owners

    def _offset(self) -> float:
        return float(getattr(self.connector, "clock_offset_s", 0.0) or 0.0)

    async def _send(self, record: str, attempt: Attempt, on_answer: Callable[[], None]) -> Job | None:
        self._remember(self._began, attempt.id)
        conclusion = await self._attempt(attempt)
        took_s = self.clock.monotonic() - self._began.get(attempt.id, self.clock.monotonic())
        self.tally.add(self.connection, attempt.kind, conclusion.outcome, took_s)
        on_answer()
        reached("write.before_conclusion")
        while True:
            try:
                if attempt.kind is WriteKind.CREATE and conclusion.receipt is not None:
                    conclusion.owner = await self._owner(record, conclusion.receipt.ref)
                return await self.decider.decide(
                    record,
                    lambda unit: conclude(unit, self.connection, self.worker, attempt, conclusion),
                    items=self._items(conclusion.seen),
                )
            except StorageError:
                # The outcome is known and must not be lost while this process lives; the lease guards the rest.
                await asyncio.sleep(STORAGE_WAIT_S)

    async def _owner(self, record: str, ref: Ref) -> str:
        """The other record that took the object we created, asked anew for each try: it decides how this ends."""
        return (await self._owners(record)([ref])).get(ref.id, "")

    def _remember(self, times: dict[str, float], attempt_id: str) -> None:
        times[attempt_id] = self.clock.monotonic()
        if len(times) > MOST_REMEMBERED:
            del times[next(iter(times))]

    def _waited_s(self, attempt: Attempt, seen: Seen) -> float:
        """How long the attempt has been under way for certain, by this process's own monotonic time since it started
        it, or first looked for it. A wall clock that was set forward, or another worker's, would make a look count
        too early, one set back an hour too late.
        """
        return seen.began - self._began.get(attempt.id, self._looked.get(attempt.id, seen.began))

    def _items(self, seen: Seen | None) -> list[tuple[str, Item]]:
        return [(self.connection, item) for item in (seen.items or () if seen else ())]

    async def _attempt(self, attempt: Attempt) -> Conclusion:
        """Sends one write. Whatever is not a plain answer is an unknown outcome."""
        if self._is_late(attempt):
            return Conclusion(Outcome.NOT_APPLIED, error=STOPPED)
        write = self._write(attempt)
        if attempt.item is None or attempt.item.file is None:
            return await self._sent(attempt, write)
        spool = await carried(self.sources, attempt.item, self.worker.timeout_s * CARRIED_SHARE)
        if isinstance(spool, Conclusion):
            return spool
        with spool.file:
            if self._is_late(attempt):
                return Conclusion(Outcome.NOT_APPLIED, error=STOPPED)
            return await self._sent(attempt, msgspec.structs.replace(write, content=spool.file))

    async def _sent(self, attempt: Attempt, write: Write) -> Conclusion:
        try:
            async with asyncio.timeout(self.worker.timeout_s * 1.25):
                reached("write.before_send")
                receipt = await self.connector.apply(write)
                reached("write.after_answer")
        except TimeoutError:
            self.gate.failed("no answer in time")
            return Conclusion(Outcome.UNKNOWN, error="no answer in time")
        except Exception as error:  # noqa: BLE001 - whatever a connector raises, the attempt gets an outcome
            return self._failed(attempt, error)
        self.gate.succeeded()
        return await self._applied(attempt, receipt)

    def _is_late(self, attempt: Attempt) -> bool:
        """Whether this process was stopped or starved since the attempt was made durable: another worker may be proving
        by now that it had no effect, and would send it again. A wall clock that was set back meanwhile would hide it,
        the monotonic one does not.
        """
        now = self.clock.monotonic()
        waited_s = max(self.clock.now() - attempt.started_at, now - self._began.get(attempt.id, now))
        return waited_s >= self.worker.timeout_s

    def _failed(self, attempt: Attempt, error: Exception) -> Conclusion:
        conclusion = concluded(error, self.gate)
        if not isinstance(error, LockstepError):
            log.error("connector defect", connection=self.connection, attempt=attempt.id, exc_info=error)
        return conclusion

    async def _applied(self, attempt: Attempt, receipt: Receipt) -> Conclusion:
        spec = self.connector.specs[attempt.object]
        member = self.decider.topology.by_object[(self.connection, spec.name)].members[self.connection]
        if attempt.kind is WriteKind.ITEM or contiguous(member, attempt, receipt):
            return Conclusion(Outcome.APPLIED, receipt)
        try:
            async with asyncio.timeout(self.worker.lease_s * LEASE_SHARE - self.worker.timeout_s * 1.25):
                seen, error_text = await self._read_back(attempt, receipt)
        except TimeoutError:
            seen, error_text = None, "the reads did not end in time"
        if seen is not None:
            return Conclusion(Outcome.APPLIED, receipt, seen=seen)
        # It was applied, but what came between cannot be seen now: the probe will, by history or by value.
        return Conclusion(Outcome.UNKNOWN, error=f"applied, but not read back: {error_text}")

    async def _read_back(self, attempt: Attempt, receipt: Receipt) -> tuple[Seen | None, str]:
        spec, said = self.connector.specs[attempt.object], ""
        for _ in range(READ_BACKS):
            try:
                return await read_back(self.connector, spec, attempt, receipt, self.clock), ""
            except LockstepError as error:
                said = concluded(error, self.gate, reading=True).error
        return None, said

    def _write(self, attempt: Attempt) -> Write:
        item = None
        if attempt.item is not None:
            pending = attempt.item
            item = ItemDraft(
                kind=pending.kind,
                body=pending.body,
                author=pending.author,
                at=pending.at,
                origin=pending.origin,
                origin_label=pending.label,
                file=pending.file,
            )
        return Write(
            kind=attempt.kind,
            object=attempt.object,
            operation=attempt.id,
            correlation=attempt.correlation,
            ref=attempt.ref,
            values=attempt.values,
            step=attempt.step,
            item=item,
            etag=attempt.etag,
            timeout_s=self.worker.timeout_s,
        )

    async def _look(self, record: str, job: Look) -> Job | None:
        attempt = await self._stored(job.attempt_id)
        if attempt.id not in self._looked:
            self._remember(self._looked, attempt.id)
        seen: Seen | None
        try:
            spec = self.connector.specs[attempt.object]
            seen = await self._in_time(look(self.connector, spec, attempt, job, self.clock, self._owners(record)))
            self.gate.succeeded()
        except LockstepError as error:
            if disposition(error) is Disposition.STOP:
                raise
            self._not_seen(error)
            seen = None
        if seen is not None:
            seen.waited_s = self._waited_s(attempt, seen)
        return await self.decider.decide(
            record,
            lambda unit: looked(unit, self.connection, self.worker, job, attempt, seen),
            items=self._items(seen),
        )

    async def _give_up(self, record: str, job: GiveUp) -> Job | None:
        attempt = await self._stored(job.attempt_id)
        return await self.decider.decide(
            record, lambda unit: given_up(unit, self.connection, self.worker, job, attempt)
        )

    async def _stored(self, attempt_id: str) -> Attempt:
        """The attempt as it was made durable before its first byte left."""
        async with self.decider.database.read() as tx:
            attempt = await store.load_attempt(tx, attempt_id)
        if attempt is None:
            raise RuntimeError(f"a lane holds an attempt that was never stored: {attempt_id}")
        return attempt
