"""What the audit trail tells of the archive: where the newest document stands, and whose content was erased."""

from __future__ import annotations

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.chain import ERASED
from gateway.audit.tables import audit, audit_floor
from gateway.storage.database import loads

ARCHIVED = "archived"
"""Kind of the entry that goes with each batch of documents."""


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """What is known from elsewhere. Entries that went by their age tell nothing any more."""

    until: int = 0
    """The newest document that is told of; 0: none is."""
    link: str = ""
    """Its link."""
    erased: frozenset[str] | None = None
    """Records that were erased; None: older entries went, so that not all may be told of."""


async def witness(tx: AsyncConnection) -> Witness:
    """As the trail stands in this transaction. Whether the trail itself is whole, `gateway.audit.verifying` tells."""
    newest = select(audit.c.detail).where(audit.c.kind == ARCHIVED).order_by(audit.c.seq.desc()).limit(1)
    told = loads((await tx.execute(newest)).scalar() or "{}")
    erased = None
    if (await tx.execute(select(audit_floor.c.seq))).first() is None:
        rows = await tx.execute(select(audit.c.detail).where(audit.c.kind == ERASED))
        erased = frozenset(str(loads(detail).get("record", "")) for (detail,) in rows)
    return Witness(until=told.get("until", 0), link=told.get("link", ""), erased=erased)
