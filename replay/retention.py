"""Dropping plans and runs that nobody will ask about any more; what they did stands in the audit trail."""

from __future__ import annotations

from sqlalchemy import delete, select

from replay.ports import Books
from replay.tables import items, lags, making, places, plans, run_items, run_log, runs, selections
from replay.values import WORKED

KEPT_S = 90 * 86400.0
"""How long a plan and its run can be looked at."""
MOST = 20
"""Plans dropped in one transaction: each may have a hundred thousand items."""


async def forget(books: Books, before: float) -> int:
    """Drops old plans with all that belongs to them, but none whose run goes on. Gives how many."""
    going_on = select(runs.c.plan).where(runs.c.state.in_(list(WORKED)))
    old = select(plans.c.id).where(plans.c.at < before, plans.c.id.not_in(going_on)).order_by(plans.c.at).limit(MOST)
    async with books.read() as tx:
        found = [row[0] for row in await tx.execute(old)]
    if not found:
        return 0
    async with books.begin("replay.forget") as tx:
        of = select(runs.c.id).where(runs.c.plan.in_(found))
        for table in (run_items, run_log, lags):
            await tx.execute(delete(table).where(table.c.run.in_(of)))
        await tx.execute(delete(runs).where(runs.c.plan.in_(found)))
        for part in (items, places, making):
            await tx.execute(delete(part).where(part.c.plan.in_(found)))
        await tx.execute(delete(plans).where(plans.c.id.in_(found)))
        known = select(plans.c.selection)
        await tx.execute(delete(selections).where(selections.c.at < before, selections.c.id.not_in(known)))
    return len(found)
