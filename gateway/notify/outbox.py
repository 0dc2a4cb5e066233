"""What is to be told, written down with the look that found it, and what became of it on each channel.

The transaction is a parameter. A delivery is sent by the worker that holds its lease; a worker that dies between the
sending and the record leaves it to the next one, which sends the same body under the same id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import and_, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.core.ids import new_id
from gateway.notify.facts import LARGEST, TYPE, Event, Facts, Kind, body_of
from gateway.notify.tables import IS_LEFT, delivery, event, thread
from gateway.notify.threads import Thread
from gateway.storage.database import insert

LEASE_S = 60.0
"""Longer than an attempt may take."""
KEPT_S = 30 * 86400.0
"""How long an event can be told again by hand, and a thread that ended is remembered."""
_BATCH = 400


class State(StrEnum):
    """Of a delivery."""

    WAITING = "waiting"
    HELD = "held"  # until quiet hours end; a later event of its thread takes its place
    DELIVERED = "delivered"
    FAILED = "failed"  # every try; its fallback was told
    MOVED = "moved"  # its channel is disabled; its fallback is told
    FOLDED = "folded"  # a later event of its thread was told in its place


class Due(msgspec.Struct, frozen=True):
    """A delivery that this worker may send now."""

    event: str
    channel: str
    subject: str
    type: str
    body: str
    via: str
    attempts: int


async def threads(tx: AsyncConnection) -> dict[str, Thread]:
    """Key -> thread, of all that are remembered."""
    return {row["key"]: _thread(row) for row in (await tx.execute(select(thread))).mappings()}


async def thread_of(tx: AsyncConnection, key: str) -> Thread:
    """The thread of this key, held until the transaction ends; a new one if there is none."""
    found = (await tx.execute(select(thread).where(thread.c.key == key).with_for_update())).mappings().first()
    return _thread(found) if found else new_thread(key)


def new_thread(key: str) -> Thread:
    """A thread of which nothing was told yet."""
    return Thread(subject=new_id("th"), key=key)


def _thread(row: Any) -> Thread:
    values = {name: row[name] for name in Thread.__struct_fields__}
    facts = msgspec.json.decode(row["facts"], type=Facts)
    return Thread(**{**values, "ended": bool(row["ended"]), "facts": facts})


async def keep(tx: AsyncConnection, kept: Sequence[Thread], now: float) -> None:
    """Stores threads as they are now."""
    for start in range(0, len(kept), _BATCH):
        rows = [
            {
                **{name: getattr(each, name) for name in Thread.__struct_fields__},
                "ended": int(each.ended),
                "facts": msgspec.json.encode(each.facts).decode(),
                "changed_at": now,
            }
            for each in kept[start : start + _BATCH]
        ]
        statement = insert(tx, thread)
        told = {name: statement.excluded[name] for name in rows[0] if name not in ("subject", "key")}
        await tx.execute(statement.on_conflict_do_update(index_elements=["key"], set_=told), rows)


def told(of: Thread, kind: Kind, facts: Facts, now: float) -> tuple[Thread, Event]:
    """The thread with one event more, and the event."""
    after = msgspec.structs.replace(of, sequence=of.sequence + 1, facts=facts)
    made = Event(id=new_id("msg_", at=now), subject=of.subject, sequence=after.sequence, kind=kind, at=now, facts=facts)
    return after, made


async def emit(tx: AsyncConnection, made: Event, to: Mapping[str, float], base: str, now: float) -> None:
    """Stores an event for these channels, each with the time from which it may be told. For none, nothing is stored."""
    if not to:
        return
    body = body_of(made, base)
    assert len(body.encode()) < LARGEST, "every part of a body is bounded"
    row = {"id": made.id, "subject": made.subject, "sequence": made.sequence, "type": TYPE[made.kind]}
    await tx.execute(event.insert().values(**row, at=made.at, body=body))
    await _fold(tx, made.subject, to)
    rows = [
        _delivery(made.id, name, made.subject, made.at, State.HELD if at > now else State.WAITING, at)
        for name, at in to.items()
    ]
    await tx.execute(delivery.insert(), rows)


def _delivery(
    id: str, channel: str, subject: str, at: float, state: State, next_at: float, via: str = ""
) -> dict[str, Any]:
    return {
        "event": id,
        "channel": channel,
        "subject": subject,
        "at": at,
        "state": state,
        "via": via,
        "attempts": 0,
        "next_at": next_at,
        "answer": "",
        "ended_at": 0.0,
        "owner": "",
        "lease_until": 0.0,
    }


async def _fold(tx: AsyncConnection, subject: str, to: Mapping[str, float]) -> None:
    """Nobody wants to read in the morning what was true at night: of a thread that is held, the last event is told."""
    row = delivery.c
    held = and_(row.subject == subject, row.channel.in_(list(to)), row.state == State.HELD)
    await tx.execute(update(delivery).where(held).values(state=State.FOLDED))


async def due_channels(tx: AsyncConnection, now: float) -> set[str]:
    """Channels that something may be sent over now."""
    query = select(delivery.c.channel).where(_due(now)).distinct()
    return {name for (name,) in await tx.execute(query)}


def _due(now: float) -> Any:
    row = delivery.c
    free = or_(row.owner == "", row.lease_until < now)
    return and_(IS_LEFT, row.next_at <= now, free)


async def claim(tx: AsyncConnection, channel: str, worker: str, now: float) -> Due | None:
    """The delivery to send now over this channel, leased; the oldest first. None: nothing is due."""
    row = delivery.c
    chosen = (
        select(row.event)
        .join(event, event.c.id == row.event)
        .where(row.channel == channel, _due(now))
        .order_by(row.next_at, row.at, event.c.sequence, row.event)
        .limit(1)
        .with_for_update(skip_locked=True, of=delivery)
    )
    found = (await tx.execute(chosen)).scalar()
    if found is None:
        return None
    mine = and_(row.event == found, row.channel == channel)
    await tx.execute(update(delivery).where(mine).values(owner=worker, lease_until=now + LEASE_S, state=State.WAITING))
    query = select(row.event, row.channel, row.subject, event.c.type, event.c.body, row.via, row.attempts)
    return Due(*(await tx.execute(query.where(mine, event.c.id == row.event))).one())


async def record(tx: AsyncConnection, of: Due, worker: str, **values: Any) -> bool:
    """Stores what became of an attempt, and lets go. False: the lease was over and another worker has it."""
    row = delivery.c
    mine = and_(row.event == of.event, row.channel == of.channel, row.owner == worker)
    written = await tx.execute(update(delivery).where(mine).values(owner="", lease_until=0.0, **values))
    return written.rowcount == 1


async def hand_over(
    tx: AsyncConnection, channel: str, fallback: str, last: str, now: float, only: Collection[str] = ()
) -> int:
    """Has what is left of a dead channel (or `only` these events) told over its fallback. Gives how many.

    What it was told in another's place goes to `last`; so nothing goes round in circles.
    """
    row = delivery.c
    chosen = row.event.in_(list(only)) if only else IS_LEFT
    query = select(row.event, row.subject, row.at, row.via).where(row.channel == channel, chosen)
    found = (await tx.execute(query.with_for_update())).all()
    assert channel != last, "the last way out does not fail"
    for start in range(0, len(found), _BATCH):
        part = found[start : start + _BATCH]
        rows = [
            _delivery(each.event, last if each.via else fallback, each.subject, each.at, State.WAITING, now, channel)
            for each in part
        ]
        await tx.execute(insert(tx, delivery).on_conflict_do_nothing(), rows)
        if not only:
            ids = [each.event for each in part]
            ended = {"state": State.MOVED, "ended_at": now, "owner": "", "lease_until": 0.0}
            await tx.execute(update(delivery).where(row.channel == channel, row.event.in_(ids)).values(**ended))
    return len(found)


async def again(tx: AsyncConnection, channel: str, events: Iterable[str], now: float) -> int:
    """Has deliveries that are over told once more, under their old ids. Gives how many."""
    row, wanted, count = delivery.c, sorted(set(events)), 0
    for start in range(0, len(wanted), _BATCH):
        some = and_(row.channel == channel, row.event.in_(wanted[start : start + _BATCH]), ~IS_LEFT)
        fresh = {"state": State.WAITING, "attempts": 0, "next_at": now, "ended_at": 0.0, "answer": ""}
        count += (await tx.execute(update(delivery).where(some).values(**fresh))).rowcount
    return count


async def forget(tx: AsyncConnection, now: float) -> bool:
    """Drops some of the events that are over and older than `KEPT_S`, with their deliveries, and of the threads that
    ended before that, the oldest first. True: there may be more.
    """
    old = now - KEPT_S
    left = exists().where(delivery.c.event == event.c.id, IS_LEFT)
    doomed = select(event.c.id).where(event.c.at < old, ~left).order_by(event.c.at).limit(_BATCH)
    over = list((await tx.execute(doomed)).scalars())
    if over:
        await tx.execute(delete(delivery).where(delivery.c.event.in_(over)))
        await tx.execute(delete(event).where(event.c.id.in_(over)))
    quiet = select(thread.c.subject).where(thread.c.ended == 1, thread.c.changed_at < old)
    ended = list((await tx.execute(quiet.order_by(thread.c.changed_at).limit(_BATCH))).scalars())
    if ended:
        await tx.execute(delete(thread).where(thread.c.subject.in_(ended)))
    return max(len(over), len(ended)) == _BATCH
