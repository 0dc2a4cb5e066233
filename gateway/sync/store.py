"""Loading records, lanes and notices, and the journal's rows. Set-based; the transaction is a parameter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.values import Change
from gateway.storage.database import insert_all
from gateway.storage.prepared import Lookup
from gateway.sync import tables as t
from gateway.sync.attempts import Attempt
from gateway.sync.departed import MARK, NO_MARK
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


_known_deliveries = Lookup(
    # The unique index begins with the connection: without it SQLite would go through all keys there are.
    lambda within: select(t.notice.c.connection, t.notice.c.delivery_key).where(
        within(t.notice.c.connection, "connections"), within(t.notice.c.delivery_key, "keys")
    )
)


async def unseen(tx: AsyncConnection, arrivals: Sequence[Arrival]) -> set[str]:
    """Ids of the arrivals whose delivery key is new, here and among themselves (rule 1)."""
    connections = {arrival.change.connection for arrival in arrivals}
    keys = {arrival.change.delivery_key for arrival in arrivals}
    known = {(row[0], row[1]) for row in await _known_deliveries.run(tx, connections=connections, keys=keys)}
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
        .where(
            t.notice.c.record == record, t.notice.c.connection == connection, t.WAITING, t.notice.c.state == "deferred"
        )
        .order_by(t.notice.c.received_at, t.notice.c.id)
    )
    return [Arrival(row[0], _decode_change(row[1]), record) for row in await tx.execute(query)]


async def reopen_notice(tx: AsyncConnection, notice_id: str) -> None:
    """A notice that could not be processed is read again through its object."""
    statement = update(t.notice).where(t.notice.c.id == notice_id, t.notice.c.disposition == "case")
    await tx.execute(statement.values(state="hint", disposition="", reason="tried again", record=None, rev=0))


async def end_hints(tx: AsyncConnection, change: Change, disposition: str, reason: str) -> list[Arrival]:
    """Ends the notices of an object that no record has, and that waited for it to be read. Gives them."""
    notice, shown = t.notice.c, change.snapshot
    here = (notice.connection == change.connection, notice.object_id == shown.id, notice.object == shown.object)
    waiting = (*here, t.WAITING, notice.state == "hint", notice.record.is_(None))
    query = select(notice.id, notice.payload).where(*waiting).order_by(notice.id).with_for_update()
    found = [Arrival(row[0], _decode_change(row[1])) for row in await tx.execute(query)]
    for hint in found:
        hint.end(disposition, reason)
    await settle_notices(tx, found)
    return found


_links = Lookup(
    # The whole key, in its order: SQLite goes through the table when its first column is not named.
    lambda within: select(t.link.c.connection, t.link.c.object, t.link.c.object_id, t.link.c.record).where(
        within(t.link.c.connection, "connections"),
        within(t.link.c.object, "objects"),
        within(t.link.c.object_id, "ids"),
    )
)


async def links_of(tx: AsyncConnection, objects: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
    """(connection, object, object id) -> record, for every link state."""
    connections, kinds, ids = ({each[place] for each in objects} for place in range(3))
    rows = await _links.run(tx, connections=connections, objects=kinds, ids=ids)
    return {(row[0], row[1], row[2]): row[3] for row in rows}


_naturals = Lookup(
    lambda within: select(t.record.c.flow, t.record.c.natural, t.record.c.id).where(within(t.record.c.natural, "keys"))
)


async def natural_records(tx: AsyncConnection, naturals: Collection[str]) -> dict[tuple[str, str], str]:
    """(flow, natural key) -> record."""
    return {(row[0], row[1]): row[2] for row in await _naturals.run(tx, keys=naturals)}


_newest_move = select(func.max(t.flow_stage.c.serial)).scalar_subquery()

_revisions = Lookup(
    # SQLite has no row locks and leaves the clause out: its writer holds the whole file. The serial of the stages and
    # the mark of the departures come along, because asking for them by themselves would be one more way to the database
    # for every decision.
    lambda within: (
        select(t.record.c.id, t.record.c.rev, _newest_move, MARK)
        .where(within(t.record.c.id, "ids"))
        .order_by(t.record.c.id)
        .with_for_update(of=t.record)
    )
)


@dataclass(frozen=True, slots=True)
class Heads:
    """What a transaction compares with what its worker knows."""

    moves: int
    """Serial of the newest move of a flow."""
    mark: str
    """Of the newest departure or readmission."""


async def heads(tx: AsyncConnection) -> Heads:
    """By themselves, for who locks no record."""
    moves, mark = (await tx.execute(select(_newest_move, MARK))).one()
    return Heads(moves or 0, mark or NO_MARK)


async def lock_records(tx: AsyncConnection, ids: Collection[str]) -> tuple[dict[str, int], Heads | None]:
    """Record -> revision, locked until the transaction ends; and the heads, None if none of the records is there.

    In order of id, so that two batches cannot block each other.
    """
    rows = list(await _revisions.run(tx, ids=ids))
    return {row[0]: row[1] for row in rows}, Heads(rows[0][2] or 0, rows[0][3] or NO_MARK) if rows else None


_docs = Lookup(lambda within: select(t.record.c.id, t.record.c.doc, t.record.c.rev).where(within(t.record.c.id, "ids")))


async def load_docs(tx: AsyncConnection, ids: Collection[str]) -> dict[str, tuple[RecordState, str]]:
    """Records with their documents as stored."""
    found: dict[str, tuple[RecordState, str]] = {}
    for record, doc, rev in await _docs.run(tx, ids=ids):
        state = _decode_record(doc)
        state.rev = rev
        found[record] = (state, doc)
    return found


async def load_records(tx: AsyncConnection, ids: Collection[str]) -> dict[str, RecordState]:
    """Records, to be read only."""
    return {record: state for record, (state, _) in (await load_docs(tx, ids)).items()}


_lanes = Lookup(lambda within: select(t.lane).where(within(t.lane.c.record, "ids")))


async def load_lanes(tx: AsyncConnection, ids: Collection[str]) -> dict[str, dict[str, Lane]]:
    """record -> connection -> lane."""
    found: dict[str, dict[str, Lane]] = {}
    for row in await _lanes.run(tx, ids=ids):
        lane = lane_of(row)
        found.setdefault(lane.record, {})[lane.connection] = lane
    return found


def lane_of(row: Sequence[Any]) -> Lane:
    """A lane from its row, columns in the table's order."""
    record, connection, state, dirty, read_wanted, deferred, _work, *others = row
    tries, next_try_at, wait_reason, owner, lease_until, fence, attempt, case, dirty_since, looks, left, mark = others
    return Lane(
        record=record,
        connection=connection,
        state=LaneState(state),
        dirty=bool(dirty),
        read_wanted=bool(read_wanted),
        deferred=bool(deferred),
        tries=tries,
        next_try_at=next_try_at,
        wait_reason=wait_reason,
        owner=owner,
        lease_until=lease_until,
        fence=fence,
        attempt=attempt,
        case=case,
        dirty_since=dirty_since,
        looks=looks,
        writes_left=left,
        withheld=mark,
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
    connections = {connection for connection, _ in copies}
    for part in chunks({item_id for _, item_id in copies}):
        # Both columns of the index: without the first, SQLite goes through every comment there is.
        query = select(t.item_copy).where(t.item_copy.c.connection.in_(connections), t.item_copy.c.item_id.in_(part))
        rows += [(row.origin, row.connection, row.item_id) for row in await tx.execute(query)]
    return known, rows
