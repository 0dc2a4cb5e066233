"""Whether the newest stretch of the trail is whole: quick enough for a page. All of it is `lockstep audit verify`'s."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from sqlalchemy import select

from gateway.access.rights import Principal, Right
from gateway.audit.chain import read_head
from gateway.audit.links import FIELDS, digest, link
from gateway.audit.tables import audit
from gateway.work.audit_chain import ChainView, chain_state
from gateway.work.workplace import Workplace

NEWEST = 200


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said at once of the chain."""

    chain: ChainView
    first: int
    """The oldest entry that is kept, by the floor."""
    last: int
    """The newest; 0: there is none."""
    checked: int
    """So many of the newest entries were computed anew for this."""
    wrong: int
    """The newest entry that does not fit the one before it, or its own detail; 0: all do."""
    at: float

    @property
    def whole(self) -> bool:
        """Nothing wrong was found now, and the gateway never noticed anything."""
        return not self.wrong and not self.chain.broken


async def standing(place: Workplace, who: Principal) -> Standing:
    """How the chain stands, with its newest entries computed anew. Right AUDIT."""
    who.require(Right.AUDIT)
    chain = await chain_state(place, who)
    async with place.database.read() as tx:
        head = await read_head(tx)
        newest = select(*(audit.c[name] for name in (*FIELDS, "link", "salt", "detail")))
        rows = (await tx.execute(newest.order_by(audit.c.seq.desc()).limit(NEWEST + 1))).all()
    last = head.seq if head else 0
    wrong = last if rows and head and (rows[0].seq, rows[0].link) != (head.seq, head.link) else 0
    for row, before in pairwise(rows):
        fits = row.seq == before.seq + 1 and link(before.link, list(row[: len(FIELDS)])) == row.link
        kept = not row.salt or digest(row.salt, row.detail) == row.digest
        if not (fits and kept) and not wrong:
            wrong = row.seq
    first = chain.floor.seq + 1 if chain.floor else 1
    checked = max(0, len(rows) - 1)
    return Standing(chain=chain, first=first, last=last, checked=checked, wrong=wrong, at=place.now())
