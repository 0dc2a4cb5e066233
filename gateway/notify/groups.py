"""The open cases by group, and the runs that ended, as the database has them. Reads only.

Counting reads the index of open groups alone (`cases_open_group`), whatever the number of cases; the rest is asked for
only where there is something to tell.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace
from sqlalchemy import case, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.tables import IS_OPEN, cases
from dead_letter.values import format_number
from gateway.config.notifications import LEVELS
from gateway.notify.facts import Facts
from gateway.notify.threads import Group, Thread
from replay.tables import places, run_items, runs
from replay.values import ENDED

MOST_READ = 1000
"""Cases of a group whose systems are named."""
REMEMBERED_S = 7 * 86400.0
"""A run that ended longer ago is no news to anybody. Less than threads are kept."""

_PART = 400
_T = TypeVar("_T")
_row = cases.c


async def open_groups(tx: AsyncConnection) -> dict[str, Group]:
    """Every group with an open case."""
    due = func.min(case((_row.due_at > 0, _row.due_at)))
    query = (
        select(
            _row.group_key,
            func.count().label("amount"),
            func.min(_row.number).label("first"),
            func.min(_row.first_seen).label("first_seen"),
            func.max(_row.priority).label("priority"),
            func.coalesce(due, 0.0).label("due_at"),
        )
        .where(IS_OPEN)
        .group_by(_row.group_key)
    )
    return {
        row.group_key: Group(
            key=row.group_key,
            count=row.amount,
            first=row.first,
            first_seen=row.first_seen,
            priority=row.priority,
            due_at=row.due_at,
        )
        for row in await tx.execute(query)
    }


async def completed(tx: AsyncConnection, pairs: Sequence[tuple[Thread, Group]]) -> list[Group]:
    """With what the index does not tell: when the nearest due time counts as near, and whether it came back. In as
    many statements as there are hundreds of groups, not as there are groups.
    """
    moved = [group for thread, group in pairs if group.due_at and (thread.ended or group.due_at != thread.due_at)]
    near = await _near(tx, moved)
    former = await _former(tx, [group.first for thread, group in pairs if thread.ended])
    return [
        replace(
            group,
            warn_at=near.get(group.key, thread.warn_at if group.due_at else 0.0),
            came_back=group.first in former,
        )
        for thread, group in pairs
    ]


async def _near(tx: AsyncConnection, groups: Sequence[Group]) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in _parts(groups):
        nearest = tuple_(_row.group_key, _row.due_at).in_([(group.key, group.due_at) for group in part])
        query = select(_row.group_key, func.max(_row.warn_at)).where(nearest, IS_OPEN).group_by(_row.group_key)
        found |= {key: float(at or 0.0) for key, at in await tx.execute(query)}
    return found


async def _former(tx: AsyncConnection, numbers: Sequence[int]) -> set[int]:
    """Which of these cases follow one that was closed."""
    found: set[int] = set()
    for part in _parts(numbers):
        query = select(_row.number).where(_row.number.in_(part), _row.former.is_not(None))
        found |= set((await tx.execute(query)).scalars())
    return found


async def flood_of(tx: AsyncConnection, groups: Sequence[Group], over: Sequence[Facts]) -> Facts:
    """What may be told of many groups together, and of some (`over`) that have no open case; `text` is the caller's."""
    places = {name for facts in over for name in facts.connections}
    levels = {facts.level for facts in over}
    for part in _parts(groups):
        mine = _row.group_key.in_([group.key for group in part])
        for name, level in await tx.execute(select(_row.connection, _row.level).where(mine, IS_OPEN).distinct()):
            places.add(name)
            levels.add(level)
    return Facts(
        text="",
        path="/cases",
        level=max(levels, key=LEVELS.index, default="normal"),
        connections=tuple(sorted(name for name in places if name)),
        open=sum(group.count for group in groups),
        groups=len(groups) + len(over),
    )


def _parts(whole: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(whole), _PART):
        yield whole[start : start + _PART]


async def facts_of(tx: AsyncConnection, group: Group) -> Facts:
    """What may be told of a group that has an open case; `text` is the caller's."""
    mine = (_row.group_key == group.key) & IS_OPEN
    first = select(_row.cls, _row.cause, _row.flow, _row.field).where(_row.number == group.first)
    told = (await tx.execute(first)).one()
    level = select(_row.level).where(mine, _row.priority == group.priority).limit(1)
    some = select(_row.connection).where(mine).order_by(_row.number).limit(MOST_READ).subquery()
    named = await tx.execute(select(some.c.connection).distinct())
    number = format_number(group.first)
    return Facts(
        text="",
        path=f"/c/{number}",
        level=str((await tx.execute(level)).scalar() or "normal"),
        connections=tuple(sorted(name for (name,) in named if name)),
        open=group.count,
        case=number,
        cls=told.cls,
        cause=told.cause,
        flow=told.flow,
        field=told.field,
        first_seen=group.first_seen,
        due_at=group.due_at,
    )


async def moved_away(tx: AsyncConnection, group: str) -> bool:
    """Whether no case, open or closed, is of this group any more: people put it together with another."""
    return (await tx.execute(select(_row.number).where(_row.group_key == group).limit(1))).first() is None


async def escalations(tx: AsyncConnection, lines: Sequence[Any]) -> Mapping[str, int]:
    """Group -> how often a case of it was escalated, by these lines of the history."""
    counted: dict[int, int] = {}
    for line in lines:
        if line.action == "escalate":
            counted[line.number] = counted.get(line.number, 0) + 1
    found: dict[str, int] = {}
    numbers = sorted(counted)
    for start in range(0, len(numbers), MOST_READ):
        query = select(_row.number, _row.group_key).where(_row.number.in_(numbers[start : start + MOST_READ]), IS_OPEN)
        for row in await tx.execute(query):
            found[row.group_key] = found.get(row.group_key, 0) + counted[row.number]
    return found


async def ended_runs(tx: AsyncConnection, since: float, now: float, told: Container[str]) -> list[tuple[str, Facts]]:
    """Runs that ended since then, at most `REMEMBERED_S` ago, and are not among those that were told, oldest first."""
    late = runs.c.ended_at >= max(since, now - REMEMBERED_S)
    query = select(runs.c.id, runs.c.plan, runs.c.state, runs.c.count, runs.c.ended_at).where(
        runs.c.state.in_([str(state) for state in ENDED]), late
    )
    found = (await tx.execute(query.order_by(runs.c.ended_at, runs.c.id))).all()
    return [(row.id, await _run(tx, row)) for row in found if row.id not in told]


async def _run(tx: AsyncConnection, row: Any) -> Facts:
    item = run_items.c
    counted = select(item.outcome, func.count().label("amount")).where(item.run == row.id).group_by(item.outcome)
    counts = {one.outcome: one.amount for one in await tx.execute(counted)}
    where = await tx.execute(select(places.c.connection).where(places.c.plan == row.plan).distinct())
    parts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    ended = "is done" if row.state == "done" else "was stopped"
    return Facts(
        text=f"The replay {row.id} {ended}: {row.count} items = {parts}" if parts else f"The replay {row.id} {ended}",
        path=f"/runs/{row.id}",
        connections=tuple(sorted(name for (name,) in where if name)),
        run=row.id,
        state=row.state,
        counts=counts,
    )
