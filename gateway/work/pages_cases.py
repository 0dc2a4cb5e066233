"""Counts of cases for pages, each over an index: there may be 100,000, and each may hold long evidence. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import Select, case, func, literal, select

from dead_letter.tables import IS_PARKED, cases
from dead_letter.values import CaseFilter
from dead_letter.worklist import narrowed as narrowed_by
from gateway.access.rights import Principal, Right
from gateway.work.case_scope import narrowed
from gateway.work.workplace import Workplace

MOST = 1000
"""Cases that are counted where each has to be looked at."""
_IN_INDEX = frozenset({"group", "owner", "opened_since", "opened_before", "sort", "limit"})
"""What the index of open cases knows of each; by these they are counted without looking at one."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many fit. `more`: there are more than that, or may be."""

    count: int
    more: bool


async def count_cases(place: Workplace, who: Principal, wanted: CaseFilter) -> Count:
    """How many cases fit: exactly where an index tells, else up to `MOST`. Right SEE."""
    who.require(Right.SEE)
    wanted = narrowed(place, who, wanted)
    looked = {name for name in wanted.__struct_fields__ if getattr(wanted, name) != getattr(CaseFilter(), name)}
    query = narrowed_by(select(literal(1).label("one")), wanted)
    exact = looked <= _IN_INDEX
    counted = select(func.count()).select_from((query if exact else query.limit(MOST + 1)).subquery())
    async with place.database.read() as tx:
        count = int((await tx.execute(counted)).scalar_one())
    return Count(count=count if exact else min(count, MOST), more=not exact and count > MOST)


async def by_age(place: Workplace, who: Principal, bounds: Sequence[float]) -> list[int]:
    """Open cases younger than the first age (in seconds), up to the second, ..., and older than the last. Right SEE."""
    who.require(Right.SEE)
    now, first = place.now(), cases.c.first_seen
    younger = [func.sum(case((first >= now - bound, 1), else_=0)) for bound in bounds]
    sums_of: Select[Any] = select(*[func.count(), *younger])
    query = narrowed_by(sums_of, narrowed(place, who, CaseFilter()))
    async with place.database.read() as tx:
        total, *sums = [int(each or 0) for each in (await tx.execute(query)).one()]
    edges = [0, *sums, total]
    return [after - before for before, after in pairwise(edges)]


async def parked_of_groups(place: Workplace, who: Principal) -> dict[str, int]:
    """Group -> its parked cases: they need nobody until what they wait for. Right SEE."""
    who.require(Right.SEE)
    # In a query of its own with a bound: else the database goes through all cases in the order of their groups.
    parked = narrowed_by(select(cases.c.group_key), narrowed(place, who, CaseFilter())).where(IS_PARKED)
    inner = parked.limit(MOST * MOST).subquery().c
    query = select(inner.group_key, func.count()).group_by(inner.group_key)
    async with place.database.read() as tx:
        return {row[0]: int(row[1]) for row in await tx.execute(query)}
