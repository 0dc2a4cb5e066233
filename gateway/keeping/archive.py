"""The archive: what was closed, in a chain of its own, so that nobody can change, add or take away a document unseen.

A row never goes. Its content does, by age or erasure, and leaves the salted digest by which it was bound: what is left
still proves itself. The head is signed with each document.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import AsyncIterator, Collection, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any

import msgspec
import orjson
from sqlalchemy import Select, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.keys import signer_for
from gateway.core.signing import verifies
from gateway.keeping.holds import held
from gateway.keeping.tables import archive, archive_head
from gateway.keeping.witness import Witness
from gateway.storage.database import Database, dumps, insert, insert_all

NAME = "archive"
GENESIS = "0" * 64
BY_AGE = "age"
ERASED = "erased"
FIELDS = ("seq", "kind", "name", "flow", "connection", "record", "closed_at", "at", "until", "sha256")
"""What a link binds, in this order: everything that stays."""


class Kind(StrEnum):
    """What a document is."""

    CASE = "case"  # with its history, approvals, tasks and files
    LINEAGE = "lineage"  # what the fields of a record were, until its end


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be archived."""

    kind: Kind
    name: str
    flow: str = ""
    connection: str = ""
    record: str = ""
    title: str = ""
    closed_at: float
    until: float
    content: Any


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """What does not prove itself."""

    seq: int
    why: str


def message(seq: int, link: str) -> bytes:
    """What is signed: the newest document is this one."""
    return f"lockstep-archive-1\n{seq}\n{link}".encode()


def link(previous: str, row: Any) -> str:
    """Of a document, after the link before it."""
    return sha256(previous.encode() + orjson.dumps([1, *(row[name] for name in FIELDS)])).hexdigest()


def digest(salt: str, content: bytes) -> str:
    """Of the content as it is stored."""
    return sha256(salt.encode() + content).hexdigest()


async def put(tx: AsyncConnection, database: Database, documents: Sequence[Document], *, now: float) -> dict[str, Any]:
    """Adds documents, in the transaction that takes away what they are of. Others who add some wait for its end. Gives
    their place, for whoever keeps proof of it; nothing for none.
    """
    if not documents:
        return {}
    head = await _locked(tx)
    seq, last, rows = head[0], head[1], []
    for each in documents:
        content, salt, seq = zlib.compress(dumps(each.content).encode()), os.urandom(16).hex(), seq + 1
        facts = {name: getattr(each, name) for name in ("name", "flow", "connection", "record", "title")}
        times = {"closed_at": float(each.closed_at), "at": float(now), "until": float(each.until)}
        row = {"seq": seq, "kind": str(each.kind), **facts, **times, "sha256": digest(salt, content)}
        last = link(last, row)
        rows.append({**row, "salt": salt, "link": last, "content": content, "gone": ""})
    await insert_all(tx, archive, rows)
    signer = signer_for(database)
    signed = {"seq": seq, "link": last, "key": signer.public, "signature": signer.sign(message(seq, last))}
    await tx.execute(update(archive_head).where(archive_head.c.name == NAME).values(**signed))
    return {"from": head[0] + 1, "until": seq, "link": last}


async def _locked(tx: AsyncConnection) -> tuple[int, str]:
    first = insert(tx, archive_head).values(name=NAME, seq=0, link=GENESIS, key="", signature="")
    await tx.execute(first.on_conflict_do_nothing())
    query = select(archive_head.c.seq, archive_head.c.link).where(archive_head.c.name == NAME).with_for_update()
    found = (await tx.execute(query)).one()
    return found.seq, found.link


async def read(tx: AsyncConnection, seq: int) -> Any:
    """The row of one document with its content as JSON; None: there is none."""
    row = (await tx.execute(select(archive).where(archive.c.seq == seq))).mappings().first()
    if row is None:
        return None
    return {**row, "content": None if row["content"] is None else orjson.loads(zlib.decompress(row["content"]))}


async def forget(tx: AsyncConnection, *, before: float, most: int) -> int:
    """Takes away the content of documents whose time is over and that nothing holds; gives how many."""
    own = and_(archive.c.content.is_not(None), archive.c.until < before, ~_held())
    found = (await tx.execute(select(archive.c.seq).where(own).order_by(archive.c.until).limit(most))).scalars().all()
    await _empty(tx, found, BY_AGE)
    return len(found)


async def erase(tx: AsyncConnection, record: str) -> int:
    """Takes away the content of everything about a record, unless it is held; gives how many documents."""
    own = and_(archive.c.content.is_not(None), archive.c.record == record, ~_held())
    found = (await tx.execute(select(archive.c.seq).where(own))).scalars().all()
    await _empty(tx, found, ERASED)
    return len(found)


async def is_held(tx: AsyncConnection, record: str) -> bool:
    """Whether a legal hold is over any document about a record whose content is still there."""
    own = and_(archive.c.content.is_not(None), archive.c.record == record, _held())
    return (await tx.execute(select(archive.c.seq).where(own).limit(1))).first() is not None


def _held() -> Any:
    return held(case=archive.c.name, record=archive.c.record, flow=archive.c.flow)


async def _empty(tx: AsyncConnection, seqs: Collection[int], why: str) -> None:
    if seqs:
        nothing = {"content": None, "title": "", "salt": "", "gone": why}
        await tx.execute(update(archive).where(archive.c.seq.in_(seqs)).values(**nothing))


async def verify(
    tx: AsyncConnection, keys: Collection[str], told: Witness, *, now: float, batch: int = 500
) -> AsyncIterator[Broken]:
    """Everything that was changed, added, taken away or put in another order; nothing: it is as it was written.

    `keys`: public keys whose signature of the head is believed. Whoever has such a key as well could write another
    archive, and whoever has an older head could put it back: so `told`, what the audit trail has of it, counts too.
    """
    seq, last = 0, GENESIS
    while True:
        query = select(archive).where(archive.c.seq > seq).order_by(archive.c.seq).limit(batch)
        rows = (await tx.execute(query)).mappings().all()
        for row in rows:
            if row["seq"] != seq + 1:
                yield Broken(seq=seq + 1, why=f"missing up to {row['seq'] - 1}")
            elif link(last, row) != row["link"]:
                yield Broken(seq=row["seq"], why="what is known of it was changed")
            elif row["seq"] == told.until and row["link"] != told.link:
                yield Broken(seq=row["seq"], why="it is not the one that the audit trail tells of")
            if fault := _content_fault(row, told, now):
                yield Broken(seq=row["seq"], why=fault)
            seq, last = row["seq"], row["link"]
        if len(rows) < batch:
            break
    head = (await tx.execute(select(archive_head).where(archive_head.c.name == NAME))).mappings().first()
    if (why := _head_fault(head, seq, last, keys)) is not None:
        yield Broken(seq=seq, why=why)
    if seq < told.until:
        yield Broken(seq=seq + 1, why=f"missing up to {told.until}, of which the audit trail tells")


def _content_fault(row: Any, told: Witness, now: float) -> str:
    if row["content"] is None:
        if row["gone"] not in (BY_AGE, ERASED):
            return "its content is missing, and nothing says why"
        if row["gone"] == BY_AGE and row["until"] >= now:
            return "its content is said to have gone by age, before its time"
        untold = row["gone"] == ERASED and told.erased is not None and row["record"] not in told.erased
        return "its content is said to be erased, and the audit trail tells of no erasure" if untold else ""
    return "" if digest(row["salt"], row["content"]) == row["sha256"] else "its content was changed"


def _head_fault(head: Any, seq: int, last: str, keys: Collection[str]) -> str | None:
    if head is None:
        return "the head is missing" if seq else None
    if (head["seq"], head["link"]) != (seq, last):
        return f"it ends at {seq}, and the head is at {head['seq']}"
    if seq and head["key"] not in keys:
        return "the head is signed by a key that is not ours"
    if seq and not verifies(head["key"], message(seq, last), head["signature"]):
        return "the signature of the head is wrong"
    return None


def searched(query: Select[Any], *, text: str, kind: str, since: float | None, until: float | None) -> Select[Any]:
    """Narrows a query over the archive: by what stands in its names, by kind, by the time of its end."""
    column = archive.c
    if text:
        places = (column.name, column.title, column.record, column.connection, column.flow)
        query = query.where(or_(*(place.icontains(text, autoescape=True) for place in places)))
    if kind:
        query = query.where(column.kind == kind)
    if since is not None:
        query = query.where(column.closed_at >= since)
    return query if until is None else query.where(column.closed_at < until)
