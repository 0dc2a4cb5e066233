"""Reading cases: one, its history, pages of them, and what is open by cause and by group. Changes nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.errors import BadCursor, NoSuchGrouping
from dead_letter.grouping import titles
from dead_letter.reach import Reach
from dead_letter.rows import SUMMARY, to_case, to_step, to_summary
from dead_letter.tables import IS_OPEN, case_history, cases
from dead_letter.values import (
    Case,
    CaseClass,
    CaseFilter,
    CaseGroup,
    CasePage,
    CaseState,
    CaseSummary,
    OpenCount,
    Sort,
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
    """A page of cases in the order of the filter; `cursor` is a former page's `next` under the same filter.

    Every page is read from an index at the place where the one before ended, so the hundredth costs what the first
    does. Raises BadCursor for one of another order.
    """
    limit = max(1, min(filter.limit, 200))
    query = narrowed(select(*SUMMARY), filter)
    order, after = _ordered(filter.sort, cursor)
    if after is not None:
        query = query.where(after)
    found = [to_summary(row) for row in (await tx.execute(query.order_by(*order).limit(limit + 1))).mappings()]
    shown = tuple(found[:limit])
    return CasePage(cases=shown, next=_cursor(filter.sort, shown[-1]) if len(found) > limit else None)


def _cursor(sort: Sort, last: CaseSummary) -> str:
    match sort:
        case Sort.NEWEST:
            return last.number
        case Sort.PRIORITY:
            return f"{last.priority}:{last.number}"
        case Sort.DUE:
            return f"{last.due_at!r}:{last.number}"


def _ordered(sort: Sort, cursor: str | None) -> tuple[list[Any], Any]:
    """The order, and the condition of what comes after the cursor in it."""
    of, _, text = (cursor or "").rpartition(":")
    number = parse_number(text) if cursor else None
    if cursor and (number is None or bool(of) == (sort is Sort.NEWEST)):
        raise BadCursor(cursor, sort)
    column = cases.c
    if sort is Sort.NEWEST:
        return [column.number.desc()], column.number < number if number is not None else None
    try:
        value = float(of) if of else 0.0
    except ValueError as error:
        raise BadCursor(cursor or "", sort) from error
    if sort is Sort.PRIORITY:
        order = [column.priority.desc(), column.number.desc()]
        return order, tuple_(column.priority, column.number) < (int(value), number) if cursor else None
    return [column.due_at, column.number], tuple_(column.due_at, column.number) > (value, number) if cursor else None


async def open_counts(tx: AsyncConnection) -> list[OpenCount]:
    """Open cases by class, cause and connection, the most numerous first."""
    count = func.count().label("count")
    columns = (cases.c.cls, cases.c.cause, cases.c.connection)
    query = select(*columns, count, func.min(cases.c.first_seen).label("oldest")).where(IS_OPEN).group_by(*columns)
    rows = (await tx.execute(query.order_by(count.desc(), *columns))).mappings()
    return [OpenCount(**{**row, "cls": CaseClass(row["cls"])}) for row in rows]


async def open_groups(tx: AsyncConnection, *, limit: int = 50) -> list[CaseGroup]:
    """Open cases by cause, the largest group first, each with its oldest case as the sample."""
    return await group_cases(tx, CaseFilter(limit=limit))


_BY = {
    "cause": cases.c.group_key,
    "flow": cases.c.flow,
    "connection": cases.c.connection,
    "field": cases.c.field,
    "owner": cases.c.owner,
}


async def group_cases(tx: AsyncConnection, filter: CaseFilter, *, by: str = "cause") -> list[CaseGroup]:
    """Cases of the filter by what they share, the largest group first, each with its oldest case as the sample.

    Raises NoSuchGrouping.
    """
    if by not in _BY:
        raise NoSuchGrouping(by, _BY)
    column, count = _BY[by], func.count().label("count")
    told = (
        column.label("group_key"),
        count,
        func.min(cases.c.number).label("number"),
        func.min(cases.c.first_seen).label("oldest"),
        func.max(cases.c.last_seen).label("last_seen"),
        func.max(cases.c.priority).label("priority"),
        func.min(cases.c.due_at).label("due_at"),
        func.sum(case((cases.c.owner == "", 1), else_=0)).label("unowned"),
    )
    query = narrowed(select(*told), filter).group_by(column).order_by(count.desc(), func.min(cases.c.number))
    groups = query.limit(max(1, min(filter.limit, 200))).subquery()
    shown = (cases.c.fingerprint, cases.c.cls, cases.c.cause, cases.c.connection, cases.c.title, cases.c.flow)
    joined = select(*shown, cases.c.field, groups).join(groups, groups.c.number == cases.c.number)
    rows = (await tx.execute(joined.order_by(groups.c.count.desc(), groups.c.number))).mappings().all()
    owners = await _owners(tx, filter, column, [row["group_key"] for row in rows if row["unowned"] < row["count"]])
    names = await titles(tx, [row["group_key"] for row in rows]) if by == "cause" else {}
    return [_group(row, by, owners, names) for row in rows]


async def _owners(tx: AsyncConnection, filter: CaseFilter, column: Any, keys: list[str]) -> dict[str, list[str]]:
    """Group -> who has some of its cases."""
    found: dict[str, list[str]] = {}
    if keys:
        query = narrowed(select(column, cases.c.owner), filter).where(column.in_(keys), cases.c.owner != "")
        for key, owner in await tx.execute(query.distinct().order_by(column, cases.c.owner)):
            found.setdefault(key, []).append(owner)
    return found


def _group(row: Any, by: str, owners: dict[str, list[str]], names: dict[str, str]) -> CaseGroup:
    values = {name: row[name] for name in CaseGroup.__struct_fields__ if name in row}
    key = row["group_key"]
    values |= {
        "key": key,
        "by": by,
        "cls": CaseClass(row["cls"]),
        "sample": format_number(row["number"]),
        "owners": tuple(owners.get(key, ())),
        "title": names.get(key, row["title"]),
    }
    return CaseGroup(**values)


def narrowed(query: Select[Any], filter: CaseFilter) -> Select[Any]:
    """The query, over the cases of the filter only."""
    query = query.where(cases.c.state.in_(filter.states) if filter.states else _open(filter.open_at))
    if filter.states and CaseState.CLOSED not in filter.states:
        query = query.where(IS_OPEN)
    if filter.classes:
        query = query.where(cases.c.cls.in_(filter.classes))
    for name in ("cause", "flow", "record", "connection", "fingerprint", "field", "level"):
        if wanted := getattr(filter, name):
            query = query.where(cases.c[name] == wanted)
    if filter.text:
        columns = (cases.c.title, cases.c.object_key, cases.c.cause)
        query = query.where(or_(*(column.icontains(filter.text, autoescape=True) for column in columns)))
    return query.where(*_worked(filter), *in_scope(filter))


def _open(at: float | None) -> Any:
    """Open now, or at a moment: what is closed stays so, a cause that comes back opens a case of its own."""
    if at is None:
        return IS_OPEN
    return (cases.c.first_seen <= at) & (cases.c.closed_at.is_(None) | (cases.c.closed_at > at))


def _worked(filter: CaseFilter) -> list[Any]:
    column, found = cases.c, []
    if filter.owner is not None:
        found.append(column.owner == filter.owner)
    if filter.group:
        found.append(column.group_key == filter.group)
    if filter.opened_since is not None:
        found.append(column.first_seen >= filter.opened_since)
    if filter.opened_before is not None:
        found.append(column.first_seen < filter.opened_before)
    if filter.due_before is not None:
        found.append(column.due_at < filter.due_before)
    if filter.pending is not None:
        found.append(column.pending != "" if filter.pending else column.pending == "")
    return found


def in_scope(filter: CaseFilter) -> list[Any]:
    """The reader's scope, as conditions."""
    return Reach(connections=filter.connections, flows=filter.flows).conditions()
