"""Reports on cases: which were seen to, and whether in time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Float, and_, func, literal, or_, select
from sqlalchemy import case as when
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.tables import IS_CLOSED, IS_OPEN, cases
from dead_letter.values import CaseFilter
from dead_letter.worklist import in_scope
from gateway.work.case_scope import narrowed
from gateway.work.reports import MOST, Column, Found, Kind, Maker, Stretch

_CASE = cases.c


def scope_of(stretch: Stretch) -> list[Any]:
    """The reader's scope over cases, as conditions."""
    return in_scope(narrowed(stretch.place, stretch.who, CaseFilter()))


def number_of(number: int) -> str:
    """As people call the case."""
    return f"FO-{number}"


async def _completion(tx: AsyncConnection, stretch: Stretch) -> Found:
    column, scope = cases.c, scope_of(stretch)
    came = and_(column.first_seen >= stretch.since, column.first_seen < stretch.until)
    ended = and_(IS_CLOSED, column.closed_at >= stretch.since, column.closed_at < stretch.until)
    stands = and_(column.first_seen < stretch.until, or_(IS_OPEN, column.closed_at >= stretch.until))
    by_people = and_(ended, column.closed_by.not_in(("", "lockstep")))
    counts = [func.sum(when((each, 1), else_=0)) for each in (came, ended, by_people, stands)]
    took = func.avg(when((ended, column.closed_at - column.first_seen), else_=None))
    query = select(column.cls, column.cause, column.connection, *counts, took).where(or_(came, ended, stands), *scope)
    grouped = query.group_by(column.cls, column.cause, column.connection)
    rows = [tuple(row) for row in await tx.execute(grouped.order_by(column.cls, column.cause, column.connection))]
    names = ("opened", "closed", "closed_by_people", "open_at_the_end")
    return Found(rows=rows, totals={name: sum(row[3 + at] for row in rows) for at, name in enumerate(names)})


async def _sla(tx: AsyncConnection, stretch: Stretch) -> Found:
    """A case belongs to the report if it was due in the stretch."""
    due = [_CASE.due_at >= stretch.since, _CASE.due_at < stretch.until, _CASE.due_at > 0, *scope_of(stretch)]
    ended = func.coalesce(_CASE.closed_at, literal(stretch.place.now(), Float))
    kept = and_(IS_CLOSED, _CASE.closed_at <= _CASE.due_at)
    late = ended > _CASE.due_at
    over = when((late, ended - _CASE.due_at), else_=None)
    columns = (_CASE.number, _CASE.title, _CASE.level, _CASE.connection, _CASE.owner)
    query = select(*columns, _CASE.first_seen, _CASE.due_at, _CASE.closed_at, kept, over).where(*due)
    found = await tx.execute(query.order_by(late.desc(), over.desc(), _CASE.number).limit(MOST + 1))
    rows = [(number_of(row[0]), *row[1:8], bool(row[8]), row[9]) for row in found]
    sums = select(func.count(), func.sum(when((kept, 1), else_=0)), func.sum(when((late, 1), else_=0)), func.max(over))
    count, met, missed, worst = (await tx.execute(sums.where(*due))).one()
    share = round((met or 0) / count, 4) if count else None
    totals = {
        "due": count,
        "in_time": met or 0,
        "late": missed or 0,
        "longest_overrun_s": worst,
        "share_in_time": share,
    }
    return Found(rows=rows, totals=totals)


def _moment(name: str, title: str) -> Column:
    return Column(name=name, title=title, kind=Kind.MOMENT)


def _count(name: str, title: str) -> Column:
    return Column(name=name, title=title, kind=Kind.COUNT)


MAKERS = (
    Maker(
        name="completion",
        title="Completion",
        says=(
            "Cases by class, cause and connection: how many were opened and closed in this time, how many of those by "
            "people, and how many stood open at its end. Cases that were closed longer ago than retention keeps them "
            "are not in it."
        ),
        columns=(
            Column(name="class", title="Class"),
            Column(name="cause", title="Cause"),
            Column(name="connection", title="Connection"),
            _count("opened", "Opened"),
            _count("closed", "Closed"),
            _count("closed_by_people", "By people"),
            _count("open_at_the_end", "Open at the end"),
            Column(name="mean_s", title="Mean time to close", kind=Kind.DURATION),
        ),
        compute=_completion,
    ),
    Maker(
        name="sla",
        title="Deadlines",
        says=(
            "Every case that was due in this time by its business calendar, late ones first. One that is still open "
            "counts as late from its due time on."
        ),
        columns=(
            Column(name="case", title="Case"),
            Column(name="title", title="What"),
            Column(name="level", title="Priority"),
            Column(name="connection", title="Connection"),
            Column(name="owner", title="Owner"),
            _moment("first_seen", "Seen"),
            _moment("due_at", "Due"),
            _moment("closed_at", "Closed"),
            Column(name="in_time", title="In time", kind=Kind.YES),
            Column(name="over_s", title="Over", kind=Kind.DURATION),
        ),
        compute=_sla,
    ),
)
