"""Finding a record by what people call it, and where the page of a record is. Reads only."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import or_, select

from gateway.access.rights import Principal, Right
from gateway.sync import tables as t
from gateway.work.workplace import Workplace

MOST = 20


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One object of a record: enough for a link to the record's page."""

    record: str
    flow: str
    system: str
    object: str
    key: str
    """What people call it, else its id."""
    state: str
    """Of the link: primary, duplicate, gone or closed."""


async def find(place: Workplace, who: Principal, text: str) -> list[Place]:
    """All objects of records of which one is called so, or has this id; at most `MOST`. Of a link the last part counts.

    Only what the reader may see. Right SEE.
    """
    who.require(Right.SEE)
    name = text.strip().rstrip("/").rpartition("/")[2].partition("?")[0] if "://" in text else text.strip()
    if not name:
        return []
    link = t.link.c
    named = [or_(link.object_key == each, link.object_id == each) for each in {name, name.upper()}]
    records = select(link.record).where(or_(*named, link.record == name)).limit(MOST)
    return await _places(place, who, link.record.in_(records))


async def of_record(place: Workplace, who: Principal, record: str) -> Place | None:
    """The first object of a record that the reader may see; None: there is none."""
    who.require(Right.SEE)
    found = await _places(place, who, t.link.c.record == record)
    return next(iter(found), None)


async def lately(place: Workplace, who: Principal) -> list[Place]:
    """Records that changed last. Right SEE."""
    who.require(Right.SEE)
    newest = select(t.record.c.id).order_by(t.record.c.id.desc()).limit(MOST)
    return await _places(place, who, t.link.c.record.in_(newest))


async def _places(place: Workplace, who: Principal, condition: Any) -> list[Place]:
    link = t.link.c
    seen = [name for name in place.config.connections if who.covers(connection=name)]
    query = (
        select(t.link, t.record.c.flow)
        .join(t.record, t.record.c.id == link.record)
        .where(condition, link.connection.in_(seen))
        .order_by(link.record.desc(), link.connection)
        .limit(MOST * 3)
    )
    async with place.database.read() as tx:
        rows = (await tx.execute(query)).all()
    found: dict[tuple[str, str], Place] = {}
    for row in rows:
        flow = place.config.flows.get(row.flow)
        if flow is not None and who.covers(type=flow.type.type):
            found.setdefault((row.record, row.connection), _place(row))
    return list(found.values())[:MOST]


def _place(row: Any) -> Place:
    key = row.object_key or row.object_id
    return Place(
        record=row.record,
        flow=row.flow,
        system=row.connection,
        object=row.object,
        key=key,
        state=row.state,
    )
