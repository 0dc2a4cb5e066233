"""Entries on their way into the chain: gathered by a transaction, and written as the last thing before its commit.

The head row is locked then and not before. So transactions wait for each other only while they write their entries and
commit, nobody who waits for the head holds it, and the order of `seq` is the order of the commits: who has read up to
an entry never misses an earlier one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import BigInteger, Float, Integer, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import StorageError
from gateway.audit import risk
from gateway.audit.keys import signer_for
from gateway.audit.links import FIELDS, GENESIS, digest, head_message, link
from gateway.audit.tables import audit, audit_head, audit_key
from gateway.core.ids import new_id
from gateway.core.signing import Signer, verifies
from gateway.storage.database import Database, dumps, insert_all, late
from gateway.storage.database import insert as inserting
from gateway.storage.prepared import Lookup, Many

NAME = "audit"
OURS = "lockstep"
BEGUN, BROKEN, ACCEPTED, KEY = "audit_begun", "audit_broken", "audit_accepted", "audit_key"
ERASED, DELETED = "erased", "audit_deleted"
ITSELF = frozenset({BEGUN, BROKEN, ACCEPTED, KEY, ERASED, DELETED})
"""Kinds of entries about the chain: it took over older ones; it was found tampered with; somebody answers for that;
another key signs from here on; details were erased; old entries went by their age. None of them is ever erased.
"""
_BLANK = {"record": None, "connection": None, "cause": None, "outcome": "", "closes": None}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry, as the head row tells of it."""

    seq: int
    link: str
    key: str
    signature: str

    @classmethod
    def signed(cls, seq: int, link: str, signer: Signer) -> Head:
        """A head that this key vouches for."""
        return cls(seq, link, signer.fingerprint, signer.sign(head_message(seq, link)))

    def holds(self, signer: Signer) -> bool:
        """Whether this key signed it."""
        return self.key == signer.fingerprint and verifies(
            signer.public, head_message(self.seq, self.link), self.signature
        )


class Writer:
    """What a process knows of one database's chain: whoever may write into the database could have been at it."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self._seen: Head | None = None
        self._wrote: Head | None = None

    def judge(self, head: Head) -> str:
        """Why `head`, which is locked, cannot be what writers of this chain left; empty: it can. Raises StorageError
        if another key signs by now.
        """
        if head in (self._wrote, self._seen):
            return ""
        if head.key and head.key != self.signer.fingerprint:
            problem = f"the audit trail is signed by the key {head.key[:16]} and this process has"
            raise StorageError(f"{problem} {self.signer.fingerprint[:16]}; start it with that key")
        if head.key and not head.holds(self.signer):
            return "its head is not as it was signed"
        if not head.key and self._seen is not None:
            return "its head has lost its signature"
        if self._seen is not None and head.seq <= self._seen.seq:
            return f"it was wound back from {self._seen.seq} or later"
        return ""

    def moved(self, before: Head, after: Head) -> None:
        """The head was read as `before`, and is `after` if the transaction comes to its commit."""
        self._seen, self._wrote = before, after


_writers: WeakKeyDictionary[Database, Writer] = WeakKeyDictionary()
_listeners: WeakKeyDictionary[Database, Callable[[], None]] = WeakKeyDictionary()


def tell(database: Database, heard: Callable[[], None]) -> None:
    """`heard` is called with each commit of this process that brought an entry that matters to security."""
    _listeners[database] = heard


def forget(database: Database) -> None:
    """What this process knows of the chain: as after a start."""
    _writers.pop(database, None)


def append(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Entries in the order in which they were decided; part of the chain when the transaction commits, and not there
    before, for nobody: not for this transaction either.

    A row has `id`, `at`, `kind`, `actor` and `detail` (JSON text), and what else it has to say of the columns. Raises
    LookupError outside of `Database.begin`.
    """
    if rows:
        late(tx).add(_write, rows)


async def locked_head(tx: AsyncConnection) -> Head:
    """The newest entry; nobody else adds one before this transaction ends. A chain that has no head yet gets one."""
    for found in await _head.run(tx, names=(NAME,)):
        return Head(*found)
    first = inserting(tx, audit_head).values(name=NAME, seq=0, link=GENESIS, key="", signature="")
    await tx.execute(first.on_conflict_do_nothing())
    return await locked_head(tx)


async def read_head(tx: AsyncConnection) -> Head | None:
    """The newest entry as the head row tells; None: there never was one."""
    row = audit_head.c
    query = select(row.seq, row.link, row.key, row.signature).where(row.name == NAME)
    found = (await tx.execute(query)).first()
    return None if found is None else Head(*found)


_head = Lookup(
    lambda within: (
        select(audit_head.c.seq, audit_head.c.link, audit_head.c.key, audit_head.c.signature)
        .where(within(audit_head.c.name, "names"))
        .with_for_update()
    )
)
_move = Many(
    lambda insert: (
        update(audit_head)
        .where(audit_head.c.name == bindparam("b_name"))
        .values({name: bindparam(f"b_{name}") for name in ("seq", "link", "key", "signature")})
    )
)


_NAMES = tuple(column.name for column in audit.columns)


def _at_once() -> str:
    """Entries and head in one statement: one round trip less with the head locked, while others wait for it.

    Texts are cast to no length: that would cut one that is too long instead of refusing it.
    """
    known = {BigInteger: "bigint", Integer: "integer", Float: "double precision"}
    types = (known.get(type(column.type), "text") for column in audit.columns)
    arrays = (f"${n}::{kind}[]" for n, kind in enumerate(types, 1))
    first = len(_NAMES) + 1
    head = (f"{name} = ${first + n}" for n, name in enumerate(("seq", "link", "key", "signature")))
    added = f"INSERT INTO audit ({', '.join(_NAMES)}) SELECT * FROM unnest({', '.join(arrays)})"  # noqa: S608 - ours
    return f"WITH added AS ({added}) UPDATE audit_head SET {', '.join(head)} WHERE name = ${first + 4}"  # noqa: S608


_AT_ONCE = _at_once()


async def _write(tx: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    database = late(tx).database
    writer = _writers.get(database)
    if writer is None:
        writer = _writers[database] = Writer(signer_for(database))
    head = await locked_head(tx)
    if why := writer.judge(head):
        log.error("the audit trail was tampered with", why=why, seq=head.seq)
        rows = [_broken(head, why, rows[0]["at"]), *rows]
    if not head.key:
        rows = [*await _begin(tx, head, writer.signer, rows), *rows]
    seq, last = chained(head.seq, head.link, rows)
    moved = Head.signed(seq, last, writer.signer)
    try:
        await _store(tx, rows, moved)
    except IntegrityError as error:
        problem = f"the audit trail has a row at {head.seq + 1} that no transaction of a gateway left there"
        raise StorageError(f"{problem}; see lockstep audit verify, and take it away") from error
    writer.moved(head, moved)
    heard = _listeners.get(database)
    if heard is not None and any(row["risk"] for row in rows):
        late(tx).then(heard)


async def _store(tx: AsyncConnection, rows: list[dict[str, Any]], moved: Head) -> None:
    if tx.dialect.name != "postgresql":
        await insert_all(tx, audit, rows)
        await set_head(tx, moved)
        return
    values = ([row[name] for row in rows] for name in _NAMES)
    await tx.exec_driver_sql(_AT_ONCE, (*values, moved.seq, moved.link, moved.key, moved.signature, NAME))


async def set_head(tx: AsyncConnection, head: Head) -> None:
    """Moves the head row, which this transaction has locked."""
    row = {"b_name": NAME, "b_seq": head.seq, "b_link": head.link, "b_key": head.key, "b_signature": head.signature}
    await _move.run(tx, [row])


def chained(seq: int, last: str, rows: Sequence[dict[str, Any]]) -> tuple[int, str]:
    """Gives rows their place after entry `seq` with the link `last`, in place; the newest entry's seq and link."""
    salts = os.urandom(16 * len(rows)).hex()
    for index, row in enumerate(rows):
        for name, value in _BLANK.items():
            row.setdefault(name, value)
        seq += 1
        salt = salts[32 * index : 32 * index + 32]
        row["seq"], row["salt"], row["at"] = seq, salt, float(row["at"])
        row["digest"] = digest(salt, row["detail"])
        row["risk"] = risk.severity(row)
        row["link"] = last = link(last, [row[name] for name in FIELDS])
    return seq, last


def entry(kind: str, at: float, detail: Any, **more: Any) -> dict[str, Any]:
    """An entry about the chain itself."""
    return {"id": new_id("au", at=at), "at": at, "kind": kind, "actor": OURS, "detail": dumps(detail), **more}


def begun(head: Head, at: float) -> dict[str, Any]:
    """Entries were there before anybody signed."""
    return entry(BEGUN, at, {"entries": head.seq, "proof": "none of what they were before"})


def _broken(head: Head, why: str, at: float) -> dict[str, Any]:
    """The gateway goes on, and the trail keeps what was found: no later signature makes it good."""
    found = {"seq": head.seq, "link": head.link, "key": head.key, "signature": head.signature}
    return entry(BROKEN, at, {"why": why, "found": found})


async def _begin(
    tx: AsyncConnection, head: Head, signer: Signer, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The first signature. Entries from before it are in the chain, and no more can be said of them."""
    at = rows[0]["at"]
    known = (await tx.execute(select(audit_key.c.fingerprint))).scalars().all()
    if signer.fingerprint not in known:
        key = {"fingerprint": signer.fingerprint, "public": signer.public, "since": at, "seq": head.seq + 1}
        await tx.execute(insert(audit_key).values(**key, former="", voucher=""))
    if known:
        return [_broken(head, "it was signed before, and its head has lost the signature", at)]
    return [begun(head, at)] if head.seq and rows[0]["kind"] != BEGUN else []
