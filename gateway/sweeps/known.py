"""What we know of a system's objects, in the terms of a list: linked, shown by it, told of before."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.values import Ref
from gateway.storage.database import insert
from gateway.sweeps.tables import sweep_seen
from gateway.sync import tables as t
from gateway.sync.state import LinkState
from gateway.sync.store import chunks

link = t.link.c


async def linked(tx: AsyncConnection, connection: str, object: str, ids: Collection[str]) -> set[str]:
    """Those of `ids` that belong to a record, in whatever state."""
    found: set[str] = set()
    for part in chunks(ids):
        query = select(link.object_id).where(
            link.connection == connection, link.object == object, link.object_id.in_(part)
        )
        found.update(row[0] for row in await tx.execute(query))
    return found


async def mark_seen(tx: AsyncConnection, connection: str, object: str, ids: Collection[str], at: float) -> None:
    """The list of the round that began at `at` shows these; never moves a mark back."""
    rows = [{"connection": connection, "object": object, "object_id": each, "seen_at": at} for each in sorted(ids)]
    if rows:
        statement = insert(tx, sweep_seen)
        statement = statement.on_conflict_do_update(
            index_elements=["connection", "object", "object_id"],
            set_={"seen_at": statement.excluded.seen_at},
            where=sweep_seen.c.seen_at < statement.excluded.seen_at,
        )
        await tx.execute(statement, rows)


async def told_of(tx: AsyncConnection, connection: str, since: Mapping[str, float]) -> set[str]:
    """Objects without a record of which a notice came at or after the time given for each: the flow decided then."""
    if not since:
        return set()
    notice = t.notice.c
    found: set[str] = set()
    for part in chunks(since):
        query = select(notice.object_id, func.max(notice.received_at)).where(
            notice.record.is_(None),
            notice.received_at >= min(since[each] for each in part),
            notice.connection == connection,
            notice.object_id.in_(part),
        )
        rows = await tx.execute(query.group_by(notice.object_id))
        found.update(row[0] for row in rows if row[1] >= since[row[0]])
    return found


def _marked(connection: str, object: str, at: float) -> ColumnElement[bool]:
    seen = sweep_seen.c
    return exists().where(
        seen.connection == connection, seen.object == object, seen.object_id == link.object_id, seen.seen_at >= at
    )


def _primary(connection: str, object: str) -> ColumnElement[bool]:
    return and_(link.connection == connection, link.object == object, link.state == LinkState.PRIMARY)


async def held(tx: AsyncConnection, connection: str, object: str, at: float) -> tuple[int, int]:
    """How many objects of records there should be, and how many of them the list of this round shows."""
    total = select(func.count()).select_from(t.link).where(_primary(connection, object))
    shown = total.where(_marked(connection, object, at))
    return int((await tx.execute(total)).scalar_one()), int((await tx.execute(shown)).scalar_one())


async def next_missing(tx: AsyncConnection, connection: str, object: str, after: str, at: float) -> Ref | None:
    """The next object, in the order of ids, that the list of this round does not show."""
    query = (
        select(link.object_id, link.object_key)
        .where(_primary(connection, object), link.object_id > after, ~_marked(connection, object, at))
        .order_by(link.object_id)
        .limit(1)
    )
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else Ref(object=object, id=row[0], key=row[1])


async def forget(tx: AsyncConnection, connection: str, object: str) -> None:
    """Drops marks of objects that no record holds any more."""
    seen = sweep_seen.c
    still = exists().where(_primary(connection, object), link.object_id == seen.object_id)
    await tx.execute(delete(sweep_seen).where(seen.connection == connection, seen.object == object, ~still))


def idle_lane(record: ColumnElement[str], connection: str) -> ColumnElement[bool]:
    """The lane has nothing to do and nobody holds it. One that was never used has no row."""
    lane = t.lane.c
    busy = or_(lane.work, lane.state != "idle", lane.owner != "")
    return ~exists().where(lane.record == record, lane.connection == connection, busy)
