"""P8 for people: by what those are known who have left, for whoever is about to write.

The rows are the truth. A worker keeps them decoded and compares one mark in the very transaction that decides (it comes
with the revisions of the records), so that while nobody leaves nothing is read, and while nobody has left nothing is
asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.core.ids import new_id
from gateway.storage.database import insert
from gateway.sync import tables as t
from gateway.sync.flow import Flow
from gateway.sync.identities import Identity, Known, identity

T = TypeVar("T")
HEAD = 1
MOST_ASKED = 100_000
"""Answers that an index remembers: spelling a name as it is compared costs more than all else."""
NO_MARK = ""
"""Of a gateway that nobody has left yet."""


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who has left, or who had and was let in again."""

    person: str
    """As whoever called `depart` names the person."""
    since: float
    case: str
    """The departure, as people call it: `LV-17`."""
    successor: str = ""
    """E-mail address of who takes the work over; empty: nobody is known."""
    lifted_at: float | None = None
    lifted_by: str = ""
    reason: str = ""
    identities: tuple[Identity, ...] = ()


class Index:
    """Who has left, as of one mark. Never changed once it is made."""

    __slots__ = ("_asked", "_by_identity", "_names", "_people", "mark", "nobody")

    def __init__(self, mark: str, gone: Iterable[Gone]) -> None:
        """`gone`: those who are out, without those who were let in again."""
        self.mark = mark
        self._by_identity: dict[Identity, Gone] = {}
        self._people: set[str] = set()
        for each in gone:
            self._people.add(each.person)
            for known in each.identities:
                self._by_identity.setdefault(known, each)
        self.nobody = not self._by_identity
        self._names: dict[str, tuple[Flow, Any]] = {}
        self._asked: dict[tuple[Known, Any, str], Gone | None] = {}

    def who(self, kind: Known, value: Any, connection: str = "") -> Gone | None:
        """The person known so, if they have left."""
        if self.nobody or not isinstance(value, (str, int)) or value == "":
            return None
        key = (kind, value, connection)
        if key in self._asked:
            return self._asked[key]
        found = identity(kind, value, connection)
        if len(self._asked) >= MOST_ASKED:
            self._asked.clear()
        answer = self._asked[key] = self._by_identity.get(found) if found is not None else None
        return answer

    def is_out(self, person: str) -> bool:
        """Whether this person, as `depart` was told, has left and was not let in again."""
        return person in self._people

    def remembered(self, flow: Flow, make: Callable[[Flow], T]) -> T:
        """What `make` gives for a flow, made once."""
        known = self._names.get(flow.name)
        if known is None or known[0] is not flow:
            known = self._names[flow.name] = (flow, make(flow))
        found: T = known[1]
        return found


NOBODY = Index(NO_MARK, ())


class Departed:
    """What this process last read of those who have left."""

    def __init__(self) -> None:
        self._index = NOBODY

    async def as_of(self, tx: AsyncConnection, mark: str) -> Index:
        """The index of a mark that this transaction read. What another transaction reads meanwhile changes nothing in
        it.
        """
        known = self._index
        if known.mark != mark:
            known = self._index = Index(mark, [each for each in await read(tx) if each.lifted_at is None])
        return known


async def depart(
    tx: AsyncConnection,
    person: str,
    identities: Collection[Identity],
    *,
    case: str,
    now: float,
    successor: str = "",
) -> None:
    """From the commit of this transaction on no write begins that would give these identities anything.

    Again, with more identities or another successor: they are added, nothing is taken away, and the time stays the
    first one. Somebody who was let in again leaves anew. The departure that calls it has the audit row.
    """
    await _move(tx)
    known = (await tx.execute(_one(person))).first()
    values: dict[str, Any] = {"successor": successor} if successor else {}
    if known is None:
        await tx.execute(
            t.departed.insert().values(
                person=person, since=now, case_label=case, successor=successor, lifted_by="", reason=""
            )
        )
    elif known.lifted_at is not None:
        values |= {"since": now, "case_label": case, "lifted_at": None, "lifted_by": "", "reason": ""}
    if known is not None and values:
        await tx.execute(update(t.departed).where(t.departed.c.person == person).values(**values))
    rows = [{"person": person, **msgspec.to_builtins(each)} for each in identities]
    if rows:
        await tx.execute(insert(tx, t.departed_identity).on_conflict_do_nothing(), rows)


async def lift(tx: AsyncConnection, person: str, *, by: str, reason: str, now: float) -> Gone | None:
    """The person may be given things again; the records stay as they are. None: the person has not left.

    Only a part of letting somebody in again: `gateway.work.readmitting` has the whole.
    """
    await _move(tx)
    gone = await gone_of(tx, person)
    if gone is None or gone.lifted_at is not None:
        return None
    put = {"lifted_at": now, "lifted_by": by[:100], "reason": reason}
    await tx.execute(update(t.departed).where(t.departed.c.person == person).values(**put))
    return msgspec.structs.replace(gone, **put)


async def gone_of(tx: AsyncConnection, person: str) -> Gone | None:
    """The person's departure, also one that was lifted. None: never left."""
    found = await _gone(tx, _one(person))
    return found[0] if found else None


async def gone_among(tx: AsyncConnection, identities: Collection[Identity]) -> dict[Identity, Gone]:
    """Those of the identities whose person has left and was not let in again."""
    if not identities:
        return {}
    values = sorted({each.value for each in identities})
    query = select(t.departed_identity.c.person).where(t.departed_identity.c.value.in_(values)).distinct()
    people = [row.person for row in await tx.execute(query)]
    out = await _gone(tx, select(t.departed).where(t.departed.c.person.in_(people)))
    index = Index(NO_MARK, [each for each in out if each.lifted_at is None])
    return {each: gone for each in identities if (gone := index.who(each.kind, each.value, each.connection))}


async def read(tx: AsyncConnection) -> list[Gone]:
    """Everybody who ever left, those who were let in again too; the first to leave first."""
    return await _gone(tx, select(t.departed))


MARK = select(t.departed_head.c.mark).scalar_subquery()
"""The mark of the newest departure or readmission; NULL before the first."""


async def mark_of(tx: AsyncConnection) -> str:
    """As this transaction sees it."""
    return (await tx.execute(select(MARK))).scalar() or NO_MARK


async def _move(tx: AsyncConnection) -> None:
    """The mark is another one from now on, and never one that was there before: what a transaction read that was
    undone later is not taken for true. Locks, so that two departures come one after the other.
    """
    row = {"id": HEAD, "mark": new_id("dm")}
    statement = insert(tx, t.departed_head).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"mark": statement.excluded.mark}))


def _one(person: str) -> Select[Any]:
    return select(t.departed).where(t.departed.c.person == person)


async def _gone(tx: AsyncConnection, query: Select[Any]) -> list[Gone]:
    rows = (await tx.execute(query.order_by(t.departed.c.since, t.departed.c.person))).mappings().all()
    of = query.with_only_columns(t.departed.c.person)
    named = select(t.departed_identity).where(t.departed_identity.c.person.in_(of))
    identities: dict[str, list[Identity]] = {}
    for each in await tx.execute(named.order_by(t.departed_identity.c.kind, t.departed_identity.c.value)):
        known = Identity(kind=Known(each.kind), value=each.value, connection=each.connection)
        identities.setdefault(each.person, []).append(known)
    return [_decoded(row, identities.get(row["person"], ())) for row in rows]


def _decoded(row: Mapping[Any, Any], identities: Iterable[Identity]) -> Gone:
    return Gone(
        person=row["person"],
        since=row["since"],
        case=row["case_label"],
        successor=row["successor"],
        lifted_at=row["lifted_at"],
        lifted_by=row["lifted_by"],
        reason=row["reason"],
        identities=tuple(identities),
    )
