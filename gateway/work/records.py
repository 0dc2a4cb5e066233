"""Records as people ask for them: by a system, a kind of object and what that system calls it. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import or_, select, true

from connectors.contract.connector import Connector
from dead_letter.store import list_cases
from dead_letter.values import CaseFilter, CaseState, CaseSummary
from gateway.access.rights import Principal, Right
from gateway.sync import tables as t
from gateway.work import looking, queries, story
from gateway.work.case_reading import in_line
from gateway.work.case_scope import narrowed, personal_of
from gateway.work.personal import seen
from gateway.work.waiting import Waiting, awaited_in_words, waiting
from gateway.work.workplace import Workplace

Facts = dict[str, Any]
ANY = "-"
"""Stands for every kind of object, for who knows only what a system calls the object."""


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a record is in step, and if not, why."""

    record: str
    objects: tuple[str, ...]
    in_step: bool
    code: str
    sentence: str
    you_can: tuple[str, ...]
    """Commands that help."""
    cases: tuple[str, ...]
    waiting: Waiting = Waiting()
    """Tasks that are made of it and not made yet, records that it names and that are not there yet."""


class StoryStep(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a record."""

    at: float
    what: str
    who: str
    field: str
    value: Any
    detail: str


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a record, oldest first."""

    record: str
    steps: tuple[StoryStep, ...]


async def show(place: Workplace, who: Principal, system: str, object: str, key: str) -> Facts | None:
    """The record with both sides, its lanes, cases and last attempts, masked. None: not known, or out of scope."""
    record = await _found(place, who, system, object, key)
    if record is None:
        return None
    shown = await queries.record_show(place.database, "record", record)
    if shown is None:
        return None
    there = await cases_of_record(place, who, record, ())
    waits = msgspec.to_builtins(await waiting(place, who, record))
    told = {**shown, **waits, "cases": [msgspec.to_builtins(each) for each in there]}
    return dict(await seen(place, who, told, record=record))


async def why(place: Workplace, who: Principal, system: str, object: str, key: str) -> Why | None:
    """One sentence with a code. None as `show`."""
    found = await _found(place, who, system, object, key)
    shown = await queries.record_show(place.database, "record", found) if found else None
    if found is None or shown is None:
        return None
    waits = msgspec.to_builtins(await waiting(place, who, found))
    waits = msgspec.convert(await seen(place, who, waits, record=found), Waiting)
    told = queries.record_why(shown, awaited_in_words(waits, queries.moment))
    there = {each.number for each in await cases_of_record(place, who, found, ())}
    outside = set(told["cases"]) - there
    you_can = [each for each in told["you_can"] if each.rpartition(" ")[2] not in outside]
    return msgspec.convert({**told, "cases": sorted(there), "you_can": you_can, "waiting": waits}, Why)


async def timeline(
    place: Workplace, who: Principal, system: str, object: str, key: str, *, limit: int
) -> Timeline | None:
    """The newest `limit` steps, masked. None as `show`."""
    found = await _found(place, who, system, object, key)
    if found is None:
        return None
    told = await story.record_history(place.database, "record", found, limit=limit)
    if told is None:
        return None
    there = {each.number for each in await cases_of_record(place, who, found, tuple(CaseState))}
    steps = [step for step in told["steps"] if _is_seen(step["what"], there)]
    return msgspec.convert(await seen(place, who, {**told, "steps": steps}, record=found), Timeline)


async def look(
    place: Workplace, who: Principal, connectors: Mapping[str, Connector], system: str, object: str, key: str
) -> Facts | None:
    """As each of its systems shows it now: reads there, writes nothing. Right WORK. None as `show`."""
    who.require(Right.WORK)
    found = await _found(place, who, system, object, key)
    if found is None:
        return None
    shown = await looking.record_look(place.database, place.topology, connectors, "record", found)
    return await seen(place, who, shown, record=found) if shown else None


async def cases_of_record(
    place: Workplace, who: Principal, record: str, states: tuple[CaseState, ...]
) -> list[CaseSummary]:
    """The record's newest cases that the reader may see, as the list shows them."""
    wanted = narrowed(place, who, CaseFilter(record=record, states=states, limit=200))
    async with place.database.read() as tx:
        page = await list_cases(tx, wanted)
    return [in_line(each, personal_of(place, each), who) for each in page.cases]


def _is_seen(what: str, numbers: Collection[str]) -> bool:
    """Whether a step is of no case, or of one of these."""
    number = what.partition(" ")[0]
    return not number.startswith("FO-") or number in numbers


async def record_of(place: Workplace, who: Principal, target: str) -> str | None:
    """The id of the record that `system/object/key` (`-` for any object) or the id itself names. None as `show`."""
    if target.count("/") >= 2:
        system, object, key = target.split("/", 2)
        return await _found(place, who, system, object, key)
    async with place.database.read() as tx:
        query = select(t.record.c.id, t.record.c.flow).where(t.record.c.id == target)
        row = (await tx.execute(query)).first()
    flow = place.config.flows.get(row.flow) if row else None
    if row is None or flow is None or not who.covers(type=flow.type.type):
        return None
    return str(row.id)


async def _found(place: Workplace, who: Principal, system: str, object: str, key: str) -> str | None:
    """The record of an object."""
    who.require(Right.SEE)
    if system not in place.config.connections or not who.covers(connection=system):
        return None
    link = t.link.c
    named = or_(link.object_key == key, link.object_id == key)
    kind = true() if object == ANY else link.object == object
    query = (
        select(link.record, t.record.c.flow)
        .join(t.record, t.record.c.id == link.record)
        .where(link.connection == system, kind, named)
    )
    async with place.database.read() as tx:
        row = (await tx.execute(query.limit(1))).first()
    flow = place.config.flows.get(row.flow) if row else None
    if row is None or flow is None or not who.covers(type=flow.type.type):
        return None
    return str(row.record)
