"""Pinning what a wish means now: the list is stored, so a plan is about these items and no others."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.picking import open_numbers, picked
from replay.errors import BadWish, NothingSelected
from replay.ids import short_id
from replay.ports import Foresight
from replay.tables import selections
from replay.values import Person, Scope, Selection, Source, Wish


async def select_items(
    tx: AsyncConnection, wish: Wish, scope: Scope, by: Person, foresight: Foresight, now: float
) -> Selection:
    """Stores what is found. Raises NothingSelected, BadWish."""
    if wish.since is not None and wish.until is not None and wish.since > wish.until:
        raise BadWish("the time range ends before it begins")
    found = await _found(tx, wish, scope, foresight)
    if not found:
        raise NothingSelected
    made = Selection(id=short_id("rs"), wish=wish, items=tuple(found), at=now, by=by.name)
    await _add(tx, made)
    return made


async def narrowed(tx: AsyncConnection, before: Selection, items: Sequence[str], by: Person) -> Selection:
    """A selection of a part of another, pinned at the same time as that one."""
    made = msgspec.structs.replace(before, id=short_id("rs"), items=tuple(items), by=by.name)
    await _add(tx, made)
    return made


async def _add(tx: AsyncConnection, made: Selection) -> None:
    row = {
        "id": made.id,
        "wish": msgspec.json.encode(made.wish).decode(),
        "items": msgspec.json.encode(made.items).decode(),
        "count": made.count,
        "at": made.at,
        "by_name": made.by,
    }
    await tx.execute(insert(selections).values(row))


async def _found(tx: AsyncConnection, wish: Wish, scope: Scope, foresight: Foresight) -> list[str]:
    if wish.source is Source.JOURNAL:
        if wish.numbers or wish.cause or wish.group or wish.text:
            raise BadWish("the journal is selected by time, connection, flow and record, not by what cases have")
        return await foresight.journal(tx, wish, scope)
    if wish.numbers:
        named = await picked(tx, wish.numbers)
        there = [case for case in named if case.closed_at is None and scope.covers(case.connection, case.flow)]
        pairs = [(case.number, case.record) for case in there if _fits(wish, case.first_seen)]
    else:
        pairs = await open_numbers(
            tx,
            connections=scope.connections,
            flows=scope.flows,
            text=wish.text,
            since=wish.since,
            until=wish.until,
            cause=wish.cause,
            group_key=wish.group,
            flow=wish.flow,
            connection=wish.connection,
            record=wish.record,
        )
    if wish.person or wish.mapping:
        records = await foresight.among(tx, wish, {record for _, record in pairs if record})
        pairs = [(number, record) for number, record in pairs if record in records]
    return [number for number, _ in pairs]


def _fits(wish: Wish, at: float) -> bool:
    return (wish.since is None or at >= wish.since) and (wish.until is None or at <= wish.until)


async def load_selection(tx: AsyncConnection, id: str) -> Selection | None:
    """A selection as it was pinned."""
    row = (await tx.execute(select(selections).where(selections.c.id == id))).one_or_none()
    if row is None:
        return None
    return Selection(
        id=row.id,
        wish=msgspec.json.decode(row.wish, type=Wish),
        items=tuple(msgspec.json.decode(row.items, type=list[str])),
        at=row.at,
        by=row.by_name,
    )


async def came_later(tx: AsyncConnection, selection: Selection, scope: Scope) -> int:
    """Open cases that the same wish would find and that are newer than the selection; they are not in it."""
    wish = selection.wish
    if wish.source is not Source.CASES or wish.numbers:
        return 0
    newer = await open_numbers(
        tx,
        connections=scope.connections,
        flows=scope.flows,
        text=wish.text,
        since=max(selection.at, wish.since or 0.0),
        until=wish.until,
        cause=wish.cause,
        group_key=wish.group,
        flow=wish.flow,
        connection=wish.connection,
        record=wish.record,
    )
    known = set(selection.items)
    return sum(1 for number, _ in newer if number not in known)
