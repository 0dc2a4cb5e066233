"""Figures that only charts need, by minute. Reads only, over bounded stretches as `pages_now` does."""

from __future__ import annotations

from sqlalchemy import select, true

from gateway.access.rights import Principal, Right
from gateway.core.ids import new_id
from gateway.sync.attempts import Outcome
from gateway.sync.tables import attempt
from gateway.work.connections import MOST
from gateway.work.pages_now import MINUTES
from gateway.work.workplace import Workplace


async def failed_by_minute(place: Workplace, who: Principal, *, began: float, connection: str = "") -> tuple[int, ...]:
    """Writes that failed or whose outcome is unknown, of those that ended since `began`, the oldest minute first; of
    `connection` if named. The other writes of the same minutes are `pages_now.flow`'s. Right SEE.
    """
    who.require(Right.SEE)
    lowest = new_id("at", at=began)[:-16]
    newest = select(attempt.c.connection, attempt.c.finished_at, attempt.c.outcome).where(attempt.c.id >= lowest)
    row = newest.order_by(attempt.c.id.desc()).limit(MOST).subquery().c
    if connection:
        seen = row.connection == connection
    else:
        seen = true() if who.connections is None else row.connection.in_(sorted(who.connections))
    bad = row.outcome.in_((Outcome.REFUSED, Outcome.UNKNOWN))
    found = [0] * MINUTES
    async with place.database.read() as tx:
        for at in (await tx.execute(select(row.finished_at).where(row.finished_at >= began, seen, bad))).scalars():
            found[min(int((at - began) / 60), MINUTES - 1)] += 1
    return tuple(found)
