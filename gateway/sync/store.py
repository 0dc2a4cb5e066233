"""Loading records, lanes and notices, and the journal's rows. Set-based; the transaction is a parameter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.values import Change
from gateway.storage.database import insert_all
from gateway.sync import tables as t
from gateway.sync.attempts import Attempt
from gateway.sync.state import Lane, LaneState, RecordState
from gateway.sync.unit import Arrival

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


async def load_attempt(tx: AsyncConnection, attempt_id: str) -> Attempt | None:
    """An attempt as it was stored before its first byte left."""
    row = (await tx.execute(select(t.attempt.c.doc).where(t.attempt.c.id == attempt_id))).first()
    return _decode_attempt(row[0]) if row else None


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
