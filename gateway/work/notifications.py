"""How people are told: the channels and how they do, a test, and events told once more. For who configures or manages.

Nothing is sent here. What is asked for is written down, and the running gateway sends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import func, select

from connectors.contract.errors import InputError
from gateway.access.rights import Principal, Right
from gateway.config.notifications import LOG, Channel, Email, Webhook
from gateway.notify import channels, outbox
from gateway.notify.channels import Health
from gateway.notify.facts import Facts, Kind
from gateway.notify.outbox import State
from gateway.notify.tables import IS_LEFT, delivery, event
from gateway.work.trail import note
from gateway.work.workplace import Workplace

MOST = 200


class NoSuchChannel(InputError):
    """The configuration has no channel of this name: 404."""

    status = 404

    def __init__(self, name: str, known: Sequence[str]) -> None:
        there = f"there are {', '.join(known)}" if known else "the configuration has no rules under notifications"
        super().__init__(f"there is no channel {name}; {there}", code="channel.not_found")


class ChannelView(msgspec.Struct, frozen=True, kw_only=True):
    """One channel and how it does. Its address and keys are not shown: an address may be a key itself."""

    channel: str
    kind: str
    """webhook, email or log."""
    fallback: str
    state: str
    """working, failing or disabled; `unused` before anything was sent."""
    since: float | None
    reason: str
    """Why it does not work."""
    delivered_at: float | None
    waiting: int
    """Events that are not told yet, those held by quiet hours among them."""
    failed: int
    """Events that it did not take in all their tries, of the last 30 days."""
    events: list[str]
    """What the rules send to it."""


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """One event on one channel."""

    event: str
    """Its webhook-id."""
    channel: str
    type: str
    subject: str
    sequence: int
    at: float
    state: str
    attempts: int
    answer: str
    next_at: float | None
    """Of the next attempt, while there is one."""
    via: str
    """The dead channel that it was meant for."""


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """What is told once more."""

    channel: str
    events: list[str]


async def list_channels(place: Workplace, who: Principal) -> list[ChannelView]:
    """Every channel of the configuration, in its order. Raises NotAllowed."""
    _require(who)
    row = delivery.c
    counted = select(row.channel, row.state, func.count().label("amount")).group_by(row.channel, row.state)
    async with place.database.read() as tx:
        health = await channels.all_health(tx)
        amounts = {(each.channel, each.state): each.amount for each in await tx.execute(counted)}
    return [
        _view(place, channel, health.get(name, Health(name=name)), amounts)
        for name, channel in place.config.notifications.channels.items()
    ]


def _view(place: Workplace, channel: Channel, health: Health, amounts: dict[tuple[str, str], int]) -> ChannelView:
    events = [each.events for each in place.config.notifications.rules if each.to == channel.name]
    name = channel.name
    return ChannelView(
        channel=name,
        kind=_kind(channel),
        fallback="" if name == LOG else channel.fallback,
        state=str(health.state) if health.since else "unused",
        since=health.since or None,
        reason=health.reason,
        delivered_at=health.delivered_at or None,
        waiting=amounts.get((name, State.WAITING), 0) + amounts.get((name, State.HELD), 0),
        failed=amounts.get((name, State.FAILED), 0),
        events=sorted(frozenset[str]().union(*events)),
    )


def _kind(channel: Channel) -> str:
    match channel.target:
        case Webhook():
            return "webhook"
        case Email():
            return "email"
    return LOG


async def list_deliveries(
    place: Workplace, who: Principal, *, channel: str = "", event_id: str = "", state: str = "", limit: int = 50
) -> list[DeliveryView]:
    """The last events, newest first: of a channel, of an event, in a state. Raises NotAllowed, NoSuchChannel."""
    _require(who)
    if channel:
        _known(place, channel)
    row = delivery.c
    query = select(delivery, event.c.type, event.c.sequence).join(event, event.c.id == row.event)
    for column, wanted in ((row.channel, channel), (row.event, event_id), (row.state, state)):
        query = query.where(column == wanted) if wanted else query
    query = query.order_by(row.at.desc(), row.event.desc(), row.channel).limit(min(limit, MOST))
    async with place.database.read() as tx:
        found = (await tx.execute(query)).mappings().all()
    return [_delivery(each) for each in found]


def _delivery(row: Any) -> DeliveryView:
    values = {name: row[name] for name in DeliveryView.__struct_fields__ if name != "next_at"}
    left = row["state"] in (State.WAITING, State.HELD)
    return DeliveryView(**values, next_at=row["next_at"] if left else None)


async def try_channel(place: Workplace, who: Principal, channel: str) -> str:
    """Has a test event sent over a channel, whatever its state: one that its receiver disabled is tried again.

    Gives the event's id; `list_deliveries` tells what became of it. Raises NotAllowed, NoSuchChannel.
    """
    _require(who)
    _known(place, channel)
    now = place.now()
    text = f"A test of the channel {channel}: if you read this, it works"
    facts = Facts(text=text, path="/settings", channel=channel)
    async with place.database.begin("notify.test") as tx:
        before = await channels.health_of(tx, channel)
        if before.state is channels.State.DISABLED:
            state = channels.State.FAILING
            await channels.keep_health(tx, msgspec.structs.replace(before, state=state, since=now, wait_until=0.0))
        thread, made = outbox.told(await outbox.thread_of(tx, f"test:{channel}"), Kind.TEST, facts, now)
        await outbox.keep(tx, [thread], now)
        await outbox.emit(tx, made, {channel: now}, place.config.notifications.base, now)
        await note(
            tx, at=now, kind="notification.test", actor=who.name, cause=made.id, detail={"by": who.id, "to": channel}
        )
    return made.id


async def replay_deliveries(
    place: Workplace,
    who: Principal,
    channel: str,
    *,
    events: Sequence[str] = (),
    since: float | None = None,
    until: float | None = None,
    delivered: bool = False,
    plan: bool = False,
) -> Again:
    """Tells events once more over a channel, under their old ids: these, or those between two times (`since` counts,
    `until` does not). Of a range, what was delivered only if asked for. `plan`: says which, and does nothing.

    At most 5000 at once. Raises NotAllowed, NoSuchChannel; InputError without events and without a range.
    """
    _require(who)
    _known(place, channel)
    if not events and since is None and until is None:
        raise InputError("name events, or a range of time", code="range.missing")
    now, row = place.now(), delivery.c
    query = select(row.event).where(row.channel == channel, ~IS_LEFT).order_by(row.at, row.event).limit(5000)
    if events:
        query = query.where(row.event.in_(list(events)[:MOST]))
    else:
        query = query.where(row.at >= (since or 0.0), row.at < (now + 1 if until is None else until))
        query = query if delivered else query.where(row.state != State.DELIVERED)
    async with place.database.begin("notify.replay") as tx:
        chosen = [id for (id,) in await tx.execute(query)]
        if chosen and not plan:
            await outbox.again(tx, channel, chosen, now)
            detail = {"by": who.id, "to": channel, "count": len(chosen), "events": chosen[:20]}
            await note(tx, at=now, kind="notification.replay", actor=who.name, detail=detail)
    return Again(channel=channel, events=chosen)


def _require(who: Principal) -> None:
    if not who.may(Right.MANAGE):
        who.require(Right.CONFIGURE)


def _known(place: Workplace, channel: str) -> None:
    known = place.config.notifications.channels
    if channel not in known:
        raise NoSuchChannel(channel, list(known))
