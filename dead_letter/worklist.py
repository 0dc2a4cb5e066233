"""Reading cases: one, its history, pages of them, and what is open by cause and by group. Changes nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.rows import SUMMARY, to_case, to_step, to_summary
from dead_letter.tables import IS_OPEN, case_history, cases
from dead_letter.values import (
    Case,
    CaseClass,
    CaseFilter,
    CaseGroup,
    CasePage,
    CaseState,
    OpenCount,
    Step,
    format_number,
    parse_number,
)


async def get_case(tx: AsyncConnection, number: str) -> Case | None:
    """The case with this number (`FO-17`, `17`); None when there is none."""
    parsed = parse_number(number)
    if parsed is None:
        return None
    row = (await tx.execute(select(cases).where(cases.c.number == parsed))).mappings().first()
    return to_case(row) if row else None


async def history(tx: AsyncConnection, number: str) -> list[Step]:
    """Every step of a case, oldest first; empty when there is no such case."""
    parsed = parse_number(number)
    if parsed is None:
        return []
    query = select(case_history).where(case_history.c.number == parsed).order_by(case_history.c.id)
    return [to_step(row) for row in (await tx.execute(query)).mappings()]


async def list_cases(tx: AsyncConnection, filter: CaseFilter, cursor: str | None = None) -> CasePage:
    """A page of cases, newest first; `cursor` is a former page's `next` under the same filter."""
    limit = max(1, min(filter.limit, 200))
    query = _narrowed(select(*SUMMARY), filter).order_by(cases.c.number.desc()).limit(limit + 1)
    before = parse_number(cursor) if cursor else None
    if before is not None:
        query = query.where(cases.c.number < before)
    found = [to_summary(row) for row in (await tx.execute(query)).mappings()]
    shown = tuple(found[:limit])
    return CasePage(cases=shown, next=shown[-1].number if len(found) > limit else None)


async def open_counts(tx: AsyncConnection) -> list[OpenCount]:
    """Open cases by class, cause and connection, the most numerous first."""
    count = func.count().label("count")
    columns = (cases.c.cls, cases.c.cause, cases.c.connection)
    query = select(*columns, count, func.min(cases.c.first_seen).label("oldest")).where(IS_OPEN).group_by(*columns)
    rows = (await tx.execute(query.order_by(count.desc(), *columns))).mappings()
    return [OpenCount(**{**row, "cls": CaseClass(row["cls"])}) for row in rows]


async def open_groups(tx: AsyncConnection, *, limit: int = 50) -> list[CaseGroup]:
    """Open cases by fingerprint, the largest group first, each with its oldest case as the sample."""
    count = func.count().label("count")
    groups = (
        select(
            func.min(cases.c.number).label("number"),
            count,
            func.min(cases.c.first_seen).label("oldest"),
            func.max(cases.c.last_seen).label("last_seen"),
        )
        .where(IS_OPEN)
        .group_by(cases.c.fingerprint)
        .order_by(count.desc(), func.min(cases.c.number))
        .limit(limit)
        .subquery()
    )
    shown = (cases.c.fingerprint, cases.c.cls, cases.c.cause, cases.c.connection, cases.c.title)
    query = select(*shown, groups).join(groups, groups.c.number == cases.c.number)
    rows = (await tx.execute(query.order_by(groups.c.count.desc(), groups.c.number))).mappings()
    found = []
    for row in rows:
        values = {**row, "cls": CaseClass(row["cls"]), "sample": format_number(row["number"])}
        values.pop("number")
        found.append(CaseGroup(**values))
    return found


def _narrowed(query: Select[Any], filter: CaseFilter) -> Select[Any]:
    query = query.where(cases.c.state.in_(filter.states)) if filter.states else query.where(IS_OPEN)
    if filter.states and CaseState.CLOSED not in filter.states:
        query = query.where(IS_OPEN)
    if filter.classes:
        query = query.where(cases.c.cls.in_(filter.classes))
    for name in ("cause", "flow", "record", "connection", "fingerprint"):
        if wanted := getattr(filter, name):
            query = query.where(cases.c[name] == wanted)
    if filter.text:
        columns = (cases.c.title, cases.c.object_key, cases.c.cause)
        query = query.where(or_(*(column.icontains(filter.text, autoescape=True) for column in columns)))
    return query
