"""Legal holds: what is held is not forgotten and not erased, however old it is, until a person releases it."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.core.digits import number_in
from gateway.keeping.tables import HOLDS, legal_hold

PREFIX = "LH-"


class Kind(StrEnum):
    """What a hold is over."""

    CASE = "case"
    RECORD = "record"
    FLOW = "flow"
    ALL = "all"


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """One hold, as it stands."""

    number: str
    kind: Kind
    target: str
    label: str
    reason: str
    set_by: str
    set_at: float
    ends_at: float | None
    """When somebody wants to look at it again. A hold never ends by itself."""
    released_by: str
    released_at: float | None
    release_reason: str


def held(*, case: Any = None, record: Any = None, flow: Any = None) -> ColumnElement[bool]:
    """Whether any hold is over a row that has these columns; the number of a case as the database has it."""
    hold = legal_hold.c
    over = [hold.kind == Kind.ALL]
    for kind, column in ((Kind.RECORD, record), (Kind.FLOW, flow)):
        if column is not None:
            over.append(and_(hold.kind == kind, hold.target == column))
    if case is not None:
        over.append(and_(hold.kind == Kind.CASE, hold.target == case))
    return exists(select(hold.number).where(HOLDS, or_(*over)))


async def add(tx: AsyncConnection, hold: Hold) -> str:
    """Puts it in force; gives its number. Two at once: one of them fails as any two that take one key."""
    last = (await tx.execute(select(func.coalesce(func.max(legal_hold.c.number), 0)))).scalar_one()
    row = msgspec.to_builtins(hold) | {"number": last + 1}
    await tx.execute(insert(legal_hold).values(**row))
    return f"{PREFIX}{last + 1}"


async def release(tx: AsyncConnection, number: str, *, by: str, reason: str, now: float) -> bool:
    """Ends a hold. False: it is not there, or was released before."""
    ended = {"released_by": by, "released_at": now, "release_reason": reason}
    chosen = (legal_hold.c.number == _plain(number), HOLDS)
    return bool((await tx.execute(update(legal_hold).where(*chosen).values(**ended))).rowcount)


async def find(tx: AsyncConnection, number: str) -> Hold | None:
    """One of them."""
    found = (await tx.execute(select(legal_hold).where(legal_hold.c.number == _plain(number)))).mappings().first()
    return _hold(found) if found else None


async def every(tx: AsyncConnection, *, released: bool = False) -> list[Hold]:
    """All that are in force, or all that ever were, newest first."""
    query = select(legal_hold).order_by(legal_hold.c.number.desc())
    rows = (await tx.execute(query if released else query.where(HOLDS))).mappings()
    return [_hold(row) for row in rows]


async def over(tx: AsyncConnection, records: Collection[str], flows: Collection[str]) -> list[Hold]:
    """Those in force over any of these records, by themselves, with their flow, or with everything; oldest first."""
    hold = legal_hold.c
    reach = or_(
        hold.kind == Kind.ALL,
        and_(hold.kind == Kind.RECORD, hold.target.in_(records)),
        and_(hold.kind == Kind.FLOW, hold.target.in_(flows)),
    )
    rows = (await tx.execute(select(legal_hold).where(HOLDS, reach).order_by(hold.number))).mappings()
    return [_hold(row) for row in rows]


def _plain(number: str) -> int:
    plain = number.upper().removeprefix(PREFIX)
    return number_in(plain, longest=9) or 0


def _hold(row: Any) -> Hold:
    values = {name: row[name] for name in Hold.__struct_fields__}
    return Hold(**{**values, "number": f"{PREFIX}{row['number']}", "kind": Kind(row["kind"])})
