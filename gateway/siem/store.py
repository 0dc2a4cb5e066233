"""How each feed stands, and what is on its way. The transaction is a parameter; one worker at a time feeds a sink."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.siem.tables import sink, spool
from gateway.siem.ways.port import Line, Proof
from gateway.storage.database import insert, insert_all

LEASE_S = 30.0
_BATCH = 1_000


class State(StrEnum):
    """Of the way to a receiver."""

    NEW = "new"  # nothing arrived yet
    WORKING = "working"
    FAILING = "failing"  # it is away, or does not acknowledge
    REFUSED = "refused"  # it answers, and does not want what it is sent


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The row of a sink; see `tables.sink`."""

    name: str
    settings: str
    removed_at: float = 0.0
    owner: str = ""
    lease_until: float = 0.0
    position: int
    number: int = 0
    previous: str
    put: int = 0
    segment: int = 1
    told_at: float
    full_at: float = 0.0
    sent: int = 0
    settled: int = 0
    gone: int = 0
    sent_at: float = 0.0
    memory: str = ""
    state: State = State.NEW
    since: float
    reason: str = ""
    failures: int = 0
    refused: int = 0
    warned: str = ""
    again: int = 0
    asked: int = 0

    @property
    def waiting(self) -> int:
        """Octets on the way."""
        return max(0, self.put - self.gone)

    @property
    def proof(self) -> Proof:
        """How far its receiver has it."""
        return Proof(self.sent, min(self.sent, self.settled))


def _standing(row: Mapping[Any, Any]) -> Standing:
    return Standing(**{**row, "state": State(row["state"])})


async def standings(tx: AsyncConnection) -> dict[str, Standing]:
    """All that there ever were, by name; those that were removed have a `removed_at`."""
    return {row["name"]: _standing(row) for row in (await tx.execute(select(sink).order_by(sink.c.name))).mappings()}


async def standing(tx: AsyncConnection, name: str) -> Standing | None:
    """One sink's."""
    found = (await tx.execute(select(sink).where(sink.c.name == name))).mappings().first()
    return _standing(found) if found else None


async def enter(tx: AsyncConnection, new: Standing) -> bool:
    """A new sink. False: another worker was quicker."""
    row = {**msgspec.structs.asdict(new), "state": str(new.state)}
    made = await tx.execute(insert(tx, sink).values(**row).on_conflict_do_nothing())
    return made.rowcount == 1


async def change(tx: AsyncConnection, name: str, **values: Any) -> None:
    """What people or the configuration say; whoever sends sees it with its next look."""
    await tx.execute(update(sink).where(sink.c.name == name).values(**values))


async def claim(tx: AsyncConnection, names: Collection[str], worker: str, now: float) -> set[str]:
    """Takes, or keeps, the lease of these sinks for this worker; gives those that are its own now."""
    row = sink.c
    free = or_(row.owner.in_(["", worker]), row.lease_until < now)
    mine = update(sink).where(row.name.in_(list(names)), row.removed_at == 0, free)
    await tx.execute(mine.values(owner=worker, lease_until=now + LEASE_S))
    held = select(row.name).where(row.owner == worker, row.name.in_(list(names)), row.removed_at == 0)
    return set((await tx.execute(held)).scalars())


async def release(tx: AsyncConnection, worker: str) -> None:
    """Lets another worker go on at once."""
    await tx.execute(update(sink).where(sink.c.owner == worker).values(owner="", lease_until=0.0))


async def put(tx: AsyncConnection, before: Standing, worker: str, rows: Sequence[dict[str, Any]], **moved: Any) -> bool:
    """Events into the spool, with the feed's new end. False, and nothing is written: it is not this worker's, or is not
    as it was read.
    """
    row = sink.c
    same = and_(row.name == before.name, row.owner == worker, row.number == before.number)
    written = await tx.execute(update(sink).where(same, row.position == before.position).values(**moved))
    if written.rowcount != 1:
        return False
    for start in range(0, len(rows), _BATCH):
        await insert_all(tx, spool, rows[start : start + _BATCH])
    return True


async def digests(tx: AsyncConnection, name: str, since: int) -> list[str]:
    """Of all events from this one on, in order."""
    query = select(spool.c.digest).where(spool.c.sink == name, spool.c.number >= since).order_by(spool.c.number)
    return list((await tx.execute(query)).scalars())


async def lines(tx: AsyncConnection, name: str, after: int, most: int, octets: int) -> list[Line]:
    """The next events, in order: at most so many, and so many octets; one in any case."""
    row = spool.c
    columns = [row[each] for each in Line.__struct_fields__]
    query = select(*columns).where(row.sink == name, row.number > after).order_by(row.number).limit(most)
    found = [Line(**each) for each in (await tx.execute(query)).mappings()]
    if not found:
        return []
    room = found[0].through - len(found[0].body.encode()) + octets
    return [each for each in found if each is found[0] or each.through <= room]


async def proved(tx: AsyncConnection, name: str, worker: str, proof: Proof, **told: Any) -> bool:
    """How far the receiver has it. False: the sink is not this worker's any more."""
    row = sink.c
    gone = select(spool.c.through).where(spool.c.sink == name, spool.c.number == proof.sent).scalar_subquery()
    mine = update(sink).where(row.name == name, row.owner == worker)
    values = {"sent": proof.sent, "settled": proof.settled, "gone": func.coalesce(gone, row.gone)}
    return (await tx.execute(mine.values(**{**values, **told}))).rowcount == 1


def one_more() -> ColumnElement[int]:
    """For `refused` of `proved`."""
    return sink.c.refused + 1


async def wished(tx: AsyncConnection, name: str) -> int:
    """From which event on somebody wants it sent again; 0: nobody does."""
    return (await tx.execute(select(sink.c.again).where(sink.c.name == name))).scalar() or 0


async def first_kept(tx: AsyncConnection, name: str) -> int:
    """The oldest event that can still be sent again; 0: there is none."""
    return (await tx.execute(select(func.min(spool.c.number)).where(spool.c.sink == name))).scalar() or 0


async def octets_before(tx: AsyncConnection, name: str, number: int) -> int:
    """Octets of all events before this one, which is kept."""
    row = spool.c
    query = select(row.through, row.body).where(row.sink == name, row.number == number)
    found = (await tx.execute(query)).first()
    return found.through - len(found.body.encode()) if found else 0


async def forget(tx: AsyncConnection, of: Standing, before: float, most: int) -> bool:
    """Drops some of the events that the receiver has and that are older than `before` or beyond what the spool may
    hold (`most` octets), the oldest first; never one that waits, or that a summary still has to cover. True: there may
    be more.
    """
    row = spool.c
    done = and_(row.sink == of.name, row.number <= min(of.sent, of.settled), row.number < of.segment)
    old = or_(row.put_at < before, row.through <= of.put - most)
    doomed = select(row.number).where(done, old).order_by(row.number).limit(_BATCH)
    found = list((await tx.execute(doomed)).scalars())
    if found:
        await tx.execute(delete(spool).where(row.sink == of.name, row.number <= found[-1]))
    return len(found) == _BATCH
