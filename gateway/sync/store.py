"""Loading and saving records, lanes, notices and everything decisions leave behind. Set-based; the transaction is a
parameter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import StorageError
from connectors.contract.values import Change
from gateway.audit.tables import audit
from gateway.storage.database import dumps, insert, insert_all
from gateway.storage.prepared import Many
from gateway.sync import tables as t
from gateway.sync.attempts import Attempt
from gateway.sync.state import Lane, LaneState, RecordState
from gateway.sync.unit import Arrival, Effects, Unit

CHUNK = 400
"""Bound parameters per IN list: far below SQLite's and PostgreSQL's limits."""

_decode_record = msgspec.json.Decoder(RecordState).decode
_decode_attempt = msgspec.json.Decoder(Attempt).decode
_decode_change = msgspec.json.Decoder(Change).decode
_encode = msgspec.json.Encoder().encode


def chunks(values: Collection[str]) -> Iterable[list[str]]:
    """`values` in lists short enough for one statement."""
    everything = list(values)
    for start in range(0, len(everything), CHUNK):
        yield everything[start : start + CHUNK]


async def unseen(tx: AsyncConnection, arrivals: Sequence[Arrival]) -> set[str]:
    """Ids of the arrivals whose delivery key is new, here and among themselves (rule 1)."""
    known: set[tuple[str, str]] = set()
    connections = sorted({arrival.change.connection for arrival in arrivals})
    for part in chunks({arrival.change.delivery_key for arrival in arrivals}):
        # The unique index begins with the connection: without it SQLite would go through all keys there are.
        query = select(t.notice.c.connection, t.notice.c.delivery_key).where(
            t.notice.c.connection.in_(connections), t.notice.c.delivery_key.in_(part)
        )
        known.update((row[0], row[1]) for row in await tx.execute(query))
    new: set[str] = set()
    for arrival in arrivals:
        key = (arrival.change.connection, arrival.change.delivery_key)
        if key not in known:
            known.add(key)
            new.add(arrival.id)
    return new


async def insert_notices(tx: AsyncConnection, arrivals: Sequence[Arrival]) -> None:
    """Adds new notices with what became of them. IntegrityError: another worker has the same delivery."""
    await insert_all(tx, t.notice, [_notice_row(arrival) for arrival in arrivals])


def _notice_row(arrival: Arrival) -> dict[str, Any]:
    change = arrival.change
    return {
        "id": arrival.id,
        "connection": change.connection,
        "delivery_key": change.delivery_key,
        "object": change.snapshot.object,
        "object_id": change.snapshot.id,
        "record": arrival.record,
        "version": change.snapshot.version,
        "rev": arrival.rev,
        "received_at": change.received_at,
        "state": arrival.state,
        "disposition": arrival.disposition,
        "reason": arrival.reason,
        "payload": _encode(change).decode(),
    }


_settle_notice = (
    update(t.notice)
    .where(t.notice.c.id == bindparam("b_id"))
    .values(
        record=bindparam("b_record"),
        state=bindparam("b_state"),
        disposition=bindparam("b_disposition"),
        reason=bindparam("b_reason"),
        rev=bindparam("b_rev"),
    )
)


async def settle_notices(tx: AsyncConnection, arrivals: Sequence[Arrival]) -> None:
    """Stores what became of notices."""
    if arrivals:
        await tx.execute(
            _settle_notice,
            [
                {
                    "b_id": arrival.id,
                    "b_record": arrival.record,
                    "b_state": arrival.state,
                    "b_disposition": arrival.disposition,
                    "b_reason": arrival.reason,
                    "b_rev": arrival.rev,
                }
                for arrival in arrivals
            ],
        )


async def waiting_notices(tx: AsyncConnection, record: str, connection: str) -> list[Arrival]:
    """Deferred notices of one lane, in the order in which they were accepted."""
    query = (
        select(t.notice.c.id, t.notice.c.payload)
        .where(t.notice.c.record == record, t.notice.c.connection == connection, t.notice.c.state == "deferred")
        .order_by(t.notice.c.received_at, t.notice.c.id)
    )
    return [Arrival(row[0], _decode_change(row[1]), record) for row in await tx.execute(query)]


async def reopen_notice(tx: AsyncConnection, notice_id: str) -> None:
    """A notice that could not be processed is read again through its object."""
    statement = update(t.notice).where(t.notice.c.id == notice_id, t.notice.c.disposition == "case")
    await tx.execute(statement.values(state="hint", disposition="", reason="tried again", record=None, rev=0))


async def links_of(tx: AsyncConnection, objects: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
    """(connection, object, object id) -> record, for every link state."""
    found: dict[tuple[str, str, str], str] = {}
    connections, kinds = sorted({each[0] for each in objects}), sorted({each[1] for each in objects})
    for part in chunks({each[2] for each in objects}):
        # The whole key, in its order: SQLite goes through the table when its first column is not named.
        query = select(t.link.c.connection, t.link.c.object, t.link.c.object_id, t.link.c.record).where(
            t.link.c.connection.in_(connections), t.link.c.object.in_(kinds), t.link.c.object_id.in_(part)
        )
        found.update({(row[0], row[1], row[2]): row[3] for row in await tx.execute(query)})
    return found


async def natural_records(tx: AsyncConnection, naturals: Collection[str]) -> dict[tuple[str, str], str]:
    """(flow, natural key) -> record."""
    found: dict[tuple[str, str], str] = {}
    for part in chunks(naturals):
        query = select(t.record.c.flow, t.record.c.natural, t.record.c.id).where(t.record.c.natural.in_(part))
        found.update({(row[0], row[1]): row[2] for row in await tx.execute(query)})
    return found


async def lock_records(tx: AsyncConnection, ids: Collection[str]) -> dict[str, int]:
    """Record -> revision, locked until the transaction ends.

    In order of id, so that two batches cannot block each other.
    """
    found: dict[str, int] = {}
    for part in chunks(sorted(ids)):
        query = select(t.record.c.id, t.record.c.rev).where(t.record.c.id.in_(part)).order_by(t.record.c.id)
        if tx.dialect.name != "sqlite":
            query = query.with_for_update()
        found.update({row[0]: row[1] for row in await tx.execute(query)})
    return found


async def load_docs(tx: AsyncConnection, ids: Collection[str]) -> dict[str, tuple[RecordState, str]]:
    """Records with their documents as stored."""
    found: dict[str, tuple[RecordState, str]] = {}
    for part in chunks(ids):
        query = select(t.record.c.id, t.record.c.doc, t.record.c.rev).where(t.record.c.id.in_(part))
        for row in await tx.execute(query):
            state = _decode_record(row[1])
            state.rev = row[2]
            found[row[0]] = (state, row[1])
    return found


async def load_records(tx: AsyncConnection, ids: Collection[str]) -> dict[str, RecordState]:
    """Records, to be read only."""
    return {record: state for record, (state, _) in (await load_docs(tx, ids)).items()}


async def load_lanes(tx: AsyncConnection, ids: Collection[str]) -> dict[str, dict[str, Lane]]:
    """record -> connection -> lane."""
    found: dict[str, dict[str, Lane]] = {}
    for part in chunks(ids):
        query = select(t.lane).where(t.lane.c.record.in_(part))
        for row in await tx.execute(query):
            found.setdefault(row.record, {})[row.connection] = lane_of(row)
    return found


def lane_of(row: Any) -> Lane:
    """A lane from its row."""
    return Lane(
        record=row.record,
        connection=row.connection,
        state=LaneState(row.state),
        dirty=row.dirty,
        read_wanted=row.read_wanted,
        deferred=row.deferred,
        tries=row.tries,
        next_try_at=row.next_try_at,
        wait_reason=row.wait_reason,
        owner=row.owner,
        lease_until=row.lease_until,
        fence=row.fence,
        attempt=row.attempt,
        case=row.case_key,
        dirty_since=row.dirty_since,
        looks=row.looks,
    )


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
    }


async def load_attempt(tx: AsyncConnection, attempt_id: str) -> Attempt | None:
    """An attempt as it was stored before its first byte left."""
    row = (await tx.execute(select(t.attempt.c.doc).where(t.attempt.c.id == attempt_id))).first()
    return _decode_attempt(row[0]) if row else None


async def save_units(tx: AsyncConnection, units: Sequence[Unit]) -> None:
    """Stores the records that changed (under their revision) and the lanes that changed.

    Raises StorageError when a record moved since it was loaded: the whole transaction is then run again.
    """
    lanes = [[lane for lane in unit.lanes.values() if unit.lanes_before.get(lane.connection) != lane] for unit in units]
    await _save_records(tx, [(unit, bool(moved)) for unit, moved in zip(units, lanes, strict=True)])
    changed = [lane_row(lane) for moved in lanes for lane in moved]
    await _upsert_lanes.run(tx, changed)


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
                    "b_doc": doc,
                }
            )
    await insert_all(tx, t.record, fresh)
    touched = await _update_records.run(tx, known)
    if touched >= 0 and touched != len(known):
        raise StorageError("a record moved while it was decided about; the decision is made again")


async def save_effects(tx: AsyncConnection, effects: Effects) -> None:
    """Everything else that the decisions of this transaction leave behind."""
    await insert_all(tx, audit, effects.audit)
    await insert_all(tx, t.conflict_ledger, effects.ledger)
    await insert_all(tx, t.field_version, effects.versions)
    await _save_links(tx, effects.links)
    await _save_attempts(tx, effects)
    await _save_items(tx, effects)
    waits = t.notice.c.state == "hint"
    for connection, object_id, record in effects.routed:
        here = (t.notice.c.connection == connection, t.notice.c.object_id == object_id, t.notice.c.record.is_(None))
        await tx.execute(update(t.notice).where(waits, *here).values(record=record))
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


async def load_items(
    tx: AsyncConnection, origins: Collection[str], copies: Collection[tuple[str, str]]
) -> tuple[set[str], list[tuple[str, str, str]]]:
    """Which origins are known, and the known copies among (connection, item id) or of these origins."""
    known: set[str] = set()
    rows: list[tuple[str, str, str]] = []
    for part in chunks(origins):
        known.update(row[0] for row in await tx.execute(select(t.item.c.origin).where(t.item.c.origin.in_(part))))
        query = select(t.item_copy).where(t.item_copy.c.origin.in_(part))
        rows += [(row.origin, row.connection, row.item_id) for row in await tx.execute(query)]
    for part in chunks({item_id for _, item_id in copies}):
        query = select(t.item_copy).where(t.item_copy.c.item_id.in_(part))
        rows += [(row.origin, row.connection, row.item_id) for row in await tx.execute(query)]
    return known, rows
