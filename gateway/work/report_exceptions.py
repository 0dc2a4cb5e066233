"""The report on exceptions: what people decided against, or instead of, what the rules would have done."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.classify import ActionName
from dead_letter.tables import case_history, cases
from gateway.work.report_cases import number_of, scope_of
from gateway.work.reports import MOST, Column, Found, Kind, Maker, Stretch

EXCEPTIONS = (
    ActionName.DISCARD,
    ActionName.DECLARE_APPLIED,
    ActionName.DECLARE_NOT_APPLIED,
    ActionName.ACCEPT,
    ActionName.CORRECT,
    ActionName.RESOLVE,
)
"""Decisions by which something else holds than what a system had sent."""


async def _exceptions(tx: AsyncConnection, stretch: Stretch) -> Found:
    step = case_history.c
    joined = case_history.join(cases, cases.c.number == step.number)
    within = (step.at >= stretch.since, step.at < stretch.until, step.name == "decided")
    conditions = (*within, step.action.in_(EXCEPTIONS), *scope_of(stretch))
    columns = (step.at, step.number, step.action, step.actor, step.approver, step.code, step.reason, step.proof)
    place = (cases.c.connection, cases.c.object_key, cases.c.field, cases.c.title)
    query = select(*columns, *place).select_from(joined).where(*conditions)
    found = await tx.execute(query.order_by(step.at, step.id).limit(MOST + 1))
    rows = [(row[0], number_of(row[1]), *row[2:]) for row in found]
    counted = select(step.action, func.count()).select_from(joined).where(*conditions).group_by(step.action)
    sums = {row[0]: row[1] for row in await tx.execute(counted.order_by(step.action))}
    alone = select(func.count()).select_from(joined).where(*conditions, step.approver == "")
    without = (await tx.execute(alone)).scalar_one()
    totals = {"exceptions": sum(sums.values()), "without_a_second_person": without, **sums}
    return Found(rows=rows, totals=totals)


MAKERS = (
    Maker(
        name="exceptions",
        title="Exceptions",
        says=(
            "Every decision in this time by which people set aside what a system had sent: discarded, declared, "
            "accepted as it is, corrected, or one side of a conflict chosen; with the reason, and with the second "
            "person where there was one."
        ),
        columns=(
            Column(name="at", title="When", kind=Kind.MOMENT),
            Column(name="case", title="Case"),
            Column(name="action", title="Decision"),
            Column(name="by", title="By"),
            Column(name="second", title="Second person"),
            Column(name="code", title="Code"),
            Column(name="reason", title="Reason"),
            Column(name="proof", title="Proof"),
            Column(name="connection", title="Connection"),
            Column(name="object", title="Object"),
            Column(name="field", title="Field"),
            Column(name="title", title="What"),
        ),
        compute=_exceptions,
    ),
)
