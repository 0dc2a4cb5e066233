"""A connection has another credential: what the old one held up goes on at once, not when its pause is over."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy import select

from connectors.contract.errors import StorageError
from gateway.delivery.breaker import Gate
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.sync.decider import Decider
from gateway.sync.unit import Unit

HELD = "credentials"
"""`wait_reason` of a lane that tried and was not let in; see `gateway.delivery.sending`."""
MOST = 1_000

log = structlog.get_logger()


class Renewed:
    """Of one connection. Only the lanes that tried have a pause of their own; all others are due."""

    def __init__(self, connection: str, gate: Gate, database: Database, decider: Decider) -> None:
        self.connection, self.gate, self.database, self.decider = connection, gate, database, decider
        self._waking: asyncio.Task[None] | None = None

    def tell(self) -> None:
        """Never waits. What cannot be woken now comes by itself after its pause."""
        self.gate.renewed()
        if self._waking is None or self._waking.done():
            self._waking = asyncio.create_task(self._wake(), name="renewed")

    async def _wake(self) -> None:
        lane = t.lane.c
        held = (lane.connection == self.connection, lane.wait_reason == HELD, lane.owner == "")
        try:
            async with self.database.read() as tx:
                records = list((await tx.execute(select(lane.record).where(*held).limit(MOST))).scalars())
            for record in records:
                await self.decider.decide(record, self._due)
        except StorageError as error:
            log.warning("lanes wait for their pause to be over", connection=self.connection, error=str(error))

    def _due(self, unit: Unit) -> None:
        lane = unit.lane(self.connection)
        if lane.wait_reason == HELD and not lane.owner:
            lane.next_try_at = 0.0
