"""What time does to cases: parked ones come back, priorities follow, due times come near, requests run out.

Rows are taken without waiting for locks that others hold, so this never stands in the way of the work and cannot
deadlock with it: what is held now is looked at the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import store
from dead_letter.business import Deadlines
from dead_letter.parking import Marks
from dead_letter.priority import Rank
from dead_letter.rows import Row, ranked_row, resting_state, to_summary, until_of_row
from dead_letter.store import GATEWAY, NOT_PARKED
from dead_letter.tables import IS_OPEN, IS_PARKED, UNTOLD, cases
from dead_letter.values import Case, CaseSummary, Step

RANK_EVERY_S = 3600.0
"""How old a priority may be: its parts change with hours and days."""
MOST_PARKED = 5000
NEAR, OVER = 1, 2

_FOUND = [column for column in cases.c if column.name != "evidence"]


async def unpark_over(tx: AsyncConnection, marks: Marks, now: float) -> list[str]:
    """Ends each parking whose time, count or event has come; the history says which. Gives the numbers."""
    come = or_(cases.c.park_at <= now, cases.c.count >= cases.c.park_count, cases.c.park.like('%"events":{"%'))
    query = select(*_FOUND).where(IS_PARKED, come).order_by(cases.c.number).limit(MOST_PARKED)
    found = []
    for row in (await tx.execute(query.with_for_update(skip_locked=True))).mappings():
        until = until_of_row(row["park"])
        case = _as_case(row)
        if until is None or not (why := until.over(case, marks, now)):
            continue
        await store.record_step(tx, case, _step(case, "unpark", why, now, parked=True), NOT_PARKED)
        found.append(case.number)
    return found


async def to_rank(tx: AsyncConnection, now: float, *, limit: int = 500) -> list[CaseSummary]:
    """Open cases whose priority was never computed with all that is known, or is old; held until the end of `tx`."""
    query = select(*_FOUND).where(IS_OPEN, cases.c.ranked_at < now - RANK_EVERY_S).order_by(cases.c.ranked_at)
    rows = (await tx.execute(query.limit(limit).with_for_update(skip_locked=True))).mappings()
    return [to_summary(row) for row in rows]


async def group_sizes(tx: AsyncConnection, groups: Sequence[str]) -> dict[str, int]:
    """Group -> how many open cases it has."""
    query = select(cases.c.group_key, func.count()).where(IS_OPEN, cases.c.group_key.in_(groups))
    return {row[0]: row[1] for row in await tx.execute(query.group_by(cases.c.group_key))}


async def store_ranks(
    tx: AsyncConnection, ranks: Sequence[tuple[CaseSummary, Rank]], deadlines: Deadlines, now: float
) -> None:
    """Keeps priorities, and the due times that follow from their levels. A priority moves no version."""
    if not ranks:
        return
    rows = []
    for case, found in ranks:
        row = ranked_row(found, case.first_seen, deadlines)
        rows.append({f"new_{name}": each for name, each in row.items()} | {"the_number": _number(case)})
    columns = ("priority", "level", "reasons", "due_at", "warn_at")
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
    values["ranked_at"] = now
    # A group that was never set is one of a worker of the release before.
    values["group_key"] = func.coalesce(func.nullif(cases.c.group_key, ""), cases.c.fingerprint)
    await tx.execute(update(cases).where(cases.c.number == bindparam("the_number")).values(**values), rows)


async def tell_due(tx: AsyncConnection, now: float, *, limit: int = 500) -> list[tuple[str, str]]:
    """Notes in the history that a due time is near or over, once each: (number, `due_soon` or `overdue`)."""
    near = (cases.c.told < NEAR) & (cases.c.warn_at <= now)
    over = cases.c.due_at <= now
    query = select(*_FOUND).where(UNTOLD, cases.c.warn_at <= now, cases.c.warn_at > 0, near | over)
    rows = (await tx.execute(query.order_by(cases.c.warn_at).limit(limit).with_for_update(skip_locked=True))).mappings()
    found = []
    for row in rows:
        case = _as_case(row)
        late = row["due_at"] <= now
        name = "overdue" if late else "due_soon"
        values = {"told": OVER if late else NEAR, "ranked_at": 0.0}
        await store.record_step(tx, case, _step(case, name, "", now, parked=False), values)
        found.append((case.number, name))
    return found


def _step(case: Case, action: str, why: str, now: float, *, parked: bool) -> Step:
    return Step(
        at=now,
        name="worked",
        version=case.version,
        state=resting_state(case.owner, case.former) if parked else case.state,
        actor=GATEWAY,
        action=action,
        reason=why,
        work=case.work + 1,
    )


def _as_case(row: Row) -> Case:
    """A case without its evidence, which nothing here looks at."""
    found = to_summary(row)
    values = {name: getattr(found, name) for name in CaseSummary.__struct_fields__}
    return Case(**values, evidence={})


def _number(case: CaseSummary) -> int:
    return int(case.number.removeprefix("FO-"))
