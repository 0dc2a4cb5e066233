"""Runs and their items in the database. The transaction is a parameter, except where a question is all there is."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.core.ids import new_id
from gateway.reconcile.tables import reconcile_item, reconcile_run
from gateway.reconcile.values import NO_CHANGE, RANK, WORKED, Drift, Kind, Run, RunState, Wish
from gateway.storage.database import Database, dumps, insert, loads
from gateway.sweeps import book

SWEEP = "reconcile"
"""Kind of the sweep that works the runs, under no connection's name."""
KEPT_S = 30 * 86400.0
"""How long a plan or a report can be looked at."""
LOOK = "look"

_run, _item = reconcile_run.c, reconcile_item.c


async def ask(database: Database, flow: str, wish: Wish, *, now: float) -> str:
    """Asks for a plan; the running gateway makes it. Gives the run's id."""
    run = new_id("rc", at=now)
    row = {"id": run, "flow": flow, "state": RunState.PLANNING, "wish": dumps(asdict(wish)), "cursor": "{}"}
    async with database.begin("reconcile.ask") as tx:
        await tx.execute(reconcile_run.insert().values(**row, asked_at=now, planned_at=0.0, finished_at=0.0))
    await wake(database, run, now=now)
    return run


async def turn(
    database: Database,
    run: str,
    before: Collection[RunState],
    after: RunState,
    *,
    now: float,
    told: Callable[[AsyncConnection], Awaitable[None]] | None = None,
) -> bool:
    """Moves a run from one state to another and has it worked; `told` writes down who said so, with it. False: it was
    in none of `before`.
    """
    async with database.begin("reconcile.turn") as tx:
        moved = await tx.execute(
            update(reconcile_run).where(_run.id == run, _run.state.in_(list(before))).values(state=after)
        )
        if moved.rowcount and told is not None:
            await told(tx)
    if moved.rowcount:
        await wake(database, run, now=now)
    return bool(moved.rowcount)


async def wake(database: Database, run: str, *, now: float) -> None:
    """Makes the gateway look at the runs at once."""
    await book.ask(database, "", [SWEEP], {"by": "cli", "run": run, "at": now}, now=now)


def _as_run(row: Any) -> Run:
    wish = loads(row.wish)
    wish["connections"] = tuple(wish["connections"])
    cursor = dict(loads(row.cursor))
    state = RunState(row.state)
    return Run(row.id, row.flow, state, Wish(**wish), cursor, row.asked_at, row.planned_at, row.finished_at)


async def runs(database: Database, *, run: str | None = None) -> list[Run]:
    """Runs, the oldest first: one of this id, or all."""
    query = select(reconcile_run).order_by(_run.asked_at, _run.id)
    if run is not None:
        query = query.where(_run.id == run)
    async with database.read() as tx:
        return [_as_run(row) for row in await tx.execute(query)]


async def next_run(database: Database) -> Run | None:
    """The run to work on: they take turns in the order in which they were asked for."""
    query = select(reconcile_run).where(_run.state.in_(list(WORKED))).order_by(_run.asked_at, _run.id).limit(1)
    async with database.read() as tx:
        row = (await tx.execute(query)).one_or_none()
    return None if row is None else _as_run(row)


async def move(tx: AsyncConnection, run: Run, cursor: Mapping[str, Any], **values: Any) -> None:
    """Stores where the run stands; a state that a person set meanwhile stays."""
    await tx.execute(update(reconcile_run).where(_run.id == run.id).values(cursor=dumps(dict(cursor)), **values))


async def move_on(tx: AsyncConnection, run: Run, state: RunState, **values: Any) -> None:
    """The run's next state, unless a person set another one meanwhile."""
    await tx.execute(
        update(reconcile_run).where(_run.id == run.id, _run.state == run.state).values(state=state, **values)
    )


async def forget(database: Database, *, before: float) -> None:
    """Drops old plans and reports."""
    old = select(_run.id).where(_run.asked_at < before, _run.state.not_in(list(WORKED)))
    async with database.begin("reconcile.forget") as tx:
        await tx.execute(delete(reconcile_item).where(_item.run.in_(old)))
        await tx.execute(delete(reconcile_run).where(_run.id.in_(old)))


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def row_of(run: str, record: str, drift: Drift, *, object: str, object_id: str, object_key: str) -> dict[str, Any]:
    """An item to insert."""
    return {
        "run": run,
        "key": _key(drift.kind, record, drift.connection, object_id, drift.name, drift.about),
        "rank": RANK[drift.kind],
        "kind": drift.kind,
        "record": record,
        "connection": drift.connection,
        "object": object,
        "object_id": object_id,
        "object_key": object_key,
        "field": drift.name,
        "outcome": drift.outcome,
        "state": "planned",
        "result": "",
        "asked_at": 0.0,
        "doc": dumps(dict(drift.doc)),
    }


def look_row(run: str, *, record: str = "", connection: str = "", object: str = "", object_id: str = "") -> Any:
    """Something that is still to be compared: a record, or an object that belongs to none."""
    empty = dict.fromkeys(("object_key", "field", "outcome", "result"), "")
    return {
        **empty,
        "run": run,
        "key": _key(LOOK, record, connection, object_id),
        "rank": 0,
        "kind": LOOK,
        "record": record,
        "connection": connection,
        "object": object,
        "object_id": object_id,
        "state": LOOK,
        "asked_at": 0.0,
        "doc": "{}",
    }


async def add(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds items; those that are there already stay as they are."""
    if rows:
        await tx.execute(insert(tx, reconcile_item).on_conflict_do_nothing(), [dict(row) for row in rows])


async def items(
    tx: AsyncConnection, run: str, state: str, *more: ColumnElement[bool], limit: int = 1
) -> list[Mapping[str, Any]]:
    """Items in a state, in the order of the plan."""
    query = select(reconcile_item).where(_item.run == run, _item.state == state, *more)
    found = (await tx.execute(query.order_by(_item.rank, _item.key).limit(limit))).mappings().all()
    return [{**row, "doc": loads(row["doc"])} for row in found]


async def drop(tx: AsyncConnection, run: str, key: str) -> None:
    """What was to be looked at has been."""
    await tx.execute(delete(reconcile_item).where(_item.run == run, _item.key == key))


async def mark(tx: AsyncConnection, run: str, keys: Collection[str], **values: Any) -> None:
    """Sets columns of items."""
    where = and_(_item.run == run, _item.key.in_(list(keys)))
    await tx.execute(update(reconcile_item).where(where).values(**values))


async def number(tx: AsyncConnection, run: str, *where: ColumnElement[bool]) -> int:
    """How many items."""
    query = select(func.count()).select_from(reconcile_item).where(_item.run == run, *where)
    return int((await tx.execute(query)).scalar_one())


async def folded(database: Database, run: str) -> list[dict[str, Any]]:
    """The plan in short: what is alike counted together, the dangerous first."""
    alike = (_item.rank, _item.kind, _item.connection, _item.field, _item.outcome)
    query = select(*alike, func.count().label("count")).where(_item.run == run, _item.kind != LOOK)
    async with database.read() as tx:
        rows = (await tx.execute(query.group_by(*alike).order_by(*alike))).mappings().all()
    return [dict(row) for row in rows]


async def listed(database: Database, run: str, *, limit: int = 0, **alike: str) -> list[dict[str, Any]]:
    """Items in the order of the plan; of one group, or all."""
    where = [_item[name] == value for name, value in alike.items()]
    query = select(reconcile_item).where(_item.run == run, _item.kind != LOOK, *where)
    query = query.order_by(_item.rank, _item.connection, _item.field, _item.outcome, _item.key)
    async with database.read() as tx:
        rows = (await tx.execute(query.limit(limit) if limit else query)).mappings().all()
    return [{**row, "doc": loads(row["doc"])} for row in rows]


async def results(database: Database, run: str) -> dict[str, int]:
    """Result -> how many items; `""`: not ended yet."""
    query = select(_item.result, func.count()).where(_item.run == run, _item.kind != LOOK).group_by(_item.result)
    async with database.read() as tx:
        return {row[0]: row[1] for row in await tx.execute(query)}


async def changes(database: Database, run: str) -> int:
    """How many items a run would do something about."""
    async with database.read() as tx:
        return await number(tx, run, _item.kind.not_in([*NO_CHANGE, LOOK]))


def of_kinds(*kinds: Kind) -> ColumnElement[bool]:
    """A condition for `items` and `number`."""
    return _item.kind.in_(list(kinds))


def of(connection: str) -> ColumnElement[bool]:
    """A condition for `items` and `number`."""
    return _item.connection == connection


def same_object(item: Mapping[str, Any]) -> ColumnElement[bool]:
    """Items about the same object."""
    return and_(
        _item.record == item["record"],
        _item.connection == item["connection"],
        _item.object_id == item["object_id"],
    )


def in_state(state: str) -> ColumnElement[bool]:
    """A condition for `number`."""
    return _item.state == state


async def mark_state(tx: AsyncConnection, run: str, before: str, **values: Any) -> None:
    """Sets columns of all items in a state."""
    await tx.execute(update(reconcile_item).where(_item.run == run, _item.state == before).values(**values))
