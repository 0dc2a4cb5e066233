"""Brings together what a comparison needs: the record as stored, a read of each of its objects, the flow's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.errors import Refused
from connectors.contract.values import Change, ChangeKind, Ref, Snapshot
from dead_letter.tables import IS_OPEN, cases
from dead_letter.values import format_number
from gateway.reconcile import store
from gateway.reconcile.compare import compare
from gateway.reconcile.reading import Reader
from gateway.reconcile.values import Drift, Kind
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.sync import undecided
from gateway.sync.attempts import Seen
from gateway.sync.batch import Topology
from gateway.sync.flow import Flow
from gateway.sync.natural import natural_key
from gateway.sync.state import LinkState, RecordState
from gateway.sync.store import chunks, links_of, load_items, load_lanes, load_records, natural_records
from gateway.sync.unit import Effects, KnownItems, Unit

READS = 3
"""Tries to read a record while it is at rest."""


@dataclass(frozen=True, slots=True)
class Found:
    """A difference and the object that shows it."""

    record: str
    drift: Drift
    ref: Ref

    def row(self, run: str, numbers: Mapping[str, int]) -> dict[str, Any] | None:
        """An item; a case is named as people know it. None: a deletion whose case a person has closed is decided."""
        key, doc = self.drift.doc.get("case"), dict(self.drift.doc)
        if key is not None:
            doc["case"] = format_number(numbers[key]) if key in numbers else ""
            if self.drift.outcome == "gone" and not doc["case"]:
                return None
        drift = replace(self.drift, doc=doc)
        ref = self.ref
        return store.row_of(run, self.record, drift, object=ref.object, object_id=ref.id, object_key=ref.key)


@dataclass(slots=True)
class Comparing:
    """One comparison. Reads only."""

    topology: Topology
    database: Database
    clock: Clock
    reader: Reader
    refused: int = field(default=0)
    """Objects that may not be read."""

    async def record(self, record: str, connections: Sequence[str]) -> list[Found]:
        """What differs between a record and the objects it has in these systems.

        A read of a record that moved meanwhile proves nothing: it is made again. One that does not come to rest is on
        its way.
        """
        found: list[Found] = []
        for _ in range(READS):
            state, created_at = await self._stored(record)
            if state is None or state.flow not in self.topology.flows:
                return []
            flow = self.topology.flows[state.flow]
            seen = await self._reads(state, flow, connections, created_at)
            unit = await self._unit(state, flow, seen)
            rests = unit.state.rev == state.rev
            moves = [Drift(Kind.WAITING, connection, doc={"lane": "the record moves"}) for connection in seen]
            drifts = compare(unit, seen, self._offsets(seen)) if rests else moves
            refs = {connection: self._ref(state, flow, connection) for connection in flow.members}
            found = [Found(record, each, refs[each.connection]) for each in drifts if each.connection in connections]
            if rests:
                break
        return found

    def _offsets(self, seen: Mapping[str, Seen]) -> dict[str, float]:
        return {connection: self.reader.offset_s(connection) for connection in seen}

    async def _stored(self, record: str) -> tuple[RecordState | None, float]:
        async with self.database.read() as tx:
            state = (await load_records(tx, [record])).get(record)
            query = select(t.record.c.created_at).where(t.record.c.id == record)
            return state, float((await tx.execute(query)).scalar() or 0.0)

    def _ref(self, state: RecordState, flow: Flow, connection: str) -> Ref:
        held, object = state.members.get(connection), flow.members[connection].object
        return Ref(object=object, id=held.id if held else "", key=held.key if held else "")

    async def _reads(
        self, state: RecordState, flow: Flow, connections: Sequence[str], created_at: float
    ) -> dict[str, Seen]:
        seen: dict[str, Seen] = {}
        for connection in connections:
            member, held = flow.members[connection], state.members.get(connection)
            if held is None or held.link is not LinkState.PRIMARY or not member.spec.readable:
                continue
            since = created_at - member.spec.granularity_s - member.skew_s
            ref = self._ref(state, flow, connection)
            each = await self.reader.seen(connection, ref, rev=state.rev, items_since=since)
            if each is None:
                self.refused += 1
            else:
                seen[connection] = each
        return seen

    async def _unit(self, state: RecordState, flow: Flow, seen: Mapping[str, Seen]) -> Unit:
        """A copy of the record after the reads, as a decision would get it."""
        shown = [(connection, item) for connection, each in seen.items() for item in each.items or ()]
        async with self.database.read() as tx:
            present = (await load_records(tx, [state.id])).get(state.id, state)
            lanes = (await load_lanes(tx, [state.id])).get(state.id, {})
            origins = {item.origin or f"{connection}:{item.id}" for connection, item in shown}
            known, copies = await load_items(tx, origins, {(connection, item.id) for connection, item in shown})
        items = KnownItems(origins=set(known))
        for origin, connection, item_id in copies:
            items.copies.setdefault(origin, {})[connection] = item_id
            items.copy_ids.add((connection, item_id))
        return Unit(present, flow, lanes, Effects(), self.clock.now(), items=items)

    # An object that no record holds.

    async def stranger(self, flow_name: str, connection: str, ref: Ref) -> list[Found]:
        """What would become of it: rule 2, without taking it in."""
        try:
            shown = await self.reader.read(connection, ref, items=False)
        except Refused:
            self.refused += 1
            return []
        if not shown.exists:
            return []
        flow = self.topology.flows[flow_name]
        change = Change(
            connection=connection, delivery_key="", kind=ChangeKind.HINT, snapshot=shown, received_at=self.clock.now()
        )
        async with self.database.read() as tx:
            if await links_of(tx, {(connection, ref.object, ref.id)}):
                return []  # it was taken in meanwhile
            owner = await self._owner(tx, flow, change)
        drift = _as_known(owner, connection, shown) if owner else _as_new(flow, change)
        at = Ref(object=ref.object, id=ref.id, key=shown.key)
        return [Found(owner.id if owner else "", drift, at)] if drift else []

    async def _owner(self, tx: AsyncConnection, flow: Flow, change: Change) -> RecordState | None:
        """The record that this object would be routed to."""
        named = (change.snapshot.correlation or "").split("-", 1)[0]
        state = (await load_records(tx, [named])).get(named) if named else None
        if state is None and (key := natural_key(flow, change)):
            owner = (await natural_records(tx, {key})).get((flow.name, key))
            state = (await load_records(tx, [owner])).get(owner) if owner else None
        return state if state is not None and state.flow == flow.name else None

    async def case_numbers(self, tx: AsyncConnection, found: Sequence[Found]) -> dict[str, int]:
        """Key -> number, of the open cases that findings name."""
        keys = {str(each.drift.doc["case"]) for each in found if each.drift.doc.get("case")}
        numbers: dict[str, int] = {}
        for part in chunks(keys):
            query = select(cases.c.key, cases.c.number).where(cases.c.key.in_(part), IS_OPEN)
            numbers.update((row[0], row[1]) for row in await tx.execute(query))
        return numbers


def _as_known(owner: RecordState, connection: str, shown: Snapshot) -> Drift:
    if owner.tombstoned_at is not None:
        return Drift(Kind.REOPENED, connection, outcome="closed", doc={"correlation": shown.correlation})
    held = owner.members.get(connection)
    if held is None or held.link is LinkState.NONE:
        return Drift(Kind.NEW, connection, outcome="joins its record")
    return Drift(Kind.DUPLICATE, connection, outcome="case", doc={"other": held.key or held.id})


def _as_new(flow: Flow, change: Change) -> Drift | None:
    answer = undecided.selects(flow, change)
    if isinstance(answer, undecided.Undecided):
        return Drift(Kind.NEW, change.connection, outcome="asks a person", doc={"why": answer.reason})
    then = sorted(flow.create_in - {change.connection})
    return Drift(Kind.NEW, change.connection, outcome="taken in", doc={"then": then}) if answer else None
