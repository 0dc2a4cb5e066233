"""Details that hold personal data go, and the chain still proves itself: it binds only their salted digests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.chain import ERASED, ITSELF, append, entry
from gateway.audit.tables import audit


async def erase(
    tx: AsyncConnection,
    ids: Collection[str],
    *,
    now: float,
    actor: str,
    why: str,
    told: Mapping[str, Any] | None = None,
) -> int:
    """Empties the details of these entries for good, and says so in one entry that names them; gives how many it was.
    Where there is something to tell besides, it is told also when no entry was left to empty.

    Without its salt the digest that stays tells nothing of the text. Unknown ids, entries about the chain itself and
    details erased before are left alone. `told`: what else that entry says.
    """
    chosen = (audit.c.id.in_(list(ids)), audit.c.kind.not_in(ITSELF), audit.c.salt != "")
    found = (await tx.execute(select(audit.c.id, audit.c.seq).where(*chosen).order_by(audit.c.seq))).all()
    if found:
        named = audit.c.id.in_([row.id for row in found])
        await tx.execute(update(audit).where(named).values(detail="{}", salt=""))
    if found or told:
        detail = {"entries": [row.seq for row in found], "why": why, **(told or {})}
        append(tx, [entry(ERASED, now, detail, actor=actor)])
    return len(found)
