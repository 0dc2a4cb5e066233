"""Cases about a notice and not about a record: where a person had it read again they end with what became of it, and
where a filter could not be decided they end with the filter. Nothing else would: no lane knows of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.values import Change, ChangeKind, Snapshot
from dead_letter import store as cases
from dead_letter.rows import load
from dead_letter.tables import ASKED_AGAIN, IS_OPEN
from dead_letter.tables import cases as table
from dead_letter.values import Case, Ending, format_number
from gateway.audit.ended import note_ended
from gateway.core.ids import new_id
from gateway.storage.database import Database
from gateway.sync import store
from gateway.sync import tables as t
from gateway.sync.batch import Topology
from gateway.sync.bounds import DELIVERY_KEY, digest
from gateway.sync.undecided import CAUSE
from gateway.sync.unit import Arrival

MOST = 5000
BATCH = 100
"""Cases of one transaction that looks at filters."""

_IN_EFFECT = "the object was read again, and what it shows is in the record"
_NO_FLOW = "no flow holds this object any more"
_ENDED: Mapping[str, str] = {
    "unmapped": "the object was read again: it is gone, or the flow leaves it out",
    "case": "the object was read again; what hinders it now has a case of its own",
    "tombstoned": "the object was read again; its record has left",
}
_NOTHING = "the object was read again, and nothing was left to do"
_SEEN = (table.c.number, table.c.key, table.c.flow, table.c.connection, table.c.object, table.c.evidence)


async def ask_again(tx: AsyncConnection, case: Case, *, now: float) -> None:
    """Has the case's object read again; a notice that was forgotten meanwhile is made anew under its id."""
    notice = str(case.evidence.get("notice", ""))
    await store.reopen_notice(tx, notice)
    known = (await tx.execute(select(t.notice.c.id).where(t.notice.c.id == notice))).first()
    if known is not None or not case.object_id:
        return
    notice = notice or new_id("n", at=now)
    again = Change(
        connection=case.connection,
        delivery_key=digest(f"again:{notice}", DELIVERY_KEY),
        kind=ChangeKind.HINT,
        snapshot=Snapshot(object=case.object, id=case.object_id, key=case.object_key),
        received_at=now,
        via="retry",
    )
    await store.insert_notices(tx, [Arrival(notice, again, state="hint", reason="tried again")])


async def end_retried(tx: AsyncConnection, topology: Topology, *, now: float) -> list[str]:
    """Ends cases whose notice a person had read again, once it is done. Gives their numbers.

    Cases that somebody else holds are left for the next time.
    """
    query = select(*_SEEN).where(ASKED_AGAIN).order_by(table.c.number).limit(MOST)
    rows = (await tx.execute(query.with_for_update(skip_locked=True))).mappings().all()
    asked = {row["key"]: (row, str(load(row["evidence"]).get("notice", ""))) for row in rows}
    found = await _notices(tx, [notice for _, notice in asked.values() if notice])
    applied, moot = [], {}
    for key, (row, id_) in asked.items():
        notice = found.get(id_)
        if notice is None:
            continue  # not about a notice: whoever was asked ends it
        if notice.state != "done":
            if (row["connection"], row["object"]) in topology.by_object:
                continue
            await _leave(tx, id_)
            moot[key] = _NO_FLOW
        elif notice.disposition == "applied":
            applied.append(key)
        else:
            moot[key] = _ENDED.get(notice.disposition, _NOTHING)
    closed = await cases.close_cases(tx, applied, decision=Ending.APPLIED, reason=_IN_EFFECT, now=now)
    await note_ended(tx, closed, Ending.APPLIED, now)
    return closed + await _moot(tx, moot, now)


async def _moot(tx: AsyncConnection, reasons: Mapping[str, str], now: float) -> list[str]:
    ended = await cases.obsolete_each(tx, reasons, now=now)
    await note_ended(tx, ended, Ending.OBSOLETE, now)
    return ended


async def _notices(tx: AsyncConnection, ids: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    notice = t.notice.c
    for part in store.chunks(ids):
        query = select(notice.id, notice.state, notice.disposition).where(notice.id.in_(part))
        found |= {row.id: row for row in await tx.execute(query)}
    return found


async def _leave(tx: AsyncConnection, notice: str) -> None:
    """Nobody would ever read it: the scout asks for objects of flows."""
    ended = {"state": "done", "disposition": "unmapped", "reason": _NO_FLOW}
    await tx.execute(update(t.notice).where(t.notice.c.id == notice, t.WAITING).values(**ended))


async def reconsider(database: Database, topology: Topology, *, now: Callable[[], float]) -> list[str]:
    """For a start with another configuration: cases about a filter that is gone end, and of one that reads otherwise
    now the object is read again, which decides or asks anew. Gives the numbers of both. Raises StorageError.
    """
    open_ones = select(table.c.number).where(IS_OPEN, table.c.cause == CAUSE, table.c.record == "")
    async with database.read() as tx:
        numbers = [row[0] for row in await tx.execute(open_ones.order_by(table.c.number))]
    found: list[str] = []
    for start in range(0, len(numbers), BATCH):
        async with database.begin("upkeep") as tx:
            found += await _reconsider(tx, topology, numbers[start : start + BATCH], now())
    return found


async def _reconsider(tx: AsyncConnection, topology: Topology, numbers: list[int], now: float) -> list[str]:
    query = select(*_SEEN).where(table.c.number.in_(numbers), IS_OPEN).order_by(table.c.number)
    moot, moved = {}, []
    for row in (await tx.execute(query.with_for_update(skip_locked=True))).mappings().all():
        evidence = load(row["evidence"])
        flow = topology.by_object.get((row["connection"], row["object"]))
        if flow is None or flow.name != row["flow"]:
            moot[row["key"]] = _NO_FLOW
            continue
        where = flow.members[row["connection"]].where
        if where is None:
            moot[row["key"]] = "the flow has no filter here any more; the object is read again"
        elif getattr(where, "text", "where") == evidence.get("condition"):
            continue
        else:
            moved.append(format_number(row["number"]))
        case = await cases.get_case(tx, format_number(row["number"]))
        assert case is not None, "it is held"
        await ask_again(tx, case, now=now)
    return moved + await _moot(tx, moot, now)
