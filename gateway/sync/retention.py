"""What may be forgotten, and when (P7): never a receipt while something it guards against can still be replayed.

Kept for good: links, items and their copies (what was carried over is never carried over again), the ledger, and the
lineage of what is in step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, exists, or_, select, update

from dead_letter.grouping import forget_groups
from dead_letter.tables import IS_CLOSED, IS_OPEN, case_approvals, case_attachments, case_history, case_tasks, cases
from gateway.audit.tables import audit
from gateway.core.ids import new_id
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.sync.state import LaneState

BATCH = 1_000
"""Rows per transaction, so that nobody waits long for the writer."""
CASES = 200
"""Cases of one transaction that forgets them, each with its history, tasks and files."""
RECORDS = 100
"""Records of one transaction that forgets lineage."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many rows went."""

    notices: int
    attempts: int
    cases: int
    audit: int
    lineage: int = 0


async def sweep(
    database: Database, *, journal_s: float, receipts_s: float, cases_s: float, audit_s: float, now: float
) -> Swept:
    """Deletes what is older than its age, in batches; may be stopped and run again at any time.

    Notices go when they are done and their record is settled (no open case, every lane idle), so that a repeat of
    anything that may still be looked at, or sent again, is known as one. Attempts go with the last notice they may
    answer, never before (an age below the journal's counts as the journal's). Closed cases and audit rows go by age;
    with the last case of a group what people said of it, and at the age of audit rows the lineage of what has left.
    Every batch is found through an index: an hour in which nothing is old enough costs nothing, however much is kept.
    Keep the stream's own retention below `journal_s`: what it can still bring must be known. Raises StorageError;
    what was deleted until then stays deleted.
    """
    by_age = (t.notice.c.received_at, t.notice.c.id)
    notices = await _purge(database, t.notice, t.notice.c.id, _old_notices(now - journal_s), by_age)
    attempts = await _purge(database, t.attempt, t.attempt.c.id, _old_attempts(now - max(receipts_s, journal_s)))
    closed = await _purge_cases(database, cases.c.closed_at < now - cases_s)
    told = await _purge(database, audit, audit.c.id, _old_audit(now - audit_s))
    lineage = await _purge_lineage(database, now - audit_s)
    return Swept(notices, attempts, closed, told, lineage)


def _old_notices(before: float) -> ColumnElement[bool]:
    notice = t.notice.c
    poison = exists().where(cases.c.key == "poison:" + notice.connection + ":" + notice.delivery_key, IS_OPEN)
    return and_(notice.state == "done", notice.received_at < before, _settled(notice.record), ~poison)


def _old_attempts(before: float) -> ColumnElement[bool]:
    attempt = t.attempt.c
    answered = exists().where(t.notice.c.record == attempt.record, t.notice.c.received_at <= attempt.finished_at)
    ended = (attempt.outcome != "open", attempt.finished_at < before)
    return and_(attempt.id < _made("at", before), *ended, _settled(attempt.record), ~answered)


def _old_audit(before: float) -> ColumnElement[bool]:
    return and_(audit.c.id < _made("au", before), audit.c.at < before)


def _made(prefix: str, at: float) -> str:
    """What ids of one kind begin with that were made at that time: their key finds old rows without one index more."""
    return new_id(prefix, at=at)[: len(prefix) + 10]


def _settled(record: ColumnElement[Any]) -> ColumnElement[bool]:
    """Nothing about the record waits for anybody."""
    lane = t.lane.c
    busy = or_(lane.work, lane.state != LaneState.IDLE, lane.owner != "")
    return and_(~exists().where(cases.c.record == record, IS_OPEN), ~exists().where(lane.record == record, busy))


async def _purge_cases(database: Database, condition: ColumnElement[bool]) -> int:
    gone = 0
    query = select(cases.c.number, cases.c.group_key).where(IS_CLOSED, condition)
    doomed = query.order_by(cases.c.closed_at, cases.c.number).limit(CASES)
    while True:
        async with database.begin("retention") as tx:
            found = {row.number: row.group_key for row in await tx.execute(doomed)}
            if found:
                for table in (case_history, case_approvals, case_tasks, case_attachments, cases):
                    await tx.execute(delete(table).where(table.c.number.in_(found)))
                await forget_groups(tx, set(found.values()))
        gone += len(found)
        if len(found) < CASES:
            return gone


async def _purge_lineage(database: Database, before: float) -> int:
    """Of records that left before then and that nobody looks at; each is looked for until it is done, and not again
    before anything more is decided about it.

    Versions go oldest first, a batch at a time, however many one record has.
    """
    record, version, gone = t.record.c, t.field_version.c, 0
    left = select(record.id).where(record.left_at < before, _settled(record.id))
    while True:
        async with database.begin("retention") as tx:
            found = left.order_by(record.left_at).limit(RECORDS).with_for_update(skip_locked=True)
            ids = [row[0] for row in await tx.execute(found)]
            query = select(version.record, version.fver).where(version.record.in_(ids))
            rows = (await tx.execute(query.order_by(version.record, version.fver).limit(BATCH))).all() if ids else []
            last = {row.record: row.fver for row in rows}
            if rows:
                until = (version.record == bindparam("of")) & (version.fver <= bindparam("until"))
                doomed = [{"of": id_, "until": fver} for id_, fver in last.items()]
                await tx.execute(delete(t.field_version).where(until), doomed)
            if ids and len(rows) < BATCH:
                await tx.execute(update(t.record).where(record.id.in_(ids)).values(left_at=None))
        gone += len(rows)
        if len(ids) < RECORDS and len(rows) < BATCH:
            return gone


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
