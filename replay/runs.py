"""Runs and their items in the database: statements inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import accumulate
from typing import Any

import msgspec
from sqlalchemy import RowMapping, bindparam, case, delete, func, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from replay.log import Step, log
from replay.store import seen, text
from replay.tables import holds, items, run_items, runs
from replay.values import SENDS, WORKED, Ended, Limits, Outcome, Person, Run, RunState, Scope

_TOLD = 200
LEASE_S = 10.0
"""Longer than any one step; each step renews it, and another worker takes over after it."""


class RunItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item of a run, as stored."""

    run: str
    seq: int
    step: int
    subject: str
    record: str
    connection: str
    object_key: str
    action: str
    decision: str
    state: str
    outcome: Outcome
    settled_by: str
    reason: str
    case_number: str
    version: int
    handed_at: float
    ended_at: float


async def add_run(tx: AsyncConnection, run: Run) -> None:
    """A run that whoever is free carries on."""
    row = {
        "id": run.id,
        "plan": run.plan,
        "digest": run.digest,
        "state": run.state,
        "limits": text(run.limits),
        "step": run.step,
        "count": run.count,
        "at": run.at,
        "by_name": run.by.name,
        "by_human": run.by.human,
        "ended_at": 0.0,
        "reason": "",
        "stopped_by": "",
        "in_a_row": 0,
        "next_at": 0.0,
        "owner": "",
        "lease_until": 0.0,
    }
    await tx.execute(insert(runs).values(row))


async def load_run(tx: AsyncConnection, id: str, scope: Scope, *, lock: bool = False) -> Run | None:
    """A run of which everything may be seen; None: there is none."""
    query = select(runs).where(runs.c.id == id, seen(runs.c.plan, scope))
    row = (await tx.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    return to_run(row) if row else None


async def run_of_plan(tx: AsyncConnection, plan: str) -> Run | None:
    """The run of a plan, if it was started."""
    row = (await tx.execute(select(runs).where(runs.c.plan == plan))).mappings().one_or_none()
    return to_run(row) if row else None


async def list_runs(tx: AsyncConnection, scope: Scope, *, after: str, limit: int, open: bool) -> list[Run]:
    """Newest first, from the one after `after` on; `open`: only what has not ended."""
    query = select(runs).where(seen(runs.c.plan, scope))
    if open:
        query = query.where(runs.c.state.in_(list(WORKED)))
    if after:
        last = select(runs.c.at).where(runs.c.id == after).scalar_subquery()
        query = query.where(or_(runs.c.at < last, (runs.c.at == last) & (runs.c.id < after)))
    query = query.order_by(runs.c.at.desc(), runs.c.id.desc()).limit(limit)
    return [to_run(row) for row in (await tx.execute(query)).mappings()]


def to_run(row: RowMapping) -> Run:
    """A row as a value."""
    return Run(
        id=row["id"],
        plan=row["plan"],
        digest=row["digest"],
        state=RunState(row["state"]),
        limits=msgspec.json.decode(row["limits"], type=Limits),
        step=row["step"],
        count=row["count"],
        at=row["at"],
        by=Person(name=row["by_name"], human=row["by_human"]),
        ended_at=row["ended_at"],
        reason=row["reason"],
        stopped_by=row["stopped_by"],
        in_a_row=row["in_a_row"],
        next_at=row["next_at"],
    )


async def set_run(tx: AsyncConnection, id: str, **values: Any) -> None:
    """Columns of a run."""
    if "limits" in values:
        values["limits"] = text(values["limits"])
    await tx.execute(update(runs).where(runs.c.id == id).values(**values))


# Who carries a run on.


async def claim(tx: AsyncConnection, owner: str, now: float) -> str | None:
    """Takes the oldest run that nobody carries on; the one that was looked at longest ago comes first."""
    free = or_(runs.c.owner == "", runs.c.lease_until < now)
    oldest = select(runs.c.id, runs.c.owner).where(runs.c.state.in_(list(WORKED)), free)
    oldest = oldest.order_by(runs.c.at, runs.c.id).limit(1)
    found = (await tx.execute(oldest.with_for_update(skip_locked=True))).one_or_none()
    if found is None:
        return None
    await tx.execute(update(runs).where(runs.c.id == found.id).values(owner=owner, lease_until=now + LEASE_S))
    if found.owner:
        await log(tx, found.id, Step.TAKEN_UP, owner, now)
    return str(found.id)


async def unclaimed(tx: AsyncConnection, now: float) -> bool:
    """Whether a run waits for somebody to carry it on; asked before `claim`, which writes."""
    free = or_(runs.c.owner == "", runs.c.lease_until < now)
    query = select(runs.c.id).where(runs.c.state.in_(list(WORKED)), free).limit(1)
    return (await tx.execute(query)).first() is not None


async def keep(tx: AsyncConnection, id: str, owner: str, now: float) -> Run | None:
    """The run, locked and its lease renewed; None: another worker carries it on, or it is over."""
    mine = (runs.c.id == id, runs.c.owner == owner, runs.c.state.in_(list(WORKED)))
    kept = await tx.execute(update(runs).where(*mine).values(lease_until=now + LEASE_S))
    if kept.rowcount != 1:
        return None
    return to_run((await tx.execute(select(runs).where(runs.c.id == id))).mappings().one())


async def let_go(tx: AsyncConnection, owner: str) -> None:
    """A worker that stops gives its runs back at once."""
    await tx.execute(update(runs).where(runs.c.owner == owner).values(owner="", lease_until=0.0))


# Items.


async def add_run_items(tx: AsyncConnection, run: Run) -> None:
    """Every item of the plan that sends waits for its turn, in the plan's order, each in its step of the ramp. One
    statement: a hundred thousand items must not keep others from the database.
    """
    place = func.row_number().over(order_by=items.c.seq)
    copied = [items.c[name] for name in ("seq", "subject", "record", "connection", "object_key", "action", "decision")]
    sending = select(*copied, place.label("place")).where(items.c.plan == run.plan, items.c.action.in_(list(SENDS)))
    found = sending.subquery()
    ends = list(accumulate(run.steps))
    steps = [(found.c.place <= end, step) for step, end in enumerate(ends, 1)]
    fresh = {
        "run": literal(run.id),
        "step": case(*steps, else_=len(ends)),
        "state": literal("waiting"),
        "outcome": literal(str(Outcome.WAITING)),
        "settled_by": literal(""),
        "reason": literal(""),
        "case_number": literal(""),
        "version": literal(0),
        "handed_at": literal(0.0),
        "ended_at": literal(0.0),
    }
    columns = {**{column.name: found.c[column.name] for column in copied}, **fresh}
    await tx.execute(insert(run_items).from_select(list(columns), select(*columns.values())))


async def load_run_items(
    tx: AsyncConnection,
    run: str,
    *,
    state: str = "",
    step: int = 0,
    outcome: str = "",
    after: int = 0,
    limit: int = 50,
) -> list[RunItem]:
    """Items in their order, behind place `after`."""
    query = select(run_items).where(run_items.c.run == run, run_items.c.seq > after)
    if state:
        query = query.where(run_items.c.state == state)
    if step:
        query = query.where(run_items.c.step == step)
    if outcome:
        query = query.where(run_items.c.outcome == outcome)
    rows = (await tx.execute(query.order_by(run_items.c.seq).limit(limit))).mappings()
    return [RunItem(**{**row, "outcome": Outcome(row["outcome"])}) for row in rows]


async def mark_handed(tx: AsyncConnection, run: str, seq: int, version: int, now: float) -> None:
    """The item's lane has it."""
    mine = (run_items.c.run == run, run_items.c.seq == seq)
    await tx.execute(update(run_items).where(*mine).values(state="handed", version=version, handed_at=now))


_settle = (
    update(run_items)
    .where(run_items.c.run == bindparam("b_run"), run_items.c.seq == bindparam("b_seq"))
    .values(
        state=bindparam("b_state"),
        outcome=bindparam("b_outcome"),
        settled_by=bindparam("b_by"),
        reason=bindparam("b_reason"),
        case_number=bindparam("b_case"),
        ended_at=bindparam("b_at"),
    )
)


async def settle(tx: AsyncConnection, run: str, ended: Mapping[int, Ended], now: float) -> None:
    """What became of items, by place; what is not final stays with its lane."""
    rows = [
        {
            "b_run": run,
            "b_seq": seq,
            "b_state": "done" if each.final else "handed",
            "b_outcome": each.outcome,
            "b_by": each.by,
            "b_reason": each.reason,
            "b_case": each.case,
            "b_at": now if each.final else 0.0,
        }
        for seq, each in ended.items()
    ]
    if rows:
        await tx.execute(_settle, rows)


async def leave_out(tx: AsyncConnection, run: str, reason: str, now: float) -> int:
    """Everything that still waits for its turn is skipped. Gives how many items that are."""
    mine = (run_items.c.run == run, run_items.c.state == "waiting")
    values = {"state": "done", "outcome": Outcome.SKIPPED, "reason": reason, "ended_at": now}
    return (await tx.execute(update(run_items).where(*mine).values(values))).rowcount


async def tally(tx: AsyncConnection, run: str) -> list[tuple[int, str, str, str, int]]:
    """(step, state, outcome, settled by, count): all that the sums of a run need, counted in one pass."""
    columns = (run_items.c.step, run_items.c.state, run_items.c.outcome, run_items.c.settled_by)
    query = select(*columns, func.count()).where(run_items.c.run == run).group_by(*columns)
    return [(row[0], row[1], row[2], row[3], row[4]) for row in await tx.execute(query)]


async def troubles(tx: AsyncConnection, run: str, outcomes: Collection[Outcome], limit: int) -> list[dict[str, Any]]:
    """Items that did not go well by reason, the most frequent first, each with its first case."""
    columns = (run_items.c.outcome, run_items.c.reason)
    count = func.count().label("count")
    query = select(*columns, count, func.min(run_items.c.case_number).label("case"))
    query = query.where(run_items.c.run == run, run_items.c.outcome.in_(list(outcomes))).group_by(*columns)
    return [dict(row) for row in (await tx.execute(query.order_by(count.desc(), *columns).limit(limit))).mappings()]


async def left_over(tx: AsyncConnection, run: str, outcomes: Collection[Outcome], limit: int) -> list[str]:
    """Cases (or notices) of a run's items that did not end well, in the plan's order: the case that keeps what is not
    settled, else the one that was replayed.
    """
    columns = (run_items.c.subject, run_items.c.case_number)
    query = select(*columns).where(run_items.c.run == run, run_items.c.outcome.in_(list(outcomes)))
    rows = await tx.execute(query.order_by(run_items.c.seq).limit(limit))
    return list(dict.fromkeys(row[1] or row[0] for row in rows))


# Which run has a record.


_HELD = case(
    (run_items.c.record != "", run_items.c.record),
    else_=case((run_items.c.connection != "", run_items.c.connection), else_="-") + ":" + run_items.c.subject,
)
"""As `store.held_key`, of rows."""


async def hold(tx: AsyncConnection, run: Run) -> list[tuple[str, str]]:
    """Takes all records of a run's items. Gives (object, run) of those that another run has: then the transaction has
    to be undone.
    """
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    wanted = select(_HELD.label("record"), literal(run.id).label("run")).where(run_items.c.run == run.id).distinct()
    taking = dialect.insert(holds).from_select(["record", "run"], wanted.order_by("record"))
    await tx.execute(taking.on_conflict_do_nothing())
    others = select(run_items.c.object_key, run_items.c.subject, holds.c.run).join(holds, holds.c.record == _HELD)
    rows = await tx.execute(others.where(run_items.c.run == run.id, holds.c.run != run.id).limit(_TOLD))
    return [(row[0] or row[1], row[2]) for row in rows]


async def release(tx: AsyncConnection, run: str) -> None:
    """Gives the records of a run back."""
    await tx.execute(delete(holds).where(holds.c.run == run))
