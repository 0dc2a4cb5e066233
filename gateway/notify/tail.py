"""Reading the cases' history to its end and no further than is true: no line is passed over, none is read twice.

Ids come from a generator and transactions commit in any order: line 7 may be there before line 6 is. On PostgreSQL a
missing id is therefore remembered until every transaction that was open when it was missed has ended; then it is a
line, or it was rolled back. On SQLite one transaction writes at a time, so there are no such gaps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.tables import case_history

MOST = 5000
"""Lines of one look; the next look goes on."""
WIDEST = 20_000
"""A gap further back than this is of lines that were forgotten long ago, not of lines to come."""

_SNAPSHOT = text(
    "SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint FROM pg_current_snapshot() AS s"
)


class Position(msgspec.Struct, frozen=True):
    """Every line up to `after` was seen, but those in `missing`: id -> the first transaction that was not open yet."""

    after: int = 0
    missing: Mapping[int, int] = {}


class Horizon(msgspec.Struct, frozen=True):
    """Of a snapshot: all transactions below `ended` are over, and none from `begun` on had begun."""

    ended: int
    begun: int


def moved(before: Position, ids: Sequence[int], low: Horizon | None, high: Horizon | None) -> Position:
    """The position after `ids` were read, the missing ones among them. `low` was asked for before the reading, `high`
    after it; None: no transaction can be late.
    """
    seen, after = set(ids), max([before.after, *ids])
    if low is None or high is None:
        return Position(after)
    missing = {id: begun for id, begun in before.missing.items() if id not in seen and begun > low.ended}
    first = max(before.after + 1, after - WIDEST)
    gaps = {id: high.begun for id in range(first, after + 1) if id not in seen}
    return Position(after, missing | gaps)


async def end_of(tx: AsyncConnection) -> int:
    """The last line there is."""
    return int((await tx.execute(select(func.coalesce(func.max(case_history.c.id), 0)))).scalar_one())


async def follow(tx: AsyncConnection, before: Position, *, most: int = MOST) -> tuple[Position, list[Any]]:
    """The lines since `before` (number, action), each in exactly one look, and the position after them."""
    low = await _horizon(tx)
    row = case_history.c
    columns = select(row.id, row.number, row.action)
    late = sorted(before.missing)
    found = list((await tx.execute(columns.where(row.id.in_(late)))).all()) if late else []
    fresh = columns.where(row.id > before.after).order_by(row.id).limit(most)
    found += (await tx.execute(fresh)).all()
    high = await _horizon(tx)
    return moved(before, [each.id for each in found], low, high), found


async def _horizon(tx: AsyncConnection) -> Horizon | None:
    if tx.dialect.name == "sqlite":
        return None
    return Horizon(*(await tx.execute(_SNAPSHOT)).one())
