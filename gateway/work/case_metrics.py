"""What people's work on cases comes to, counted from the history: nothing is counted twice, or lost at a restart."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.store import GATEWAY
from dead_letter.tables import IS_OPEN, case_history, cases
from dead_letter.values import CaseFilter, Ending
from dead_letter.worklist import in_scope
from gateway.access.rights import Principal, Right
from gateway.work.case_scope import narrowed
from gateway.work.workplace import Workplace


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """Closed cases of one cause at one connection, and how one of them ended."""

    cause: str
    connection: str
    ending: str
    count: int
    mean_s: float
    """From first seen to closed."""
    longest_s: float
    late: int
    """Closed after their due time."""


class OpenNow(msgspec.Struct, frozen=True, kw_only=True):
    """Open cases of one cause at one connection."""

    cause: str
    connection: str
    count: int
    oldest_s: float
    late: int
    unowned: int


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Of the time from `since` to `until`; `open` as it is now."""

    since: float
    until: float
    created: int
    came_back: int
    closed: int
    decided: dict[str, int]
    """Action -> decisions."""
    by_decision: int
    """Closed by a person."""
    obsolete: dict[str, int]
    """Reason -> cases that ended without anybody."""
    worked: dict[str, int]
    """Step of work -> how often: claim, assign (reassignments), escalate, ..."""
    reassigned: int
    requests: int
    """Decisions that a second person was asked for."""
    rejected: int
    breaches: int
    """Due times that passed with the case open."""
    resolved: tuple[Resolved, ...]
    open: tuple[OpenNow, ...]


async def metrics(place: Workplace, who: Principal, *, since: float) -> Metrics:
    """The numbers of the cases in the reader's scope. Needs Right.SEE."""
    who.require(Right.SEE)
    now = place.now()
    scope = in_scope(narrowed(place, who, CaseFilter()))
    async with place.database.read() as tx:
        steps = await _steps(tx, scope, since)
        resolved = await _resolved(tx, scope, since)
        return Metrics(
            since=since,
            until=now,
            created=sum(n for (name, _), n in steps.items() if name in ("opened", "came_back")),
            came_back=steps.get(("came_back", ""), 0),
            closed=sum(each.count for each in resolved),
            decided={action: n for (name, action), n in steps.items() if name == "decided"},
            by_decision=sum(each.count for each in resolved if each.ending in _BY_PEOPLE),
            obsolete=await _obsolete(tx, scope, since),
            worked={action: n for (name, action), n in steps.items() if name == "worked" and action not in _OURS},
            reassigned=steps.get(("worked", "assign"), 0) + steps.get(("worked", "delegate"), 0),
            requests=sum(n for (name, _), n in steps.items() if name == "asked"),
            rejected=sum(n for (name, _), n in steps.items() if name == "rejected"),
            breaches=steps.get(("worked", "overdue"), 0),
            resolved=tuple(resolved),
            open=tuple(await _open(tx, scope, now)),
        )


_BY_PEOPLE = frozenset(
    {
        Ending.DISCARDED,
        Ending.DECLARED_APPLIED,
        Ending.DECLARED_NOT_APPLIED,
        Ending.RESOLVED,
        Ending.DONE_BY_HAND,
    }
)
_OURS = frozenset({"overdue", "due_soon", "request_stale", "request_expired"})
_STEP = case_history.c
_OF_PEOPLE = or_(_STEP.name != "worked", _STEP.actor != GATEWAY, _STEP.action == "overdue")
"""Not what the gateway does by itself, but for the due times that passed."""


async def _steps(tx: AsyncConnection, scope: list[Any], since: float) -> dict[tuple[str, str], int]:
    step = case_history.c
    action: ColumnElement[str] = case(
        (step.name.in_(("opened", "came_back", "changed", "closed")), ""), else_=step.action
    )
    joined = case_history.join(cases, cases.c.number == step.number)
    query = select(step.name, action.label("what"), func.count()).select_from(joined)
    query = query.where(step.at >= since, _OF_PEOPLE, *scope)
    return {(row[0], row[1]): row[2] for row in await tx.execute(query.group_by(step.name, action))}


async def _resolved(tx: AsyncConnection, scope: list[Any], since: float) -> list[Resolved]:
    column, took = cases.c, cases.c.closed_at - cases.c.first_seen
    late = func.sum(case((column.closed_at > column.due_at, 1), else_=0))
    columns = (column.cause, column.connection, column.ending)
    query = select(*columns, func.count(), func.avg(took), func.max(took), late).where(
        column.closed_at >= since, *scope
    )
    rows = await tx.execute(query.group_by(*columns).order_by(func.count().desc(), *columns))
    return [
        Resolved(cause=r[0], connection=r[1], ending=r[2], count=r[3], mean_s=r[4], longest_s=r[5], late=r[6])
        for r in rows
    ]


async def _obsolete(tx: AsyncConnection, scope: list[Any], since: float) -> dict[str, int]:
    column = cases.c
    step = case_history.c
    joined = case_history.join(cases, column.number == step.number)
    ended = (step.name == "closed") & (step.action == Ending.OBSOLETE) & (step.at >= since)
    query = select(step.reason, func.count()).select_from(joined).where(ended, *scope).group_by(step.reason)
    return {row[0]: row[1] for row in await tx.execute(query.order_by(func.count().desc()).limit(50))}


async def _open(tx: AsyncConnection, scope: list[Any], now: float) -> list[OpenNow]:
    column = cases.c
    late = func.sum(case((column.due_at < now, 1), else_=0))
    unowned = func.sum(case((column.owner == "", 1), else_=0))
    query = select(column.cause, column.connection, func.count(), func.min(column.first_seen), late, unowned).where(
        IS_OPEN, *scope
    )
    rows = await tx.execute(query.group_by(column.cause, column.connection).order_by(func.count().desc()))
    return [
        OpenNow(cause=r[0], connection=r[1], count=r[2], oldest_s=now - r[3], late=r[4], unowned=r[5]) for r in rows
    ]
