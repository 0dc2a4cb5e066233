"""Records as people ask for them: by a system, a kind of object and what that system calls it. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import or_, select

from connectors.contract.connector import Connector
from gateway.access.rights import Principal, Right
from gateway.sync import tables as t
from gateway.work import looking, queries, story
from gateway.work.personal import seen
from gateway.work.workplace import Workplace

Facts = dict[str, Any]


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
    return await seen(place, who, shown, record=record) if shown else None


async def why(place: Workplace, who: Principal, system: str, object: str, key: str) -> Why | None:
    """One sentence with a code. None as `show`."""
    found = await _found(place, who, system, object, key)
    told = await queries.record_why(place.database, "record", found) if found else None
    return msgspec.convert(told, Why) if told else None


async def timeline(
    place: Workplace, who: Principal, system: str, object: str, key: str, *, limit: int
) -> Timeline | None:
    """The newest `limit` steps, masked. None as `show`."""
    found = await _found(place, who, system, object, key)
    if found is None:
        return None
    told = await story.record_history(place.database, "record", found, limit=limit)
    return msgspec.convert(await seen(place, who, told, record=found), Timeline) if told else None


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


async def _found(place: Workplace, who: Principal, system: str, object: str, key: str) -> str | None:
    """The record of an object."""
    who.require(Right.SEE)
    if system not in place.config.connections or not who.covers(connection=system):
        return None
    link = t.link.c
    named = or_(link.object_key == key, link.object_id == key)
    query = (
        select(link.record, t.record.c.flow)
        .join(t.record, t.record.c.id == link.record)
        .where(link.connection == system, link.object == object, named)
    )
    async with place.database.read() as tx:
        row = (await tx.execute(query.limit(1))).first()
    flow = place.config.flows.get(row.flow) if row else None
    if row is None or flow is None or not who.covers(type=flow.type.type):
        return None
    return str(row.record)
