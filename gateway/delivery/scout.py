"""Objects that are not known yet and of which a notice says too little: read once, then routed by what the read
shows.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy import and_, delete, func, or_, select

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.errors import LockstepError, Refused, StorageError
from connectors.contract.values import Change, ChangeKind, Ref, Snapshot
from gateway.core.background import Background
from gateway.delivery.breaker import Gate, GateState
from gateway.delivery.sending import concluded
from gateway.delivery.tables import scouting
from gateway.storage.database import Database, insert
from gateway.sync import tables as t
from gateway.sync.backoff import curve
from gateway.sync.bounds import readable
from gateway.sync.decider import Decider

LOOK_AGAIN_S = 2.0
MOST = 200
"""Objects of one connection in one round."""
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 3600.0
"""Waits for an object that could not be read though its system is well, doubled with each try."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Unknown:
    """An object that only hints tell of."""

    connection: str
    object: str
    id: str
    tries: int = 0
    """Failed reads that were this object's own."""
    tried: bool = False


class Scout(Background):
    """Reads unknown objects, of each connection those that have waited longest since they were tried or told of. Two
    workers may read the same one: routing is decided once, in the database.
    """

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

    async def start(self) -> None:
        """Begins to look."""
        self._keep("scout", self._loop())

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
        """Reads what is unknown and due now; returns how many objects were routed."""
        unknown = [what for connection in self.connectors for what in await self._unknown(connection)]
        results = await asyncio.gather(*(self._one(what) for what in unknown))
        return sum(results)

    async def _unknown(self, connection: str) -> list[Unknown]:
        """The longest waiting first; where the system is in trouble, only the one that its gate may let through."""
        gate, now = self.gates[connection], self.clock.now()
        most = MOST if gate.state is GateState.CLOSED else 1
        notice, tried = t.notice.c, scouting.c
        same = and_(
            tried.connection == notice.connection,
            tried.object == notice.object,
            tried.object_id == notice.object_id,
        )
        since = func.min(func.coalesce(tried.tried_at, notice.received_at))
        query = (
            select(notice.object, notice.object_id, func.max(tried.tries))
            .select_from(t.notice.outerjoin(scouting, same))
            .where(
                t.WAITING,
                notice.state == "hint",
                notice.record.is_(None),
                notice.connection == connection,
                or_(tried.next_at.is_(None), tried.next_at <= now),
                notice.object.not_in(self._resting(connection)),
            )
            .group_by(notice.object, notice.object_id)
            .order_by(since, notice.object_id)
            .limit(most)
        )
        async with self.database.read() as tx:
            rows = (await tx.execute(query)).all()
        return [Unknown(connection, row[0], row[1], row[2] or 0, row[2] is not None) for row in rows]

    def _resting(self, connection: str) -> list[str]:
        """Kinds of objects that nothing is asked about now, because their flow is disabled. Their notices wait."""
        stages, found = self.decider.stages, self.decider.topology.by_object
        return [each for (name, each), flow in found.items() if name == connection and stages.of(flow.name).rests]

    async def _one(self, what: Unknown) -> bool:
        gate, connector = self.gates[what.connection], self.connectors[what.connection]
        if not gate.admits():
            return False
        ref = Ref(object=what.object, id=what.id)
        try:
            snapshot = readable(await connector.read(ref, items=connector.specs[what.object].items))
            gate.succeeded()
        except Refused as error:
            gate.succeeded()
            log.warning("unknown object refused to be read", connection=what.connection, id=what.id, error=str(error))
            snapshot = Snapshot(object=what.object, id=what.id, exists=False)
        except LockstepError as error:
            await self._not_read(what, own=concluded(error, gate, reading=True).counts)
            return False
        except Exception as error:
            log.error("connector defect", connection=what.connection, id=what.id, exc_info=error)
            await self._not_read(what, own=True)
            return False
        finally:
            gate.released()
        await self.decider.discover(self._change(what, snapshot))
        if what.tried:
            await self._read_at_last(what)
        return True

    async def _not_read(self, what: Unknown, *, own: bool) -> None:
        """Goes to the end of the queue; `own`: the failure was this object's alone, so it also waits."""
        now, tries = self.clock.now(), what.tries + own
        wait_s = curve(tries, base_s=FIRST_WAIT_S, cap_s=LONGEST_WAIT_S) if own else 0.0
        key = {"connection": what.connection, "object": what.object, "object_id": what.id}
        values = {"tries": tries, "tried_at": now, "next_at": now + wait_s}
        async with self.database.begin("scout.missed") as tx:
            statement = insert(tx, scouting).values(**key, **values)
            await tx.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))

    async def _read_at_last(self, what: Unknown) -> None:
        row = scouting.c
        async with self.database.begin("scout.found") as tx:
            await tx.execute(
                delete(scouting).where(
                    row.connection == what.connection, row.object == what.object, row.object_id == what.id
                )
            )

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


async def forget_tries(database: Database, *, now: float) -> None:
    """Drops what is remembered of objects that have not been tried for long: something else made them known."""
    async with database.begin("scout.forget") as tx:
        await tx.execute(delete(scouting).where(scouting.c.tried_at < now - 2 * LONGEST_WAIT_S))
