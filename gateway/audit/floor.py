"""Old entries go: the oldest first, never one from the middle, and what is left still proves itself from there on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.chain import DELETED, NAME, append, entry
from gateway.audit.keys import signer_for
from gateway.audit.links import floor_message
from gateway.audit.tables import audit, audit_checkpoint, audit_floor, audit_keeper
from gateway.storage.database import Database, insert


async def delete_until(database: Database, before: float, *, now: float, batch: int) -> int:
    """Deletes entries older than `before`, `batch` in a transaction, and gives how many went.

    Only from the beginning of the chain, and none above what a keeper has: a receiver that was not given an entry yet
    still gets it. Each transaction signs where the chain begins from now on, and says so in an entry.
    """
    gone = 0
    while True:
        async with database.begin("audit.delete") as tx:
            doomed = await _doomed(tx, before, batch)
            if doomed:
                await _delete(tx, database, doomed, now)
        gone += len(doomed)
        if len(doomed) < batch:
            return gone


async def _doomed(tx: AsyncConnection, before: float, batch: int) -> Sequence[Any]:
    lowest = (await tx.execute(select(func.min(audit_keeper.c.seq)))).scalar()
    query = select(audit.c.seq, audit.c.link, audit.c.at).order_by(audit.c.seq).limit(batch)
    rows = (await tx.execute(query)).all()
    young = (index for index, row in enumerate(rows) if row.at >= before or (lowest is not None and row.seq > lowest))
    return rows[: next(young, len(rows))]


async def _delete(tx: AsyncConnection, database: Database, doomed: Sequence[Any], now: float) -> None:
    """Another worker may have been at the same ones: then they are gone, and it has said so."""
    last = doomed[-1]
    gone = (await tx.execute(delete(audit).where(audit.c.seq <= last.seq))).rowcount
    if not gone:
        return
    await tx.execute(delete(audit_checkpoint).where(audit_checkpoint.c.seq <= last.seq))
    signer = signer_for(database)
    signature = signer.sign(floor_message(last.seq, last.link, now))
    row = {"seq": last.seq, "link": last.link, "at": now, "key": signer.fingerprint, "signature": signature}
    raised = insert(tx, audit_floor).values(name=NAME, **row)
    higher = audit_floor.c.seq < last.seq
    await tx.execute(raised.on_conflict_do_update(index_elements=["name"], set_=row, where=higher))
    append(tx, [entry(DELETED, now, {"until": last.seq, "link": last.link, "entries": gone})])


async def keep_from(tx: AsyncConnection, name: str, seq: int) -> None:
    """`name` (such as `siem:splunk`) has everything up to `seq`; what is above it is kept for it, however old."""
    row = insert(tx, audit_keeper).values(name=name, seq=seq)
    await tx.execute(row.on_conflict_do_update(index_elements=["name"], set_={"seq": seq}))


async def keep_no_more(tx: AsyncConnection, name: str) -> None:
    """Nothing is kept for `name` any more."""
    await tx.execute(delete(audit_keeper).where(audit_keeper.c.name == name))
