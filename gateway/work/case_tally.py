"""What people's work comes to, in figures that only grow: taken from the cases' history, each line once, and kept.

They are of the database, not of a process: the same at every worker, not lost at a restart, and not less when old cases
are forgotten. Nobody who decides waits for a figure: whoever keeps cases up counts what was written since.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.classify import Cause
from dead_letter.store import GATEWAY
from dead_letter.tables import case_history, case_tally, case_tally_position, cases
from dead_letter.values import CaseState, Ending
from gateway.notify.tail import Position, follow
from gateway.storage.database import dumps, insert, loads
from gateway.work.workplace import Workplace

HOUR_S = 3600.0
BUCKETS = (HOUR_S / 4, HOUR_S, 4 * HOUR_S, 8 * HOUR_S, 24 * HOUR_S, 3 * 24 * HOUR_S, 7 * 24 * HOUR_S, 30 * 24 * HOUR_S)
"""Upper bounds of how long a case took, in seconds; one more holds what took longer."""
LOOKS = 20
"""Of one call; what is left is counted by the next."""
MOST_SAID = 80
"""Of a reason: its words up to the first colon, because what follows may be different each time."""
_CHUNK = 500
_NAME = "cases"

CREATED, CAME_BACK, DECIDED, CLOSED = "created", "came_back", "decided", "closed"
RESOLVED, OBSOLETE, BREACHED, REASSIGNED, ESCALATED = "resolved", "obsolete", "breached", "reassigned", "escalated"
UNMAPPED = "unmapped"
_WORK: Mapping[str, str] = {
    "overdue": BREACHED,
    "assign": REASSIGNED,
    "delegate": REASSIGNED,
    "escalate": ESCALATED,
}

Key = tuple[str, str, str, str]
"""Name, cause, connection, and what else tells them apart."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One of them."""

    name: str
    cause: str
    connection: str
    detail: str
    """Of decisions the action, of ends the ending and who (`discarded person`), of times the bucket, of reasons the
    reason, of unmapped values flow and field.
    """
    count: int
    seconds: float
    """Of times: all of them together."""


async def count(place: Workplace) -> int:
    """Counts what was written since the last time; gives how many lines. Of two workers one counts. StorageError."""
    counted = 0
    for _ in range(LOOKS):
        async with place.database.begin("tally") as tx:
            lines = await _count(tx)
        counted += lines
        if not lines:
            break
    return counted


async def _count(tx: AsyncConnection) -> int:
    row = case_tally_position.c
    fresh = {"name": _NAME, "after": 0, "missing": "{}"}
    await tx.execute(insert(tx, case_tally_position).values(**fresh).on_conflict_do_nothing())
    stored = (await tx.execute(select(case_tally_position).where(row.name == _NAME).with_for_update())).one()
    before = Position(stored.after, {int(id): begun for id, begun in loads(stored.missing).items()})
    after, lines = await follow(tx, before)
    if after != before:
        missing = dumps({str(id): begun for id, begun in after.missing.items()})
        await tx.execute(
            update(case_tally_position).where(row.name == _NAME).values(after=after.after, missing=missing)
        )
    if lines:
        await _add(tx, await _figures(tx, [line.id for line in lines]))
    return len(lines)


async def _figures(tx: AsyncConnection, ids: list[int]) -> dict[Key, tuple[int, float]]:
    step = case_history.c
    columns = (step.name, step.action, step.state, step.actor, step.reason, step.at)
    of_case = (cases.c.cause, cases.c.connection, cases.c.flow, cases.c.field, cases.c.first_seen)
    found: dict[Key, tuple[int, float]] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(*columns, *of_case).join(cases, cases.c.number == step.number)
        for row in await tx.execute(query.where(step.id.in_(ids[start : start + _CHUNK]))):
            for name, detail, seconds in _of_line(row):
                key = (name, row.cause, row.connection, detail)
                times, total = found.get(key, (0, 0.0))
                found[key] = (times + 1, total + seconds)
    return found


def _of_line(row: Any) -> Iterable[tuple[str, str, float]]:
    """What one line of the history adds: (name, detail, seconds)."""
    if row.name in ("opened", "came_back"):
        yield CREATED, "", 0.0
        if row.name == "came_back":
            yield CAME_BACK, "", 0.0
        if row.cause == Cause.VALUE_UNKNOWN:
            yield UNMAPPED, f"{row.flow} {row.field}", 0.0
    if row.name == "decided":
        yield DECIDED, row.action, 0.0
    if row.name == "worked" and (name := _WORK.get(row.action)):
        yield name, "", 0.0
    if row.name in ("decided", "closed") and row.state == CaseState.CLOSED:
        took_s = max(0.0, row.at - row.first_seen)
        yield CLOSED, f"{row.action} {'gateway' if row.actor == GATEWAY else 'person'}", 0.0
        yield RESOLVED, str(bisect_left(BUCKETS, took_s)), took_s
        if row.action == Ending.OBSOLETE:
            yield OBSOLETE, row.reason.partition(":")[0][:MOST_SAID], 0.0


async def _add(tx: AsyncConnection, found: Mapping[Key, tuple[int, float]]) -> None:
    """In the order of their keys, as everybody does who holds several rows."""
    names = ("name", "cause", "connection", "detail")
    rows = [
        {**dict(zip(names, key, strict=True)), "count": times, "seconds": seconds}
        for key, (times, seconds) in sorted(found.items())
    ]
    if not rows:
        return
    statement = insert(tx, case_tally)
    more = {
        "count": case_tally.c.count + statement.excluded.count,
        "seconds": case_tally.c.seconds + statement.excluded.seconds,
    }
    await tx.execute(statement.on_conflict_do_update(index_elements=list(names), set_=more), rows)


async def figures(tx: AsyncConnection) -> list[Figure]:
    """All of them, as they were counted last. Names of people and numbers of cases are in none."""
    query = select(case_tally).order_by(*case_tally.primary_key.columns)
    return [Figure(**row) for row in (await tx.execute(query)).mappings()]
