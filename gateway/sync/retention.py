"""What may be forgotten, and when (P7): never a receipt while something it guards against can still be replayed.

Kept for good: links, items and their copies (what was carried over is never carried over again), the ledger, and the
lineage of what is in step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    Table,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.grouping import forget_groups
from dead_letter.tables import IS_CLOSED, IS_OPEN, case_approvals, case_attachments, case_history, case_tasks, cases
from dead_letter.whole import whole_cases
from gateway.audit.chain import append, entry
from gateway.audit.floor import delete_until
from gateway.core.ids import new_id
from gateway.keeping import archive
from gateway.keeping.archive import Document, Kind
from gateway.keeping.holds import held
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.sync.state import LaneState

BATCH = 1_000
"""Rows per transaction, so that nobody waits long for the writer."""
CASES = 200
"""Cases of one transaction that forgets them, each with its history, tasks and files."""
RECORDS = 100
"""Records of one transaction that forgets lineage."""
YEARS_S = 7 * 365 * 86_400.0
"""How long the archive keeps what is closed, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many rows went."""

    notices: int
    attempts: int
    cases: int
    audit: int
    lineage: int = 0
    archived: int = 0
    """Documents of the archive whose time was over, too."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How long what is closed is kept of some flows, in seconds."""

    cases_s: float
    lineage_s: float
    archive_s: float
    """In the archive, from when it was closed on."""
    flows: frozenset[str] | None = None
    """None: all that have no ages of their own."""


async def sweep(
    database: Database,
    *,
    journal_s: float,
    receipts_s: float,
    cases_s: float,
    audit_s: float,
    now: float,
    archive_s: float = YEARS_S,
    apart: Sequence[Kept] = (),
) -> Swept:
    """Deletes what is older than its age, in batches; may be stopped and run again at any time.

    Notices go when they are done and their record is settled (no open case, every lane idle), so that a repeat of
    anything that may still be looked at, or sent again, is known as one. Attempts go with the last notice they may
    answer, never before (an age below the journal's counts as the journal's). Closed cases go by age into the archive,
    and with the last case of a group what people said of it. So do audit entries, the oldest first, as far as nobody
    needs them any more (`gateway.audit.floor`); at their age the lineage of what has left goes into the archive.
    `apart`: flows whose cases and lineage have ages of their own. What a legal hold is over stays, whatever its age.
    Every batch is found through an index: an hour in which nothing is old enough costs nothing, however much is kept.
    Keep the stream's own retention below `journal_s`: what it can still bring must be known. Raises StorageError;
    what was deleted until then stays deleted.
    """
    by_age = (t.notice.c.received_at, t.notice.c.id)
    notices = await _purge(database, t.notice, t.notice.c.id, _old_notices(now - journal_s), by_age)
    attempts = await _purge(database, t.attempt, t.attempt.c.id, _old_attempts(now - max(receipts_s, journal_s)))
    closed = lineage = 0
    for kept in (*apart, Kept(cases_s, audit_s, archive_s)):
        closed += await _purge_cases(database, kept, _of(kept, apart, cases.c.flow), now)
        lineage += await _purge_lineage(database, kept, _of(kept, apart, t.record.c.flow), now)
    told = await delete_until(database, now - audit_s, now=now, batch=BATCH)
    forgotten = await _empty_archive(database, now)
    return Swept(notices, attempts, closed, told, lineage, forgotten)


def _of(kept: Kept, apart: Sequence[Kept], flow: Any) -> Any:
    """Of which flows; None if of all."""
    if kept.flows is not None:
        return flow.in_(sorted(kept.flows))
    others = sorted(name for each in apart for name in each.flows or ())
    return flow.not_in(others) if others else None


async def _empty_archive(database: Database, now: float) -> int:
    gone = 0
    while True:
        async with database.begin("retention") as tx:
            found = await archive.forget(tx, before=now, most=BATCH)
        gone += found
        if found < BATCH:
            return gone


def _old_notices(before: float) -> ColumnElement[bool]:
    notice = t.notice.c
    poison = exists().where(cases.c.key == "poison:" + notice.connection + ":" + notice.delivery_key, IS_OPEN)
    settled = (_settled(notice.record), ~_held(notice.record), ~poison)
    return and_(notice.state == "done", notice.received_at < before, *settled)


def _old_attempts(before: float) -> ColumnElement[bool]:
    attempt = t.attempt.c
    answered = exists().where(t.notice.c.record == attempt.record, t.notice.c.received_at <= attempt.finished_at)
    ended = (attempt.outcome != "open", attempt.finished_at < before)
    settled = (_settled(attempt.record), ~_held(attempt.record), ~answered)
    return and_(attempt.id < _made("at", before), *ended, *settled)


def _made(prefix: str, at: float) -> str:
    """What ids of one kind begin with that were made at that time: their key finds old rows without one index more."""
    return new_id(prefix, at=at)[: len(prefix) + 10]


def _settled(record: ColumnElement[Any]) -> ColumnElement[bool]:
    """Nothing about the record waits for anybody."""
    lane = t.lane.c
    busy = or_(lane.work, lane.state != LaneState.IDLE, lane.owner != "")
    return and_(~exists().where(cases.c.record == record, IS_OPEN), ~exists().where(lane.record == record, busy))


def _held(record: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a legal hold is over it."""
    flow = select(t.record.c.flow).where(t.record.c.id == record).scalar_subquery()
    return held(record=record, flow=flow)


_CASE_HELD = held(case=literal("FO-").concat(cast(cases.c.number, String)), record=cases.c.record, flow=cases.c.flow)


async def _purge_cases(database: Database, kept: Kept, flows: Any, now: float) -> int:
    gone = 0
    old = [cases.c.closed_at < now - kept.cases_s, *([] if flows is None else [flows])]
    query = select(cases.c.number, cases.c.group_key).where(IS_CLOSED, *old, ~_CASE_HELD)
    doomed = query.order_by(cases.c.closed_at, cases.c.number).limit(CASES)
    while True:
        async with database.begin("retention") as tx:
            found = {row.number: row.group_key for row in await tx.execute(doomed)}
            if found:
                whole = (await whole_cases(tx, found)).values()
                await _archive(tx, database, [_document(case, kept.archive_s) for case in whole], now)
                for table in (case_history, case_approvals, case_tasks, case_attachments, cases):
                    await tx.execute(delete(table).where(table.c.number.in_(found)))
                await forget_groups(tx, set(found.values()))
        gone += len(found)
        if len(found) < CASES:
            return gone


def _document(case: Mapping[str, Any], archive_s: float) -> Document:
    named = {name: case[name] for name in ("flow", "connection", "record", "title")}
    until = case["closed_at"] + archive_s
    number = f"FO-{case['number']}"
    return Document(kind=Kind.CASE, name=number, **named, closed_at=case["closed_at"], until=until, content=case)


async def _archive(tx: AsyncConnection, database: Database, documents: Sequence[Document], now: float) -> None:
    """Into the archive, and the place there into the audit trail: the two prove each other."""
    if bound := await archive.put(tx, database, documents, now=now):
        append(tx, [entry("archived", now, bound)])


async def _purge_lineage(database: Database, kept: Kept, flows: Any, now: float) -> int:
    """Of records that left before then and that nobody looks at; each is looked for until it is done, and not again
    before anything more is decided about it.

    Versions go oldest first, a batch at a time, however many one record has.
    """
    record, version, gone = t.record.c, t.field_version.c, 0
    old = [record.left_at < now - kept.lineage_s, *([] if flows is None else [flows])]
    left = select(record.id, record.flow, record.left_at).where(*old, _settled(record.id), ~_held(record.id))
    while True:
        async with database.begin("retention") as tx:
            found = left.order_by(record.left_at).limit(RECORDS).with_for_update(skip_locked=True)
            records = {row.id: row for row in await tx.execute(found)}
            ids = list(records)
            query = select(t.field_version).where(version.record.in_(ids))
            rows = (await tx.execute(query.order_by(version.record, version.fver).limit(BATCH))).all() if ids else []
            last = {row.record: row.fver for row in rows}
            if rows:
                documents = [_lineage(records[id_], rows, kept.archive_s) for id_ in last]
                await _archive(tx, database, documents, now)
                until = (version.record == bindparam("of")) & (version.fver <= bindparam("until"))
                doomed = [{"of": id_, "until": fver} for id_, fver in last.items()]
                await tx.execute(delete(t.field_version).where(until), doomed)
            if ids and len(rows) < BATCH:
                await tx.execute(update(t.record).where(record.id.in_(ids)).values(left_at=None))
        gone += len(rows)
        if len(ids) < RECORDS and len(rows) < BATCH:
            return gone


def _lineage(record: Any, versions: Sequence[Any], archive_s: float) -> Document:
    """Some versions of one record; a long lineage is several documents, the oldest first."""
    own = [row._asdict() for row in versions if row.record == record.id]
    facts = {"name": record.id, "record": record.id, "flow": record.flow, "title": f"fields of {record.id}"}
    until = record.left_at + archive_s
    return Document(kind=Kind.LINEAGE, **facts, closed_at=record.left_at, until=until, content={"versions": own})


async def _purge(
    database: Database, table: Table, key: Any, condition: ColumnElement[bool], order: Sequence[Any] = ()
) -> int:
    """`order`: of the index that finds what is old; empty: the key's own."""
    gone = 0
    doomed = select(key).where(condition).order_by(*(order or (key,))).limit(BATCH)
    while True:
        async with database.begin("retention") as tx:
            found = [row[0] for row in await tx.execute(doomed)]
            if found:
                await tx.execute(delete(table).where(key.in_(found)))
        gone += len(found)
        if len(found) < BATCH:
            return gone
