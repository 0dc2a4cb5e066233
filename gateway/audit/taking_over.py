"""At a start: the key at hand becomes the one that signs, if whoever signed before vouches for it, or a person does."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import ConfigError
from gateway.audit.chain import ACCEPTED, BROKEN, KEY, OURS, Head, append, begun, entry, locked_head, set_head
from gateway.audit.keys import signer_for
from gateway.audit.links import key_message
from gateway.audit.tables import audit, audit_key
from gateway.core.signing import Signer
from gateway.storage.database import Database


async def take_over(database: Database, former: Sequence[Signer], *, now: float) -> None:
    """All that this process adds to the trail will be signed by a key that the trail knows.

    Entries from before there were signatures get one, and it is said that nothing proves what they were. Raises
    ConfigError if another key signs by now and is not among the `former`.
    """
    signer = signer_for(database)
    async with database.begin("audit.begin") as tx:
        head = await locked_head(tx)
        if not head.key and head.seq:
            append(tx, [begun(head, now)])
        if head.key in ("", signer.fingerprint):
            return
        before = next((each for each in former if each.fingerprint == head.key), None)
        if before is None:
            problem = f"signing: error[signing-key]: the audit trail is signed by the key {head.key[:16]}, and this is "
            hint = "name it under signing.former, or have a person answer for the change: lockstep audit key --accept"
            raise ConfigError([f"{problem}{signer.fingerprint[:16]}; {hint}"])
        await _enter(tx, head, signer, before, now=now, actor=OURS)


async def accept_key(database: Database, *, now: float, actor: str, why: str) -> bool:
    """As `take_over`, when the former key is lost: the person's word stands for its signature. False: it signs here
    already.
    """
    signer = signer_for(database)
    async with database.begin("audit.key") as tx:
        head = await locked_head(tx)
        if head.key in ("", signer.fingerprint):
            return False
        await _enter(tx, head, signer, None, now=now, actor=actor, why=why)
    return True


async def _enter(
    tx: AsyncConnection, head: Head, signer: Signer, before: Signer | None, *, now: float, actor: str, why: str = ""
) -> None:
    seq = head.seq + 1
    voucher = before.sign(key_message(signer.public, seq)) if before else ""
    told = {"key": signer.fingerprint, "from": seq, "public": signer.public, "former": head.key, "voucher": voucher}
    rows = [entry(KEY, now, {**told, **({"why": why} if why else {})}, actor=actor)]
    if before is not None and not head.holds(before):
        rows.append(entry(BROKEN, now, {"why": "its head was not as the former key signed it"}))
    row = {"public": signer.public, "since": now, "seq": seq, "former": head.key, "voucher": voucher}
    known = (await tx.execute(audit_key.select().where(audit_key.c.fingerprint == signer.fingerprint))).first()
    if known is None:
        await tx.execute(insert(audit_key).values(fingerprint=signer.fingerprint, **row))
    await set_head(tx, Head.signed(head.seq, head.link, signer))
    append(tx, rows)


async def accept_break(database: Database, seq: int, *, now: float, actor: str, why: str) -> bool:
    """Somebody answers for what entry `seq` tells was found, such as a backup put in its place on purpose. False: there
    is no such entry.
    """
    async with database.begin("audit.accept") as tx:
        query = audit.select().where(audit.c.seq == seq, audit.c.kind == BROKEN)
        if (await tx.execute(query)).first() is None:
            return False
        append(tx, [entry(ACCEPTED, now, {"entry": seq, "why": why}, actor=actor)])
    return True
