"""Who is meant by a name, an address or a number, as somebody types it."""

from __future__ import annotations

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config.leavers import LeaverSource
from gateway.offboarding import store
from gateway.offboarding.standing import standing_of
from gateway.offboarding.values import Person
from gateway.sync import tables as sync
from gateway.sync.state import RecordState
from gateway.sync.store import load_records
from gateway.work.leaver_errors import LeaverUnclear, LeaverUnfit
from gateway.work.workplace import Workplace

MOST = 20
PERSON = "person"


async def person_of(tx: AsyncConnection, place: Workplace, text: str, known: Person) -> tuple[Person, str]:
    """The person, with what the records here tell, and the first day where it is known. `known`: what was said besides.

    Raises LeaverUnclear where several records could be meant, and LeaverUnfit where nothing says who it is.
    """
    states = await _records(tx, place, text or known.email or known.user_name or known.employee_number)
    if len(states) > 1:
        raise LeaverUnclear(text, [each.natural or each.id for each in states])
    if states:
        person, starts = described(place, states[0])
        return _with(person, known), starts
    said = msgspec.structs.replace(known, **_guess(text, known))
    if not (said.email or said.user_name or said.employee_number):
        raise LeaverUnfit("say who it is: a user name, an e-mail address or an employee number")
    return said, ""


def _guess(text: str, known: Person) -> dict[str, str]:
    """What a text alone says of a person that nothing here knows."""
    if not text:
        return {}
    if "@" in text:
        return {"email": known.email or text, "name": known.name or text}
    kind = "employee_number" if text.isdigit() else "user_name"
    return {kind: getattr(known, kind) or text, "name": known.name or text}


def described(place: Workplace, state: RecordState) -> tuple[Person, str]:
    """What a person's record says, and the first day."""
    source = place.config.leavers.sources.get(state.flow)
    flow = place.config.flows.get(state.flow)
    fields = source.fields if source is not None else {each: each for each in (flow.type.fields if flow else ())}
    reading = LeaverSource(state.flow, None, None, (), fields)
    standing = standing_of(reading, place.config.leavers, state.values(), state.id, state.tombstoned_at)
    return standing.person, standing.starts


async def _records(tx: AsyncConnection, place: Workplace, text: str) -> list[RecordState]:
    """Records of people that go by this name, whatever it is: their natural key, or what a system calls them."""
    flows = [name for name, flow in place.config.flows.items() if flow.type.type == PERSON]
    flows = list({*flows, *place.config.leavers.sources})
    if not text or not flows:
        return []
    record, link = sync.record.c, sync.link.c
    linked = select(link.record).where(or_(link.object_key == text, link.object_id == text))
    named = or_(record.id == text, record.natural == text, record.natural == text.casefold(), record.id.in_(linked))
    query = select(record.id).where(record.flow.in_(flows), named).order_by(record.id).limit(MOST)
    ids = {id for (id,) in await tx.execute(query)}
    ids |= await _told_before(tx, text)
    return [each for _, each in sorted((await load_records(tx, sorted(ids))).items()) if each.flow in flows]


async def _told_before(tx: AsyncConnection, text: str) -> set[str]:
    """Records of people whose departure was told of by this name."""
    kinds = ("email", "user_name", "employee_number")
    numbers = await store.numbers_of(tx, [(kind, text) for kind in kinds])
    return {record for each in await store.of_person(tx, list(numbers)) for record in each.doc.person.records}


def _with(person: Person, known: Person) -> Person:
    """What was said goes before what the record tells only where the record tells nothing."""
    values = {name: getattr(person, name) or getattr(known, name) for name in Person.__struct_fields__}
    return Person(**values)
