"""How many cases a filter has: exactly, or at least so many where counting on would take long. Reads only."""

from __future__ import annotations

from sqlalchemy import func, select

from dead_letter.tables import cases
from dead_letter.values import CaseFilter
from dead_letter.worklist import narrowed as filtered
from gateway.access.rights import Principal, Right
from gateway.work.case_scope import narrowed
from gateway.work.workplace import Workplace

ENOUGH = 10_000
"""An estimate counts no further."""


async def count_cases(place: Workplace, who: Principal, wanted: CaseFilter, *, exact: bool) -> tuple[int, bool]:
    """The number of cases that the reader may see, and whether it is exact: an estimate is, below `ENOUGH`."""
    who.require(Right.SEE)
    found = filtered(select(cases.c.number), narrowed(place, who, wanted))
    found = found if exact else found.limit(ENOUGH)
    async with place.database.read() as tx:
        count = int((await tx.execute(select(func.count()).select_from(found.subquery()))).scalar_one())
    return count, exact or count < ENOUGH
