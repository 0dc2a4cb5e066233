"""The report on departures: what had to end, what was read back as gone, and whether in time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy import case as when
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.offboarding.tables import leaver, leaver_step
from gateway.offboarding.values import SETTLED, StepState
from gateway.work.reports import MOST, Column, Found, Kind, Maker, Stretch

_STEP = leaver_step.c


async def _departures(tx: AsyncConnection, stretch: Stretch) -> Found:
    """Numbers instead of names: the page of the departure tells who it is to whoever may know."""
    now, steps = stretch.place.now(), _steps(stretch)
    one = leaver.c
    columns = (one.number, one.kind, one.urgent, one.privileged, one.state, one.ends_at, one.done_at)
    counts = [
        func.coalesce(each, 0) for each in (steps.c.all, steps.c.gone, steps.c.by_hand, steps.c.open, steps.c.late)
    ]
    within = (one.ends_at >= stretch.since, one.ends_at < stretch.until, one.begun_at.is_not(None))
    took = when((one.done_at.is_not(None), one.done_at - one.ends_at), else_=now - one.ends_at)
    query = select(*columns, took, *counts).select_from(leaver.outerjoin(steps, steps.c.number == one.number))
    rows = [
        _row(row) for row in await tx.execute(query.where(*within).order_by(one.ends_at, one.number).limit(MOST + 1))
    ]
    sums = select(func.count(), *(func.sum(each) for each in counts)).select_from(
        leaver.outerjoin(steps, steps.c.number == one.number)
    )
    found = (await tx.execute(sums.where(*within))).one()
    names = ("departures", "steps", "read_back_as_gone", "done_by_hand", "open", "late")
    return Found(rows=rows, totals={name: int(value or 0) for name, value in zip(names, found, strict=True)})


def _steps(stretch: Stretch) -> Any:
    """How the steps of each departure stand, in the connections that the reader sees."""
    late = or_(_STEP.gone_at > _STEP.due_at, and_(_STEP.state.not_in(_over()), _STEP.due_at < stretch.place.now()))
    query = select(
        _STEP.number,
        func.count().label("all"),
        _sum(_STEP.state == StepState.GONE).label("gone"),
        _sum(_STEP.state == StepState.DONE).label("by_hand"),
        _sum(_STEP.state.not_in(_over())).label("open"),
        _sum(late).label("late"),
    ).where(_STEP.state != StepState.NONE)
    if stretch.who.connections is not None:
        query = query.where(_STEP.connection.in_(sorted(stretch.who.connections)))
    return query.group_by(_STEP.number).subquery()


def _over() -> list[str]:
    return sorted(SETTLED)


def _sum(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(when((condition, 1), else_=0))


def _row(row: Any) -> tuple[Any, ...]:
    return (f"LV-{row[0]}", *row[1:7], row[7], *row[8:])


def _count(name: str, title: str) -> Column:
    return Column(name=name, title=title, kind=Kind.COUNT)


MAKERS = (
    Maker(
        name="departures",
        title="Departures",
        says=(
            "Every departure, move and absence whose time came in this time: how many things had to end, how many were "
            "read back as gone, were done by hand with evidence, are open, or ended after their deadline. Things that "
            "stay on purpose are not counted."
        ),
        columns=(
            Column(name="departure", title="Departure"),
            Column(name="event", title="Event"),
            Column(name="urgent", title="Urgent", kind=Kind.YES),
            Column(name="privileged", title="Privileged", kind=Kind.YES),
            Column(name="state", title="State"),
            Column(name="from", title="From", kind=Kind.MOMENT),
            Column(name="done_at", title="All gone", kind=Kind.MOMENT),
            Column(name="took_s", title="Took", kind=Kind.DURATION),
            _count("steps", "Steps"),
            _count("gone", "Read back as gone"),
            _count("by_hand", "By hand"),
            _count("open", "Open"),
            _count("late", "Late"),
        ),
        compute=_departures,
    ),
)
