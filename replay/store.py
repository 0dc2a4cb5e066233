"""Plans and their items in the database: statements inside the caller's transaction, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from replay.tables import holds, items, places, plans, run_items, runs
from replay.values import Action, Diff, Foreseen, Limits, Person, Pins, Plan, PlanState, Scope

BATCH = 500

_diffs = msgspec.json.Decoder(tuple[Diff, ...]).decode
_encode = msgspec.json.Encoder().encode


def batches(rows: Sequence[Any], size: int = BATCH) -> Iterator[Sequence[Any]]:
    """`rows` in pieces short enough for one statement."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def text(value: Any) -> str:
    """JSON text for a column."""
    return _encode(value).decode()


# Plans.


async def finish_plan(tx: AsyncConnection, plan: Plan, where: Collection[tuple[str, str]]) -> None:
    """The plan is whole: from now on it can be looked at and run."""
    values = {
        "state": PlanState.READY,
        "digest": plan.digest,
        "at": plan.at,
        "pins": text(plan.pins),
        "limits": text(plan.limits),
        "totals": text(plan.totals),
        "count": plan.count,
        "calls": plan.calls,
        "needs_approval": plan.needs_approval,
    }
    await tx.execute(update(plans).where(plans.c.id == plan.id).values(values))
    rows = [{"plan": plan.id, "connection": connection, "flow": flow} for connection, flow in sorted(where)]
    if rows:
        await tx.execute(insert(places), rows)


async def load_plan(tx: AsyncConnection, id: str, scope: Scope, *, lock: bool = False) -> Plan | None:
    """A whole plan of which everything may be seen; None: there is none."""
    query = select(plans).where(plans.c.id == id, plans.c.state == PlanState.READY, seen(plans.c.id, scope))
    row = (await tx.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    return to_plan(row) if row else None


async def list_plans(tx: AsyncConnection, scope: Scope, *, after: str, limit: int) -> list[Plan]:
    """Whole plans, newest first, from the one after `after` on."""
    query = select(plans).where(plans.c.state == PlanState.READY, seen(plans.c.id, scope))
    query = query.order_by(plans.c.at.desc(), plans.c.id.desc()).limit(limit)
    if after:
        last = select(plans.c.at).where(plans.c.id == after).scalar_subquery()
        query = query.where(or_(plans.c.at < last, (plans.c.at == last) & (plans.c.id < after)))
    return [to_plan(row) for row in (await tx.execute(query)).mappings()]


def seen(plan: ColumnElement[Any], scope: Scope) -> ColumnElement[bool]:
    """Condition: the plan touches nothing outside the scope."""
    outside = []
    if scope.connections is not None:
        outside.append(places.c.connection.not_in(["", *scope.connections]))
    if scope.flows is not None:
        outside.append(places.c.flow.not_in(["", *scope.flows]))
    hidden = select(places.c.plan).where(places.c.plan == plan, or_(*outside)) if outside else None
    return plan.is_not(None) if hidden is None else ~hidden.exists()


def to_plan(row: RowMapping) -> Plan:
    """A row as a value."""
    return Plan(
        id=row["id"],
        selection=row["selection"],
        state=PlanState(row["state"]),
        digest=row["digest"],
        at=row["at"],
        by=Person(name=row["by_name"], human=row["by_human"]),
        pins=msgspec.json.decode(row["pins"], type=Pins),
        limits=msgspec.json.decode(row["limits"], type=Limits),
        totals=msgspec.json.decode(row["totals"], type=dict[str, int]),
        count=row["count"],
        calls=row["calls"],
        again=row["again"],
        needs_approval=row["needs_approval"],
        approved_by=row["approved_by"],
        approved_at=row["approved_at"],
    )


async def approve_plan(tx: AsyncConnection, plan: str, by: Person, now: float) -> None:
    """The second person's yes."""
    values = {"approved_by": by.name, "approved_human": by.human, "approved_at": now}
    await tx.execute(update(plans).where(plans.c.id == plan).values(values))


async def approver(tx: AsyncConnection, plan: str) -> str:
    """The human who approved a plan; empty: nobody did."""
    return str((await tx.execute(select(plans.c.approved_human).where(plans.c.id == plan))).scalar_one())


# Items.


async def add_items(tx: AsyncConnection, plan: str, first: int, foreseen: Sequence[Foreseen]) -> None:
    """Items in the plan's order, the first at place `first`."""
    rows = [_item_row(plan, first + offset, each) for offset, each in enumerate(foreseen)]
    if rows:
        await tx.execute(insert(items), rows)


def _item_row(plan: str, seq: int, each: Foreseen) -> dict[str, Any]:
    return {
        "plan": plan,
        "seq": seq,
        "subject": each.subject,
        "action": each.action,
        "decision": each.decision,
        "alike": each.alike,
        "change": text(each.change),
        "reason": each.reason,
        "record": each.record,
        "flow": each.flow,
        "connection": each.connection,
        "object": each.object,
        "object_key": each.object_key,
        "cause": each.cause,
        "calls": each.calls,
        "version": each.version,
        "revision": each.revision,
        "diffs": text(each.diffs),
    }


async def load_items(
    tx: AsyncConnection,
    plan: str,
    *,
    after: int = 0,
    limit: int = BATCH,
    actions: Collection[Action] = (),
    alike: str | None = None,
) -> list[tuple[int, Foreseen]]:
    """(place, item) in the plan's order, behind place `after`."""
    query = select(items).where(items.c.plan == plan, items.c.seq > after)
    if actions:
        query = query.where(items.c.action.in_(list(actions)))
    if alike is not None:
        query = query.where(items.c.alike == alike)
    rows = (await tx.execute(query.order_by(items.c.seq).limit(limit))).mappings()
    return [(row["seq"], to_item(row)) for row in rows]


class Pinned(msgspec.Struct, frozen=True, gc=False):
    """What tells whether an item has to be foreseen anew."""

    seq: int
    subject: str
    record: str
    connection: str
    version: int
    revision: int


_PINNED = [items.c[name] for name in Pinned.__struct_fields__]


async def load_pinned(tx: AsyncConnection, plan: str, *, after: int, actions: Collection[Action]) -> list[Pinned]:
    """The next items of a plan behind place `after`, without what they would do."""
    query = select(*_PINNED).where(items.c.plan == plan, items.c.seq > after, items.c.action.in_(list(actions)))
    return [Pinned(*row) for row in await tx.execute(query.order_by(items.c.seq).limit(BATCH))]


async def items_at(tx: AsyncConnection, plan: str, places: Collection[int]) -> list[Foreseen]:
    """The items at these places, in the plan's order."""
    query = select(items).where(items.c.plan == plan, items.c.seq.in_(list(places))).order_by(items.c.seq)
    return [to_item(row) for row in (await tx.execute(query)).mappings()]


async def load_item(tx: AsyncConnection, plan: str, seq: int) -> Foreseen:
    """The item at this place."""
    query = select(items).where(items.c.plan == plan, items.c.seq == seq)
    return to_item((await tx.execute(query)).mappings().one())


def to_item(row: RowMapping) -> Foreseen:
    """A row as a value."""
    return Foreseen(
        subject=row["subject"],
        action=Action(row["action"]),
        decision=row["decision"],
        reason=row["reason"],
        record=row["record"],
        flow=row["flow"],
        connection=row["connection"],
        object=row["object"],
        object_key=row["object_key"],
        cause=row["cause"],
        diffs=_diffs(row["diffs"]),
        calls=row["calls"],
        version=row["version"],
        revision=row["revision"],
    )


async def folded(tx: AsyncConnection, plan: str) -> list[dict[str, Any]]:
    """Items that do the same, counted together: action, alike, connection, count, and the first one's place."""
    columns = (items.c.action, items.c.alike, items.c.connection)
    query = select(*columns, func.count().label("count"), func.min(items.c.seq).label("first"))
    query = query.where(items.c.plan == plan).group_by(*columns).order_by(func.min(items.c.seq))
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def values_of(tx: AsyncConnection, plan: str, action: str, alike: str, limit: int) -> list[tuple[str, int]]:
    """(JSON of the change, count) of the items of a fold, the most frequent first."""
    count = func.count().label("count")
    query = select(items.c.change, count).where(items.c.plan == plan, items.c.action == action, items.c.alike == alike)
    rows = await tx.execute(query.group_by(items.c.change).order_by(count.desc(), func.min(items.c.seq)).limit(limit))
    return [(row[0], row[1]) for row in rows]


async def kinds_of_change(tx: AsyncConnection, plan: str) -> dict[tuple[str, str], int]:
    """(action, alike) -> how many different changes."""
    columns = (items.c.action, items.c.alike)
    query = select(*columns, func.count(items.c.change.distinct())).where(items.c.plan == plan).group_by(*columns)
    return {(row[0], row[1]): row[2] for row in await tx.execute(query)}


# Where items are.


async def held_records(tx: AsyncConnection, keys: Collection[str]) -> dict[str, str]:
    """Record (or case without one) -> the run that has it."""
    found: dict[str, str] = {}
    for part in batches(sorted(keys)):
        query = select(holds.c.record, holds.c.run).where(holds.c.record.in_(part))
        found.update((row[0], row[1]) for row in await tx.execute(query))
    return found


async def runs_of_subjects(tx: AsyncConnection, subjects: Collection[str]) -> dict[str, str]:
    """Case or notice -> the run in which it waits or is on its way."""
    found: dict[str, str] = {}
    for part in batches(sorted(subjects)):
        query = select(run_items.c.subject, run_items.c.run).where(run_items.c.subject.in_(part))
        rows = await tx.execute(query.where(run_items.c.state != "done"))
        found.update((row[0], row[1]) for row in rows)
    return found


async def runs_of_plans(tx: AsyncConnection, ids: Collection[str]) -> dict[str, str]:
    """Plan -> its run."""
    query = select(runs.c.plan, runs.c.id).where(runs.c.plan.in_(list(ids)))
    return {row[0]: row[1] for row in await tx.execute(query)}


def held_key(item: Foreseen | Pinned) -> str:
    """What a run holds for an item: its record, or itself where it has none."""
    return item.record or f"{item.connection or '-'}:{item.subject}"


async def connections_of(tx: AsyncConnection, plan: str) -> set[str]:
    """Where a plan would do something."""
    query = select(places.c.connection).where(places.c.plan == plan)
    return {row[0] for row in await tx.execute(query)}
