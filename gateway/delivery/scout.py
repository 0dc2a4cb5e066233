"""Objects that are not known yet and of which a notice says too little: read once, then routed by what the read
shows.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy import select

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.errors import LockstepError, Refused, StorageError
from connectors.contract.values import Change, ChangeKind, Ref, Snapshot
from gateway.delivery.breaker import Gate
from gateway.delivery.sending import concluded
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.sync.decider import Decider

LOOK_AGAIN_S = 2.0
MOST = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Unknown:
    """An object that only hints tell of."""

    connection: str
    object: str
    id: str


class Scout:
    """Reads unknown objects. Two workers may read the same one: routing is decided once, in the database."""

    def __init__(
        self,
        database: Database,
        decider: Decider,
        connectors: Mapping[str, Connector],
        gates: Mapping[str, Gate],
        clock: Clock,
    ) -> None:
        self.database, self.decider, self.clock = database, decider, clock
        self.connectors, self.gates = connectors, gates
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to look."""
        self._task = asyncio.create_task(self._loop(), name="scout")

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Runs until `stop`; one that ends by itself is a defect."""
        return [self._task] if self._task else []

    async def stop(self) -> None:
        """Ends at once: nothing is lost, the hints still stand."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _loop(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self.decider.unrouted.wait()
            self.decider.unrouted.clear()
            try:
                await self.once()
            except StorageError as error:
                log.warning("scout waits for the database", error=str(error))

    async def once(self) -> int:
        """Reads what is unknown now; returns how many objects were routed."""
        unknown = await self._unknown()
        results = await asyncio.gather(*(self._one(what) for what in unknown))
        return sum(results)

    async def _unknown(self) -> list[Unknown]:
        notice = t.notice.c
        query = (
            select(notice.connection, notice.object, notice.object_id)
            .where(notice.state == "hint", notice.record.is_(None), notice.connection.in_(list(self.connectors)))
            .distinct()
            .limit(MOST)
        )
        async with self.database.read() as tx:
            return [Unknown(*row) for row in await tx.execute(query)]

    async def _one(self, what: Unknown) -> bool:
        gate, connector = self.gates[what.connection], self.connectors[what.connection]
        if not gate.admits():
            return False
        ref = Ref(object=what.object, id=what.id)
        try:
            snapshot = await connector.read(ref, items=connector.specs[what.object].items)
            gate.succeeded()
        except Refused as error:
            gate.succeeded()
            log.warning("unknown object refused to be read", connection=what.connection, id=what.id, error=str(error))
            snapshot = Snapshot(object=what.object, id=what.id, exists=False)
        except LockstepError as error:
            concluded(error, gate, reading=True)
            return False
        finally:
            gate.released()
        await self.decider.discover(self._change(what, snapshot))
        return True

    def _change(self, what: Unknown, snapshot: Snapshot) -> Change:
        now = self.clock.now()
        return Change(
            connection=what.connection,
            delivery_key=f"discovery:{what.object}:{what.id}:{now}",
            kind=ChangeKind.SNAPSHOT,
            snapshot=snapshot,
            received_at=now,
            via="discovery",
        )
