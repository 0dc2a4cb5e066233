"""Replays of the journal with a stored mapping version, older or newer than the one in use: what it would read of each
notice. What may count at all is `gateway.sync.reread`'s to say, for the plan as for the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.values import Change
from gateway.access.rights import Principal
from gateway.sync import tables as t
from gateway.sync.batch import Batch, Decision, Topology
from gateway.sync.plan import wants
from gateway.sync.reread import reread, take_in
from gateway.sync.unit import Unit
from gateway.versions.reading import compiled, version_of
from gateway.work.mapping_versions import find
from gateway.work.workplace import Workplace
from mappings.compiler import CompiledMapping
from replay.errors import BadWish
from replay.tables import plans, runs, selections
from replay.values import Action, Diff, Ended, Foreseen, Outcome, Source, Wish

if TYPE_CHECKING:
    from gateway.work.replay_journal import Answer

THROUGH = "through"
"""The decision that has a notice understood by the selection's mapping version."""

_change = msgspec.json.Decoder(Change).decode


async def pinned(place: Workplace, who: Principal, wish: Wish) -> Wish:
    """The wish with its mapping version named by its digest: what is pinned is a text, whatever its number. Raises
    UnknownVersion (it names those that there are), BadWish.
    """
    if not wish.through:
        return wish
    if wish.source is not Source.JOURNAL:
        raise BadWish("a mapping version reads what came in: replay the journal with it; cases are sent as they are")
    async with place.database.read() as tx:
        version = await find(tx, place, who, wish.through)
    compiled(version)
    here = [
        f"{flow.name}/{name}"
        for flow in place.topology.flows.values()
        for name, member in flow.members.items()
        if member.mapping.name == version.name and wish.connection in ("", name) and wish.flow in ("", flow.name)
    ]
    if not here:
        raise BadWish(f"{version.name} is not in use there, so nothing came in that it could read")
    return msgspec.structs.replace(wish, through=f"{version.name}@{version.version}:{version.digest}")


async def mapping_of(tx: AsyncConnection, through: str) -> CompiledMapping:
    """The pinned version, compiled once."""
    return compiled(await version_of(tx, through))


def pin_of(through: str) -> str:
    """As other pins of mappings are written."""
    ref, _, digest = through.partition(":")
    return f"{ref} {digest[:12]}"


def reads(topology: Topology, through: str, place: tuple[str, str]) -> bool:
    """Whether the version is one of those that objects of this place are read through."""
    flow = topology.by_object.get(place)
    return flow is not None and flow.members[place[0]].mapping.name == through.partition("@")[0]


def foresee_through(answer: Answer, unit: Unit, change: Change, mapping: CompiledMapping) -> Foreseen:
    """What understanding the notice anew would change. `unit` is a copy that is thrown away."""
    found, connection = reread(unit, change, mapping), change.connection
    if found.blocked:
        return answer.of(Action.BLOCKED, found.blocked)
    if found.over:
        return answer.of(Action.SUPERSEDED, found.over)
    if not found.moves:
        refused = next(iter(found.refused.values()), "")
        return answer.of(Action.BLOCKED, refused) if refused else answer.of(Action.NO_OP, "the record has all of it")
    at = change.snapshot.updated_at or change.received_at
    diffs = [_diff(unit, name, value, connection, at) for name, value in found.moves.items()]
    take_in(unit, change, mapping, notice=answer.id, actor="replay", run="")
    others = [other for other in unit.flow.members if other != connection]
    writes = [want for other in others for want in wants(unit, other, None)]
    action = Action.TRANSITION if any(each.stepped for each in writes) else Action.UPDATE
    calls = sum(bool(wants(unit, other, None)) for other in others)
    skipped = f"without {', '.join(sorted(found.refused))}" if found.refused else ""
    return answer.of(action, skipped, diffs=diffs, calls=calls, decision=THROUGH)


def _diff(unit: Unit, name: str, value: object, connection: str, at: float) -> Diff:
    known = unit.state.fields.get(name)
    return Diff(field=name, got=known.now.value if known else None, wanted=value, by=connection, at=at)


async def understand(
    tx: AsyncConnection, topology: Topology, run: str, actor: str, planned: Foreseen, now: float
) -> Ended | None:
    """Takes one notice in by the version that the run's plan pinned, inside `tx`."""
    row = (await tx.execute(select(t.notice.c.payload).where(t.notice.c.id == planned.subject))).one_or_none()
    if row is None:
        return Ended(outcome=Outcome.SKIPPED, reason="the notice is not kept any more")
    mapping = await mapping_of(tx, await through_of(tx, run))
    change = _change(row.payload)

    def take(unit: Unit) -> bool:
        return take_in(unit, change, mapping, notice=planned.subject, actor=actor, run=run)

    decision = Decision(record=planned.record, rule=take)
    await Batch(tx, topology, now).run([decision])
    return None if decision.result else Ended(outcome=Outcome.UNCHANGED, reason="the record has all of it")


async def through_of(tx: AsyncConnection, run: str) -> str:
    """The version that a run reads by; empty: the one in use."""
    query = select(selections.c.wish).join(plans, plans.c.selection == selections.c.id)
    row = (await tx.execute(query.join(runs, runs.c.plan == plans.c.id).where(runs.c.id == run))).one_or_none()
    return "" if row is None else msgspec.json.decode(row.wish, type=Wish).through
