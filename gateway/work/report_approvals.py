"""The report on approval chains: who asked for what, who agreed, and how long that took."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.tables import case_approvals, cases
from gateway.work.report_cases import number_of, scope_of
from gateway.work.reports import MOST, Column, Found, Kind, Maker, Stretch
from replay.tables import places, plans

OPEN, AGREED = "pending", "approved"


class _Chain(NamedTuple):
    row: tuple[Any, ...]
    state: str
    alone: bool
    """Agreed to by the person who had asked; names may be alike, so ids are compared."""


async def _approvals(tx: AsyncConnection, stretch: Stretch) -> Found:
    chains = sorted([*await _of_cases(tx, stretch), *await _of_plans(tx, stretch)], key=lambda each: each.row[4])
    states = Counter(each.state for each in chains)
    alone = sum(1 for each in chains if each.alone)
    totals = {"requests": len(chains), "by_one_person": alone, **dict(sorted(states.items()))}
    return Found(rows=[each.row for each in chains], totals=totals)


async def _of_cases(tx: AsyncConnection, stretch: Stretch) -> list[_Chain]:
    asked = case_approvals.c
    within = (asked.requested_at >= stretch.since, asked.requested_at < stretch.until)
    joined = case_approvals.join(cases, cases.c.number == asked.number)
    columns = (asked.number, asked.action, asked.reason, asked.requested_by, asked.requested_at)
    answer = (asked.decided_by, asked.decided_at, asked.state, asked.note)
    people = (asked.requested_person, asked.decided_person)
    query = select(*columns, *answer, *people).select_from(joined).where(*within, *scope_of(stretch))
    found = await tx.execute(query.order_by(asked.requested_at).limit(MOST + 1))
    return [_case_chain(row) for row in found]


def _case_chain(row: Any) -> _Chain:
    took = _took(row.requested_at, row.decided_at)
    asked = (number_of(row.number), row.action, row.reason, row.requested_by, row.requested_at)
    answered = (row.decided_by, row.decided_at, row.state, took, row.note)
    alone = row.state == AGREED and row.requested_person == row.decided_person
    return _Chain((*asked, *answered), row.state, alone)


async def _of_plans(tx: AsyncConnection, stretch: Stretch) -> list[_Chain]:
    """Replay plans that needed somebody; narrowed like the plans themselves: all their places, or none."""
    plan, place = plans.c, places.c
    query = select(
        plan.id,
        plan.needs_approval,
        plan.by_name,
        plan.at,
        plan.approved_by,
        plan.approved_at,
        plan.by_human,
        plan.approved_human,
    ).where(plan.needs_approval != "", plan.at >= stretch.since, plan.at < stretch.until)
    hidden = []
    if stretch.who.connections is not None:
        hidden.append(place.connection.not_in(sorted(stretch.who.connections)))
    if stretch.who.types is not None:
        flows = stretch.place.config.flows
        seen = sorted(name for name, flow in flows.items() if flow.type.type in stretch.who.types)
        hidden.append(place.flow.not_in(seen))
    if hidden:
        query = query.where(~exists().where(place.plan == plan.id, or_(*hidden)))
    found = await tx.execute(query.order_by(plan.at).limit(MOST + 1))
    return [_plan_chain(row) for row in found]


def _plan_chain(row: Any) -> _Chain:
    answered, state = row.approved_at or None, AGREED if row.approved_by else OPEN
    asked = (row.id, "replay", row.needs_approval, row.by_name, row.at)
    cells = (*asked, row.approved_by, answered, state, _took(row.at, answered), "")
    return _Chain(cells, state, bool(row.approved_by) and row.by_human == row.approved_human)


def _took(asked_at: float, answered_at: float | None) -> float | None:
    return None if answered_at is None else answered_at - asked_at


MAKERS = (
    Maker(
        name="approvals",
        title="Approval chains",
        says=(
            "Every request for a second person that was made in this time, of cases and of replay plans: who asked, "
            "who answered, what, and how long it took. `by_one_person` counts what one person both asked for and "
            "agreed to; the gateway refuses that, so any number above 0 is a finding."
        ),
        columns=(
            Column(name="about", title="About"),
            Column(name="action", title="Action"),
            Column(name="reason", title="Why"),
            Column(name="asked_by", title="Asked by"),
            Column(name="asked_at", title="Asked", kind=Kind.MOMENT),
            Column(name="answered_by", title="Answered by"),
            Column(name="answered_at", title="Answered", kind=Kind.MOMENT),
            Column(name="state", title="State"),
            Column(name="took_s", title="Took", kind=Kind.DURATION),
            Column(name="note", title="Note"),
        ),
        compute=_approvals,
    ),
)
