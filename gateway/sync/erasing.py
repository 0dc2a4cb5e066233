"""Erasure: of a record that has left, everything that was ever known of it goes, but for what keeps it gone (P8) and
what keeps anything from being done twice (P7).

What stays: the tombstone, the ids of its objects and its natural key, the keys of its notices and attempts, the digests
by which archive and audit trail prove themselves.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, String, cast, delete, exists, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.values import Change
from dead_letter.tables import IS_OPEN, case_approvals, case_attachments, case_history, case_tasks, cases
from gateway.audit.erasing import erase as erase_details
from gateway.audit.tables import audit
from gateway.keeping import archive
from gateway.keeping.holds import held
from gateway.sync import tables as t
from gateway.sync.attempts import Attempt
from gateway.sync.state import RecordState

_encode = msgspec.json.Encoder().encode
_record = msgspec.json.Decoder(RecordState).decode
_attempt = msgspec.json.Decoder(Attempt).decode
_change = msgspec.json.Decoder(Change).decode
BATCH = 500


async def hindered(tx: AsyncConnection, record: str) -> str:
    """Why this record cannot be erased now, in words; empty: it can. Locks the record until the transaction ends."""
    row = (await tx.execute(select(t.record).where(t.record.c.id == record).with_for_update())).mappings().first()
    if row is None:
        return "it is not known"
    if not row["tombstoned"]:
        return "it has not left: its values are what keeps systems in step. End it there first"
    if (await tx.execute(select(held(record=literal(record), flow=literal(row["flow"]))))).scalar_one():
        return "a legal hold is over it"
    lane = t.lane.c
    if (await tx.execute(select(exists().where(lane.record == record, lane.work | (lane.owner != ""))))).scalar_one():
        return "something is still to be closed in a system"
    own = (cases.c.record == record,)
    if (await tx.execute(select(exists().where(*own, IS_OPEN)))).scalar_one():
        return "a case about it is open"
    number = literal("FO-").concat(cast(cases.c.number, String))
    if (await tx.execute(select(exists().where(*own, held(case=number))))).scalar_one():
        return "a legal hold is over one of its cases"
    if await archive.is_held(tx, record):
        return "a legal hold is over one of its documents in the archive"
    return ""


async def erase(tx: AsyncConnection, record: str, *, now: float, actor: str, why: str) -> dict[str, int]:
    """Erases it, in this transaction; gives how much of what. The caller has asked `hindered` in it."""
    found = {
        "versions": await _gone(tx, t.field_version, t.field_version.c.record == record),
        "lost_values": await _gone(tx, t.conflict_ledger, t.conflict_ledger.c.record == record),
        "remarks": await _gone(tx, t.remark, t.remark.c.record == record),
        "notices": await _each(tx, t.notice, t.notice.c.record == record, "payload", _bare_notice),
        "attempts": await _each(tx, t.attempt, t.attempt.c.record == record, "doc", _bare_attempt),
        "cases": await _of_cases(tx, record),
        "documents": await archive.erase(tx, record),
    }
    await tx.execute(update(t.attempt).where(t.attempt.c.record == record).values(answer=None))
    await tx.execute(update(t.notice).where(t.notice.c.record == record).values(reason=""))
    await _names(tx, record)
    await _of_record(tx, record, now)
    ids = (await tx.execute(select(audit.c.id).where(audit.c.record == record))).scalars().all()
    told = {"record": record, **found}
    found["entries"] = await erase_details(tx, ids, now=now, actor=actor, why=why, told=told)
    return found


async def _names(tx: AsyncConnection, record: str) -> None:
    """What its objects are and were called, and whom it mentions; their ids stay."""
    link, former = t.link.c, t.former_key.c
    theirs = exists().where(
        link.record == record, link.connection == former.connection, link.object_id == former.object_id
    )
    await _gone(tx, t.former_key, theirs)
    await _gone(tx, t.reference, t.reference.c.record == record)
    await tx.execute(update(t.link).where(link.record == record).values(object_key=""))


async def _gone(tx: AsyncConnection, table: Any, own: ColumnElement[bool]) -> int:
    return int((await tx.execute(delete(table).where(own))).rowcount)


async def _each(tx: AsyncConnection, table: Any, own: ColumnElement[bool], column: str, bare: Any) -> int:
    """Rewrites one JSON column of each row, some at a time."""
    last, count = "", 0
    while True:
        query = select(table.c.id, table.c[column]).where(own, table.c.id > last).order_by(table.c.id).limit(BATCH)
        rows = (await tx.execute(query)).all()
        for id_, doc in rows:
            await tx.execute(update(table).where(table.c.id == id_).values({column: bare(doc)}))
            last = id_
        count += len(rows)
        if len(rows) < BATCH:
            return count


def _bare_notice(doc: str) -> str:
    """The change as a hint without a content: what it was of stays, so that it is still known."""
    change = _change(doc)
    bare = msgspec.structs.replace(change.snapshot, raw={}, key="", partial=True, actor=None, items=None, url="")
    return _encode(msgspec.structs.replace(change, snapshot=bare)).decode()


def _bare_attempt(doc: str) -> str:
    attempt = _attempt(doc)
    ref = msgspec.structs.replace(attempt.ref, key="") if attempt.ref else None
    for sent in attempt.fields.values():
        sent.ext = None
    bare = msgspec.structs.replace(attempt, values={}, pre={}, item=None, step=None, ref=ref)
    return _encode(bare).decode()


async def _of_record(tx: AsyncConnection, record: str, now: float) -> None:
    """Its document keeps the objects and the tombstone. Another revision: no worker uses what it remembers of it."""
    row = (await tx.execute(select(t.record.c.doc, t.record.c.rev).where(t.record.c.id == record))).one()
    state = _record(row.doc)
    bare = RecordState(
        id=state.id,
        flow=state.flow,
        counter=state.counter,
        incarnation=state.incarnation,
        natural=state.natural,
        tombstoned_at=state.tombstoned_at,
        task=state.task,
        members=state.members,
    )
    for member in bare.members.values():
        member.key, member.etag = "", None
        member.shadow, member.ghosts, member.windows, member.spans = {}, [], [], []
        member.items, member.told, member.awaits, member.undecided = [], [], {}, ""
    changed = {"doc": _encode(bare).decode(), "rev": row.rev + 1, "updated_at": now}
    await tx.execute(update(t.record).where(t.record.c.id == record).values(**changed))


async def _of_cases(tx: AsyncConnection, record: str) -> int:
    """Their numbers, times and decisions stay; what people and systems said in them goes."""
    numbers = (await tx.execute(select(cases.c.number).where(cases.c.record == record))).scalars().all()
    if not numbers:
        return 0
    words = {"title": "erased", "evidence": "{}", "object_key": "", "vendor_text": "", "reason": "erased"}
    await tx.execute(update(cases).where(cases.c.number.in_(numbers)).values(**words))
    said = {"reason": "", "proof": "", "choice": ""}
    await tx.execute(update(case_history).where(case_history.c.number.in_(numbers)).values(**said))
    asked = {"said": "{}", "reason": "", "note": ""}
    await tx.execute(update(case_approvals).where(case_approvals.c.number.in_(numbers)).values(**asked))
    await tx.execute(update(case_tasks).where(case_tasks.c.number.in_(numbers)).values(title="erased", note=""))
    await _gone(tx, case_attachments, case_attachments.c.number.in_(numbers))
    return len(numbers)
