"""How much of replays is open, in numbers: no id of a plan, a run or a case is among them."""

from __future__ import annotations

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from replay.tables import making, run_items, runs
from replay.values import WORKED, PlanState


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What is open."""

    runs: dict[str, int]
    """State -> runs."""
    items: dict[str, int]
    """waiting (for their turn) and handed (the lanes have them) -> items of open runs."""
    plans: dict[str, int]
    """`making` -> plans."""
    oldest_s: float
    """Since the oldest open run began; 0: none is open."""


async def figures(tx: AsyncConnection, now: float) -> Figures:
    """Counted through indexes: what has ended is not looked at."""
    state = runs.c.state
    open_runs = select(state, func.count(), func.min(runs.c.at)).where(state.in_(list(WORKED))).group_by(state)
    rows = [(row[0], int(row[1]), float(row[2])) for row in await tx.execute(open_runs)]
    ids = select(runs.c.id).where(state.in_(list(WORKED)))
    left = select(run_items.c.state, func.count()).where(run_items.c.run.in_(ids), run_items.c.state != "done")
    items = {row[0]: int(row[1]) for row in await tx.execute(left.group_by(run_items.c.state))}
    under_way = select(func.count()).select_from(making).where(making.c.ended_at == 0.0)
    return Figures(
        runs={name: count for name, count, _ in rows},
        items=items,
        plans={str(PlanState.MAKING): int((await tx.execute(under_way)).scalar_one())},
        oldest_s=max((now - began for _, _, began in rows), default=0.0),
    )
