"""Somebody who has left is let in again, by a decision with a reason: the one way in which a tombstone is lifted."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError
from dead_letter.evidence import marked
from dead_letter.store import obsolete
from dead_letter.tables import IS_OPEN, cases
from dead_letter.values import Ending
from gateway.access.rights import Principal, Right
from gateway.audit.ended import note_ended
from gateway.storage.database import loads
from gateway.sync import tables as t
from gateway.sync.batch import Batch, Decision, Topology
from gateway.sync.departed import Gone, lift
from gateway.sync.identities import Known
from gateway.sync.referee import GIVEN, HELD, SIGNS_IN
from gateway.sync.reviving import revive
from gateway.sync.unit import Unit
from gateway.work.trail import note
from gateway.work.workplace import Workplace


class NotGone(InputError):
    """Nobody of this name has left, or they were let in again already: 404."""

    status = 404

    def __init__(self, person: str) -> None:
        super().__init__(f"{person} has not left, or was let in again already", code="departure.not_found")


class Readmitted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    person: str
    case: str
    """The departure that is lifted."""
    records: tuple[str, ...]
    """Records of the person that live again, each as a new incarnation."""


async def readmit(place: Workplace, who: Principal, person: str, *, reason: str) -> Readmitted:
    """Right PEOPLE. Raises NotGone, NotAllowed, InputError (without a reason)."""
    who.require(Right.PEOPLE)
    async with place.database.begin("departed.readmit") as tx:
        return await let_in(tx, place.topology, person, by=who.name, reason=reason, now=place.now())


async def let_in(
    tx: AsyncConnection,
    topology: Topology,
    person: str,
    *,
    by: str,
    reason: str,
    now: float,
    records: Collection[str] = (),
) -> Readmitted:
    """The same inside the transaction of whoever decides it. `records`: those of the person that are known besides what
    the identities lead to.
    """
    if not reason.strip():
        raise InputError("say why the person is let in again; it stands in the audit trail", code="reason.missing")
    gone = await lift(tx, person, by=by, reason=reason, now=now)
    if gone is None:
        raise NotGone(person)
    told = {"person": person, "departure": gone.case, "left_at": gone.since, "reason": reason}
    detail = marked(told, {"person"})
    await note(tx, at=now, kind="tombstone_lifted", actor=by, detail=detail, cause=gone.case)
    lived = await _revived(tx, topology, gone, records, by, reason, now)
    await _go_on(tx, topology, gone, now)
    return Readmitted(person=person, case=gone.case, records=lived)


async def _revived(
    tx: AsyncConnection,
    topology: Topology,
    gone: Gone,
    records: Collection[str],
    by: str,
    reason: str,
    now: float,
) -> tuple[str, ...]:
    def again(unit: Unit) -> bool:
        return _is_person(unit) and revive(unit, actor=by, reason=reason)

    found = sorted({*records, *await _records_of(tx, gone)})
    decisions = [Decision(record=each, rule=again) for each in found]
    await Batch(tx, topology, now).run(decisions)
    return tuple(each.record for each in decisions if each.result)


def _is_person(unit: Unit) -> bool:
    """A membership that went with the person is not given back with them."""
    return any(SIGNS_IN & member.mapping.fields.keys() for member in unit.flow.members.values())


async def _records_of(tx: AsyncConnection, gone: Gone) -> set[str]:
    """Records that have left and that the person's identities lead to: by account, by login, by natural key."""
    link, record = t.link.c, t.record.c
    local = [each for each in gone.identities if each.connection]
    there = [
        (link.connection == each.connection)
        & ((link.object_id if each.kind is Known.ACCOUNT else link.object_key) == each.value)
        for each in local
    ]
    values = {each.value for each in gone.identities if not each.connection}
    left = select(record.id).where(record.tombstoned)
    named = left.where(or_(record.id == gone.person, record.natural.in_(values)))
    linked = select(link.record).where(or_(*there)) if there else None
    found = {row[0] for row in await tx.execute(named)}
    return found | ({row[0] for row in await tx.execute(linked)} if linked is not None else set())


async def _go_on(tx: AsyncConnection, topology: Topology, gone: Gone, now: float) -> None:
    """What waited because of the departure goes on, and what was told of it asks for nobody any more."""
    query = select(cases.c.key, cases.c.record, cases.c.cause, cases.c.evidence)
    query = query.where(cases.c.cause.in_((HELD, GIVEN)), IS_OPEN)
    mine = [row for row in await tx.execute(query) if loads(row.evidence).get("departure") == gone.case]
    waiting = sorted({row.record for row in mine if row.cause == HELD and row.record})
    await Batch(tx, topology, now).run([Decision(record=each, rule=lambda unit: True) for each in waiting])
    told = [row.key for row in mine if row.cause == GIVEN]
    ended = await obsolete(tx, told, reason="the person was let in again", now=now)
    await note_ended(tx, ended, Ending.OBSOLETE, now)
