"""Saving what a transaction of the sync core decided: records under their revision, lanes, and what was left behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import and_, bindparam, delete, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import StorageError
from gateway.audit.chain import append
from gateway.storage.database import dumps, insert, insert_all
from gateway.storage.prepared import Many
from gateway.sync import tables as t
from gateway.sync.attempts import Attempt
from gateway.sync.left import writes_left
from gateway.sync.state import Lane
from gateway.sync.unit import Effects, Unit

_encode = msgspec.json.Encoder().encode


async def save_units(tx: AsyncConnection, units: Sequence[Unit]) -> None:
    """Stores the records that changed (under their revision) and the lanes that changed.

    Raises StorageError when a record moved since it was loaded: the whole transaction is then run again.
    """
    for unit in units:
        for lane in unit.lanes.values():
            lane.writes_left = writes_left(unit, lane.connection) if lane.dirty else 0
    lanes = [[lane for lane in unit.lanes.values() if unit.lanes_before.get(lane.connection) != lane] for unit in units]
    await _save_records(tx, [(unit, bool(moved)) for unit, moved in zip(units, lanes, strict=True)])
    changed = [lane_row(lane) for moved in lanes for lane in moved]
    await _upsert_lanes.run(tx, changed)
    for unit in units:
        if unit.state.tombstoned_at is not None:
            for lane in unit.lanes.values():
                lane.leaves = True


def _upserting_lanes(insert: Any) -> Any:
    statement = insert(t.lane)
    values = {column.name: statement.excluded[column.name] for column in t.lane.c if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=["record", "connection"], set_=values)


_upsert_lanes = Many(_upserting_lanes)


_update_record = (
    update(t.record)
    .where(t.record.c.id == bindparam("b_id"), t.record.c.rev == bindparam("b_rev"))
    .values(
        rev=bindparam("b_new_rev"),
        natural=bindparam("b_natural"),
        tombstoned=bindparam("b_tombstoned"),
        updated_at=bindparam("b_updated_at"),
        left_at=bindparam("b_left_at"),
        doc=bindparam("b_doc"),
    )
)


_update_records = Many(lambda insert: _update_record)


async def _save_records(tx: AsyncConnection, units: Sequence[tuple[Unit, bool]]) -> None:
    fresh, known = [], []
    for unit, lanes_moved in units:
        state, before = unit.state, unit.state.rev
        state.rev = 0
        doc = _encode(state).decode()
        state.rev = before
        if doc == unit.doc and not lanes_moved:
            continue
        state.rev, unit.doc = before + 1, doc
        tombstoned = state.tombstoned_at is not None
        left_at = unit.now if tombstoned else None
        if unit.new:
            fresh.append(
                {
                    "id": state.id,
                    "flow": state.flow,
                    "natural": state.natural or None,
                    "rev": state.rev,
                    "tombstoned": tombstoned,
                    "created_at": unit.now,
                    "updated_at": unit.now,
                    "left_at": left_at,
                    "doc": doc,
                }
            )
        else:
            known.append(
                {
                    "b_id": state.id,
                    "b_rev": before,
                    "b_new_rev": state.rev,
                    "b_natural": state.natural or None,
                    "b_tombstoned": tombstoned,
                    "b_updated_at": unit.now,
                    "b_left_at": left_at,
                    "b_doc": doc,
                }
            )
    await insert_all(tx, t.record, fresh)
    touched = await _update_records.run(tx, known)
    if touched >= 0 and touched != len(known):
        raise StorageError("a record moved while it was decided about; the decision is made again")


async def save_effects(tx: AsyncConnection, effects: Effects) -> None:
    """Everything else that the decisions of this transaction leave behind."""
    append(tx, effects.audit)
    await insert_all(tx, t.conflict_ledger, effects.ledger)
    await insert_all(tx, t.field_version, effects.versions)
    await _save_links(tx, effects.links)
    await _save_attempts(tx, effects)
    await _save_items(tx, effects)
    if effects.wakes:
        await _save_wakes(tx, effects)
    if effects.former:
        await _save_former(tx, effects)
    waits = and_(t.WAITING, t.notice.c.state == "hint")
    for connection, object_id, record, state in effects.routed:
        here = (t.notice.c.connection == connection, t.notice.c.object_id == object_id, t.notice.c.record.is_(None))
        await tx.execute(update(t.notice).where(waits, *here).values(record=record, state=state))
    for connection, object_id, rev, disposition, owner in effects.hints_done:
        await tx.execute(
            update(t.notice)
            .where(
                t.notice.c.connection == connection,
                t.notice.c.object_id == object_id,
                waits,
                t.notice.c.rev <= rev,
            )
            .values(state="done", disposition=disposition, reason="answered by a read", record=owner)
        )


async def _save_links(tx: AsyncConnection, links: list[dict[str, Any]]) -> None:
    """The link table is the referee of who owns an object: another record's link is never taken over."""
    if not links:
        return
    newest = {(row["connection"], row["object"], row["object_id"]): row for row in links}
    rows = list(newest.values())
    if tx.dialect.name == "sqlite":
        kept = await _upsert_links.run(tx, rows)
    else:
        returning = _upserting_links(postgresql.insert).values(rows).returning(t.link.c.object_id)
        kept = len((await tx.execute(returning)).all())
    if kept != len(rows):
        raise StorageError("another worker linked the same object; the decision is made again")


def _upserting_links(insert: Any) -> Any:
    statement = insert(t.link)
    return statement.on_conflict_do_update(
        index_elements=["connection", "object", "object_id"],
        set_={"state": statement.excluded.state, "object_key": statement.excluded.object_key},
        where=t.link.c.record == statement.excluded.record,
    )


_upsert_links = Many(_upserting_links)
_finish_attempts = Many(
    lambda insert: (
        update(t.attempt)
        .where(t.attempt.c.id == bindparam("b_id"))
        .values(outcome=bindparam("b_outcome"), finished_at=bindparam("b_at"), answer=bindparam("b_answer"))
    )
)


async def _save_attempts(tx: AsyncConnection, effects: Effects) -> None:
    rows = []
    for entry in effects.attempts:
        attempt: Attempt = entry["attempt"]
        rows.append(
            {
                "id": attempt.id,
                "record": attempt.record,
                "connection": attempt.connection,
                "kind": str(attempt.kind),
                "outcome": "open",
                "started_at": attempt.started_at,
                "finished_at": None,
                "doc": _encode(attempt).decode(),
                "answer": None,
            }
        )
    await insert_all(tx, t.attempt, rows)
    values = [
        {"b_id": row["id"], "b_outcome": str(row["outcome"]), "b_at": row["at"], "b_answer": dumps(row["answer"])}
        for row in effects.outcomes
    ]
    await _finish_attempts.run(tx, values)


async def _save_items(tx: AsyncConnection, effects: Effects) -> None:
    if effects.items:
        await tx.execute(insert(tx, t.item).on_conflict_do_nothing(), effects.items)
    if effects.copies:
        statement = insert(tx, t.item_copy).on_conflict_do_nothing()
        await tx.execute(statement, effects.copies)


async def _save_wakes(tx: AsyncConnection, effects: Effects) -> None:
    over = [record for record, (_, at) in effects.wakes.items() if not at]
    if over:
        await tx.execute(delete(t.wake).where(t.wake.c.record.in_(over)))
    rows = [{"record": record, "flow": flow, "at": at} for record, (flow, at) in effects.wakes.items() if at]
    if rows:
        statement = insert(tx, t.wake)
        put = {"flow": statement.excluded.flow, "at": statement.excluded.at}
        await tx.execute(statement.on_conflict_do_update(index_elements=["record"], set_=put), rows)


async def _save_former(tx: AsyncConnection, effects: Effects) -> None:
    """Who had a key last is found by it."""
    statement = insert(tx, t.former_key)
    put = {"object_id": statement.excluded.object_id}
    newest = {(row["connection"], row["object"], row["object_key"]): row for row in effects.former}
    keys = ["connection", "object", "object_key"]
    await tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=put), list(newest.values()))


def lane_row(lane: Lane) -> dict[str, Any]:
    """The row of a lane."""
    return {
        "record": lane.record,
        "connection": lane.connection,
        "state": str(lane.state),
        "dirty": lane.dirty,
        "read_wanted": lane.read_wanted,
        "deferred": lane.deferred,
        "work": lane.has_work,
        "tries": lane.tries,
        "next_try_at": lane.next_try_at,
        "wait_reason": lane.wait_reason,
        "owner": lane.owner,
        "lease_until": lane.lease_until,
        "fence": lane.fence,
        "attempt": lane.attempt,
        "case_key": lane.case,
        "dirty_since": lane.dirty_since,
        "looks": lane.looks,
        "writes_left": lane.writes_left,
        "withheld": lane.withheld,
    }
