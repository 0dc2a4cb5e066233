"""Working one lane: claim, read, start the attempt, send, conclude. HTTP happens only between Ts and Tc."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.errors import Disposition, LockstepError, StorageError, disposition
from connectors.contract.values import Item, ItemDraft, Receipt, Write, WriteKind
from gateway.delivery.breaker import Gate
from gateway.delivery.observing import look, observe, read_back
from gateway.delivery.sending import concluded
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
    Worker,
    after_read,
    claim,
    conclude,
    given_up,
    looked,
    read_failed,
)

READ_BACKS = 3
"""Tries to read back after an applied write before its outcome is left to be probed."""
STORAGE_WAIT_S = 0.5

log = structlog.get_logger()


@dataclass(slots=True)
class Runner:
    """Works the lanes of one connection. One instance serves many lanes at once."""

    connection: str
    connector: Connector
    gate: Gate
    worker: Worker
    decider: Decider
    clock: Clock

    async def run(self, record: str) -> Idle:
        """Brings a lane one write further, or settles what hinders it. Never raises for what a target does."""
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
                    job = await self._send(record, attempt)
                case Look():
                    job = await self._look(record, job)
                case GiveUp():
                    job = await self._give_up(record, job)

    async def _read(self, record: str, job: Read) -> Job | None:
        try:
            seen = await observe(self.connector, job, self.clock)
        except LockstepError as error:
            if disposition(error) is Disposition.STOP:
                raise
            failure = concluded(error, self.gate, reading=True)
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

    def _offset(self) -> float:
        return float(getattr(self.connector, "clock_offset_s", 0.0) or 0.0)

    async def _send(self, record: str, attempt: Attempt) -> Job | None:
        conclusion = await self._attempt(attempt)
        while True:
            try:
                return await self.decider.decide(
                    record,
                    lambda unit: conclude(unit, self.connection, self.worker, attempt, conclusion),
                    items=self._items(conclusion.seen),
                )
            except StorageError:
                # The outcome is known and must not be lost while this process lives; the lease guards the rest.
                await asyncio.sleep(STORAGE_WAIT_S)

    def _items(self, seen: Seen | None) -> list[tuple[str, Item]]:
        return [(self.connection, item) for item in (seen.items or () if seen else ())]

    async def _attempt(self, attempt: Attempt) -> Conclusion:
        """Sends one write. Whatever is not a plain answer is an unknown outcome."""
        write = self._write(attempt)
        try:
            async with asyncio.timeout(self.worker.timeout_s * 1.25):
                receipt = await self.connector.apply(write)
        except TimeoutError:
            self.gate.failed("no answer in time")
            return Conclusion(Outcome.UNKNOWN, error="no answer in time")
        except Exception as error:  # noqa: BLE001 - whatever a connector raises, the attempt gets an outcome
            return self._failed(attempt, error)
        self.gate.succeeded()
        return await self._applied(attempt, receipt)

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
        error_text = ""
        for _ in range(READ_BACKS):
            try:
                return Conclusion(
                    Outcome.APPLIED, receipt, await read_back(self.connector, spec, attempt, receipt, self.clock)
                )
            except LockstepError as error:
                error_text = concluded(error, self.gate, reading=True).error
        # It was applied, but what came between cannot be seen now: the probe will, by history or by value.
        return Conclusion(Outcome.UNKNOWN, error=f"applied, but not read back: {error_text}")

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
        seen: Seen | None
        try:
            seen = await look(self.connector, self.connector.specs[attempt.object], attempt, job, self.clock)
            self.gate.succeeded()
        except LockstepError as error:
            concluded(error, self.gate, reading=True)
            seen = None
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
