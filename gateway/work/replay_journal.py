"""Replays from the journal: which notices a wish means, and what observing their objects anew would change.

A notice is never taken at its word a second time: it says which object to look at. The lane reads that object and
absorbs what it shows under the mapping of today, so receipts, versions and tombstones hold as for a fresh notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import MappingError
from connectors.contract.values import Change
from gateway.sync import tables as t
from gateway.sync import undecided
from gateway.sync.batch import Topology
from gateway.sync.departed import mark_of
from gateway.sync.flow import Flow
from gateway.sync.plan import wants
from gateway.sync.recheck import differs
from gateway.sync.referee import keep_out
from gateway.sync.state import Lane, LinkState
from gateway.sync.store import chunks, load_lanes, load_records
from gateway.sync.unit import Effects, Unit
from gateway.work.replay_through import foresee_through, reads
from mappings.compiler import CompiledMapping
from replay.values import Action, Diff, Foreseen, Scope, Wish

OBSERVE = "observe"
"""The decision that has an object read anew."""

_change = msgspec.json.Decoder(Change).decode


async def notices_of(tx: AsyncConnection, topology: Topology, wish: Wish, scope: Scope) -> list[tuple[str, str | None]]:
    """(notice, record) for each object that the wish means: its newest notice, oldest object first."""
    places = {place for place, flow in topology.by_object.items() if _means(wish, scope, place[0], flow.name)}
    if wish.through:
        places = {place for place in places if reads(topology, wish.through, place)}
    row = t.notice.c
    each, last = (row.connection, row.object, row.object_id), (row.received_at.desc(), row.id.desc())
    newest = func.row_number().over(partition_by=each, order_by=last).label("newest")
    query = select(row.id, row.record, row.connection, row.object, row.received_at, newest).where(row.state == "done")
    if wish.since is not None:
        query = query.where(row.received_at >= wish.since)
    if wish.until is not None:
        query = query.where(row.received_at <= wish.until)
    if wish.connection:
        query = query.where(row.connection == wish.connection)
    if wish.record:
        query = query.where(row.record == wish.record)
    inner = query.subquery()
    rows = await tx.execute(select(inner).where(inner.c.newest == 1).order_by(inner.c.received_at, inner.c.id))
    return [(each.id, each.record) for each in rows if (each.connection, each.object) in places]


def _means(wish: Wish, scope: Scope, connection: str, flow: str) -> bool:
    return scope.covers(connection, flow) and wish.connection in ("", connection) and wish.flow in ("", flow)


async def foresee_notices(
    tx: AsyncConnection,
    topology: Topology,
    ids: Sequence[str],
    gates: Mapping[str, str],
    now: float,
    *,
    through: CompiledMapping | None = None,
) -> list[Foreseen]:
    """What is foreseen of each; a notice that is not kept any more is left out. `through`: read by that."""
    rows: dict[str, Any] = {}
    for part in chunks(ids):
        query = select(t.notice.c.id, t.notice.c.record, t.notice.c.payload).where(t.notice.c.id.in_(part))
        rows.update((row.id, row) for row in await tx.execute(query))
    records = {row.record for row in rows.values() if row.record}
    states, lanes = await load_records(tx, records), await load_lanes(tx, records)
    departed = await topology.departed.as_of(tx, await mark_of(tx))
    found = []
    for id in ids:
        if id not in rows:
            continue
        change, flow = _change(rows[id].payload), None
        flow = topology.by_object.get((change.connection, change.snapshot.object))
        answer = Answer(id, change, flow.name if flow else "", rows[id].record or "")
        state = states.get(rows[id].record or "")
        if change.connection in gates:
            found.append(answer.of(Action.BLOCKED, f"{change.connection} {gates[change.connection]}"))
        elif flow is None:
            found.append(answer.of(Action.SUPERSEDED, "no flow holds such objects any more"))
        elif state is None or state.flow != flow.name:
            unheld = "no record holds it; take it in first, by the mapping in use"
            found.append(answer.of(Action.SUPERSEDED, unheld) if through else _unknown(answer, flow, change))
        else:
            answer.revision = state.rev
            # Copies of one record share this state: what one folds in, the next finds done.
            unit = Unit(state, flow, lanes.get(state.id, {}), Effects(), now, departed=departed)
            unit.assignments = topology.assignments
            keep_out(unit)
            found.append(foresee_through(answer, unit, change, through) if through else _known(answer, unit, change))
    return found


class Answer:
    """What all answers about one notice have in common."""

    def __init__(self, id: str, change: Change, flow: str, record: str) -> None:
        self.id, self.change, self.flow, self.record, self.revision = id, change, flow, record, 0

    def of(
        self, action: Action, reason: str, *, diffs: Sequence[Diff] = (), calls: int = 0, decision: str = OBSERVE
    ) -> Foreseen:
        change = self.change
        sends = action in (Action.UPDATE, Action.CREATE, Action.PROVE, Action.TRANSITION)
        return Foreseen(
            subject=self.id,
            action=action,
            decision=decision if sends else "",
            reason=reason,
            record=self.record,
            flow=self.flow,
            connection=change.connection,
            object=change.snapshot.object,
            object_key=change.snapshot.key or change.snapshot.id,
            diffs=tuple(diffs),
            calls=calls,
            revision=self.revision,
        )


def _unknown(answer: Answer, flow: Flow, change: Change) -> Foreseen:
    """An object that no record holds: would the flow's filter take it now?"""
    if not change.snapshot.exists:
        return answer.of(Action.SUPERSEDED, "the object was deleted")
    taken = undecided.selects(flow, change)
    if isinstance(taken, undecided.Undecided):
        return answer.of(Action.BLOCKED, taken.reason)
    if not taken:
        return answer.of(Action.NO_OP, "the flow's filter leaves this object out")
    return answer.of(Action.CREATE, "the flow would take it in now: a record begins", calls=1 + len(flow.members))


def _known(answer: Answer, unit: Unit, change: Change) -> Foreseen:
    connection, held = change.connection, unit.held(change.connection)
    if unit.state.tombstoned_at is not None:
        return answer.of(Action.BLOCKED, "the record has left; nothing re-opens its objects")
    if held.link is not LinkState.PRIMARY or held.id != change.snapshot.id:
        return answer.of(Action.SUPERSEDED, "the record's object here is gone, or another one")
    if not change.snapshot.raw:
        return answer.of(Action.PROVE, "the notice only names the object: it is read to see", calls=1)
    lane: Lane = unit.lane(connection)
    if lane.dirty or lane.read_wanted:
        return answer.of(Action.NO_OP, "its lane reads it anyway")
    news = _news(unit, change)
    if not news:
        return answer.of(Action.NO_OP, "the record has all that it shows")
    mapping, diffs = unit.member(connection).mapping, []
    for name, ext in news.items():
        try:
            value = mapping.from_ext(name, ext)
        except MappingError as error:
            return answer.of(Action.BLOCKED, str(error))
        before = unit.state.fields[name].now.value if name in unit.state.fields else None
        diffs.append(Diff(field=name, got=before, wanted=value, by=connection, at=change.snapshot.updated_at or 0.0))
        unit.shadow(connection, name).carried = unit.decide(name, value, connection, (unit.now, unit.now))
    writes = sum(bool(wants(unit, other, None)) for other in unit.flow.members if other != connection)
    return answer.of(Action.UPDATE, "", diffs=diffs, calls=1 + writes)


def _news(unit: Unit, change: Change) -> dict[str, Any]:
    """Fields of the notice that we do not know so: of one older than what was seen, only those never known at all."""
    connection, held, snapshot = change.connection, unit.held(change.connection), change.snapshot
    newest = snapshot.updated_at or change.received_at
    old = held.updated > newest or (held.seen is not None and (snapshot.version or 0) < held.seen)
    shown = unit.member(connection).mapping.read(snapshot.raw)
    found = {}
    for name, ext in shown.items():
        shadow = held.shadow.get(name)
        known = shadow is not None and shadow.known
        if differs(unit, connection, name, ext) and not (old and known):
            found[name] = ext
    return found
