"""How the chain of the trail stands, and what people answer for in it. Whether it is whole, `lockstep audit verify`
says: that reads all of it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import RowMapping, func, select

from gateway.access.rights import Principal, Right
from gateway.audit import taking_over
from gateway.audit.chain import BROKEN, NAME, read_head
from gateway.audit.tables import audit, audit_checkpoint, audit_floor, audit_keeper, audit_key
from gateway.work.workplace import Workplace


class ChainHead(msgspec.Struct, frozen=True, kw_only=True):
    """The newest entry."""

    seq: int
    link: str
    """64 hex digits."""
    key: str
    """Fingerprint of the key that signed; empty: nobody has yet."""
    signature: str


class ChainCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed statement that an entry was there; also that entries up to one went by their age."""

    seq: int
    link: str
    at: float
    key: str
    signature: str


class ChainKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that signs, or did."""

    fingerprint: str
    public: str
    """Base64 of 32 bytes: what others check with."""
    since: float
    seq: int
    """The first entry that it signed."""
    former: str
    """Fingerprint of the key before it."""
    vouched: bool
    """The former key signed it. Otherwise it is the first, or a person answered for the change."""


class ChainKeeper(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever still needs entries above `seq`, which are kept for it."""

    name: str
    seq: int


class ChainView(msgspec.Struct, frozen=True, kw_only=True):
    """How the chain stands. Without `floor` it begins with entry 1."""

    head: ChainHead | None
    checkpoint: ChainCheckpoint | None
    floor: ChainCheckpoint | None
    keys: tuple[ChainKey, ...]
    keepers: tuple[ChainKeeper, ...]
    broken: int
    """Entries that tell of tampering which the gateway noticed."""


async def chain_state(place: Workplace, who: Principal) -> ChainView:
    """Newest entry, last checkpoint, floor and keys. Right AUDIT. Nothing is checked by it."""
    who.require(Right.AUDIT)
    async with place.database.read() as tx:
        head = await read_head(tx)
        latest = select(audit_checkpoint).order_by(audit_checkpoint.c.seq.desc()).limit(1)
        checkpoint = (await tx.execute(latest)).mappings().first()
        floor = (await tx.execute(select(audit_floor).where(audit_floor.c.name == NAME))).mappings().first()
        keys = (await tx.execute(select(audit_key).order_by(audit_key.c.seq))).mappings().all()
        keepers = (await tx.execute(select(audit_keeper).order_by(audit_keeper.c.name))).mappings().all()
        told = select(func.count()).select_from(audit).where(audit.c.kind == BROKEN)
        broken = (await tx.execute(told)).scalar_one()
    return ChainView(
        head=None if head is None else ChainHead(seq=head.seq, link=head.link, key=head.key, signature=head.signature),
        checkpoint=None if checkpoint is None else ChainCheckpoint(**checkpoint),
        floor=None if floor is None else ChainCheckpoint(**_but(floor, "name")),
        keys=tuple(ChainKey(**{**_but(each, "voucher"), "vouched": bool(each["voucher"])}) for each in keys),
        keepers=tuple(ChainKeeper(**each) for each in keepers),
        broken=broken,
    )


def _but(row: RowMapping, name: str) -> dict[str, Any]:
    return {str(key): value for key, value in row.items() if key != name}


async def accept_key(place: Workplace, who: Principal, why: str) -> bool:
    """The key at hand signs from now on, without the former one's word. False: it does already. Right MANAGE."""
    who.require(Right.MANAGE)
    return await taking_over.accept_key(place.database, now=place.now(), actor=who.name, why=why)


async def accept_break(place: Workplace, who: Principal, seq: int, why: str) -> bool:
    """`who` answers for what entry `seq` tells was found. False: it tells of no such thing. Right MANAGE."""
    who.require(Right.MANAGE)
    return await taking_over.accept_break(place.database, seq, now=place.now(), actor=who.name, why=why)
