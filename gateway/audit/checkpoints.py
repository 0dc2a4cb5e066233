"""Signed statements that an entry was there, kept outside of the database too: a file that only grows.

Whoever puts an older database in its place has all of its signatures. What he has not is what others keep: this file,
an auditor's copy of it, or what a SIEM was sent.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.chain import BROKEN, NAME, append, entry, read_head
from gateway.audit.keys import signer_for
from gateway.audit.links import checkpoint_message
from gateway.audit.tables import audit, audit_checkpoint, audit_floor
from gateway.core.signing import Signer, verifies
from gateway.storage.database import Database, insert

FILE_NAME = "audit-checkpoints.jsonl"
_TAIL = 4096
"""Bytes at the end of the file that hold its last line."""

log = structlog.get_logger()


class Checkpoint(msgspec.Struct, frozen=True):
    """At `at` the entry `seq` had this link: signed by the key with that fingerprint."""

    seq: int
    link: str
    at: float
    key: str
    signature: str

    @classmethod
    def signed(cls, seq: int, link: str, at: float, signer: Signer) -> Checkpoint:
        """One that this key vouches for."""
        return cls(seq, link, at, signer.fingerprint, signer.sign(checkpoint_message(seq, link, at)))

    def holds(self, public: str) -> bool:
        """Whether that key (base64) signed it."""
        return verifies(public, checkpoint_message(self.seq, self.link, self.at), self.signature)


def read_file(file: Path) -> Iterator[Checkpoint | int]:
    """All of a file, in order; the number of a line that is none. Raises OSError."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield msgspec.json.decode(line, type=Checkpoint)
            except msgspec.MsgspecError:
                yield number


def _last(file: Path) -> Checkpoint | None:
    try:
        with file.open("rb") as lines:
            lines.seek(0, os.SEEK_END)
            lines.seek(max(0, lines.tell() - _TAIL))
            tail = lines.read().splitlines()
    except FileNotFoundError:
        return None
    for line in reversed(tail):
        try:
            return msgspec.json.decode(line, type=Checkpoint)
        except msgspec.MsgspecError:
            continue  # half a line: the power went while it was written
    return None


def _add(file: Path, checkpoint: Checkpoint) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lines:
        lines.write(msgspec.json.encode(checkpoint) + b"\n")
        lines.flush()
        os.fsync(lines.fileno())


async def checkpoint(database: Database, file: Path, *, now: float) -> Checkpoint | None:
    """Signs where the chain stands, in the database and in `file`; None if nothing was added since the last line.

    A chain that lacks what the file has is told of in the log, and in the trail: it was cut or put back. A head that
    is not as its key signed it gets no further signature here. Raises StorageError, and OSError if the file cannot be
    written.
    """
    before, signer = await asyncio.to_thread(_last, file), signer_for(database)
    async with database.begin("audit.checkpoint") as tx:
        head = await read_head(tx)
        if head is None or head.seq == 0 or (before and (before.seq, before.link) == (head.seq, head.link)):
            return None
        if not head.holds(signer):
            log.error("the head of the audit trail is not signed by the key of this process", seq=head.seq)
            return None
        if before is not None and (why := await _lacks(tx, before, head.seq)):
            log.error("the audit trail was tampered with", why=why, file=str(file))
            append(tx, [entry(BROKEN, now, {"why": why, "checkpoint": msgspec.to_builtins(before)})])
        made = Checkpoint.signed(head.seq, head.link, now, signer)
        row = insert(tx, audit_checkpoint).values(**msgspec.to_builtins(made))
        await tx.execute(row.on_conflict_do_nothing())
    await asyncio.to_thread(_add, file, made)
    return made


async def _lacks(tx: AsyncConnection, before: Checkpoint, newest: int) -> str:
    """Why this chain is not the one that the checkpoint is of; empty if it may be."""
    if newest < before.seq:
        return f"a checkpoint tells of entry {before.seq}, and the newest is {newest}"
    found = (await tx.execute(select(audit.c.link).where(audit.c.seq == before.seq))).scalar()
    if found == before.link:
        return ""
    floor = (await tx.execute(select(audit_floor.c.seq).where(audit_floor.c.name == NAME))).scalar()
    if found is None and floor is not None and floor >= before.seq:
        return ""
    return f"entry {before.seq} is not the one that a checkpoint tells of"


async def kept(tx: AsyncConnection) -> list[Checkpoint]:
    """Those of the database."""
    names = Checkpoint.__struct_fields__
    rows = await tx.execute(select(*(audit_checkpoint.c[name] for name in names)).order_by(audit_checkpoint.c.seq))
    return [Checkpoint(*row) for row in rows]


async def links_at(tx: AsyncConnection, places: Iterable[int]) -> dict[int, Any]:
    """Place -> link, as they stand."""
    wanted, found = list(places), dict[int, Any]()
    for index in range(0, len(wanted), 500):
        query = select(audit.c.seq, audit.c.link).where(audit.c.seq.in_(wanted[index : index + 500]))
        found.update((seq, link) for seq, link in await tx.execute(query))
    return found
