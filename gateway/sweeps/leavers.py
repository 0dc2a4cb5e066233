"""Records that have left, looked for by their correlation key: a create that landed late would give access back
(SYNC.md rule 21, W9). What is found goes in as a notice; the tombstone sees to it that the lane closes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.values import Change, ChangeKind, Ref, Snapshot
from gateway.storage.database import Database
from gateway.streams.port import Stream
from gateway.sweeps.book import Cursor, Round
from gateway.sweeps.notices import tell
from gateway.sweeps.sweeper import Step, count
from gateway.sync import tables as t
from gateway.sync.batch import Topology
from gateway.sync.departure import SEEN_TO
from gateway.sync.state import RecordState
from gateway.sync.store import load_records

PAGE = 100

log = structlog.get_logger()


@dataclass(slots=True)
class LeaverSweep:
    """Looks, for `for_s` after each departure, where a create of ours was ever started."""

    connection: str
    connector: Connector
    topology: Topology
    stream: Stream
    database: Database
    clock: Clock
    every_s: float
    for_s: float
    name: str = "leavers"

    async def step(self, round: Round, cursor: Cursor) -> Step:
        """One look-up, for the next record that may have an object created late."""
        cursor = {"after": ""} | cursor
        states = await self._page(cursor["after"], round.started_at - self.for_s)
        for state in states:
            cursor["after"] = state.id
            if self._may_have_one(state, round.started_at):
                await self._look(state, cursor)
                return Step(cursor)
        if len(states) == PAGE:
            return Step(cursor)
        return Step({"counts": cursor.get("counts", {})}, done=True)

    async def _page(self, after: str, since: float) -> list[RecordState]:
        record = t.record.c
        flows = [flow.name for flow in self.topology.flows.values() if self.connection in flow.members]
        query = (
            select(record.id)
            .where(record.tombstoned, record.updated_at >= since, record.id > after, record.flow.in_(flows))
            .order_by(record.id)
            .limit(PAGE)
        )
        async with self.database.read() as tx:
            ids = [row[0] for row in await tx.execute(query)]
            states = await load_records(tx, ids)
        return [states[each] for each in ids if each in states]

    def _may_have_one(self, state: RecordState, started_at: float) -> bool:
        held, left = state.members.get(self.connection), state.tombstoned_at
        spec = self.topology.flows[state.flow].members[self.connection].spec
        return bool(spec.marker and held and held.creates and left is not None and left >= started_at - self.for_s)

    async def _look(self, state: RecordState, cursor: Cursor) -> None:
        object = self.topology.flows[state.flow].members[self.connection].object
        found = await self.connector.find(object, state.correlation)
        async with self.database.read() as tx:
            done = await _seen_to(tx, self.connection, object, found)
        late = [ref for ref in found if ref.id not in done]
        count(cursor, "looked")
        count(cursor, "late", len(late))
        if late:
            keys = [ref.key or ref.id for ref in late]
            log.warning("objects of a record that has left", connection=self.connection, record=state.id, found=keys)
        await tell(self.stream, [self._notice(state, object, ref) for ref in late])

    def _notice(self, state: RecordState, object: str, ref: Ref) -> Change:
        snapshot = Snapshot(object=object, id=ref.id, key=ref.key, partial=True, correlation=state.correlation)
        now = self.clock.now()
        return Change(
            connection=self.connection,
            delivery_key=f"sweep:{object}:{ref.id}:late:{now:.3f}",
            # Not a hint: it has to wait while the lane is busy with the object before.
            kind=ChangeKind.SNAPSHOT,
            snapshot=snapshot,
            received_at=now,
            via="sweep",
        )


async def _seen_to(tx: AsyncConnection, connection: str, object: str, refs: Sequence[Ref]) -> set[str]:
    """Those that the record's lane has closed, is closing, or knows to be gone."""
    link = t.link.c
    query = select(link.object_id).where(
        link.connection == connection,
        link.object == object,
        link.object_id.in_([ref.id for ref in refs]),
        link.state.in_(SEEN_TO),
    )
    return {row[0] for row in await tx.execute(query)}
