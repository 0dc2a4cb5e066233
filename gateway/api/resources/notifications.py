"""The channels that tell people: how they do, a test, and events told once more."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Ask, Key, Nothing, Query, Route
from gateway.work import notifications
from gateway.work.notifications import Again, ChannelView, DeliveryView

Text = Annotated[str, Meta(max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]
_CHANNEL = "/v1/notifications/{channel}"


class Deliveries(Query, frozen=True, kw_only=True):
    """Which of its events."""

    event: Text = ""
    state: Text = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class TestSent(msgspec.Struct, frozen=True, kw_only=True):
    """The event of a test; the channel's events tell what became of it."""

    event: str


class AgainWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """These events, or those of a range."""

    events: Annotated[tuple[Text, ...], Meta(max_length=200)] = ()
    since: Moment | None = None
    until: Moment | None = None
    delivered: Annotated[bool, Meta(description="Of a range also what was delivered.")] = False
    plan: Annotated[bool, Meta(description="Only says which.")] = False


async def every(ask: Ask) -> list[ChannelView]:
    return await notifications.list_channels(ask.desk.place, ask.who)


async def deliveries(ask: Ask) -> list[DeliveryView]:
    asked: Deliveries = ask.query
    return await notifications.list_deliveries(
        ask.desk.place,
        ask.who,
        channel=ask.path["channel"],
        event_id=asked.event,
        state=asked.state,
        limit=asked.limit,
    )


async def test(ask: Ask) -> TestSent:
    return TestSent(event=await notifications.try_channel(ask.desk.place, ask.who, ask.path["channel"]))


async def again(ask: Ask) -> Again:
    said: AgainWish = ask.body
    return await notifications.replay_deliveries(
        ask.desk.place,
        ask.who,
        ask.path["channel"],
        events=said.events,
        since=said.since.timestamp() if said.since else None,
        until=said.until.timestamp() if said.until else None,
        delivered=said.delivered,
        plan=said.plan,
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/notifications",
        name="listChannels",
        tag="notifications",
        summary="The channels and how they do",
        right=Right.CONFIGURE,
        do=every,
        answer=list[ChannelView],
    ),
    Route(
        method="GET",
        path=f"{_CHANNEL}/deliveries",
        name="listDeliveries",
        tag="notifications",
        summary="Its last events, newest first",
        right=Right.CONFIGURE,
        do=deliveries,
        query=Deliveries,
        answer=list[DeliveryView],
        problems=("channel-not-found",),
    ),
    Route(
        method="POST",
        path=f"{_CHANNEL}:test",
        name="testChannel",
        tag="notifications",
        summary="Has a test event sent; a channel that its receiver disabled is tried again",
        right=Right.CONFIGURE,
        do=test,
        body=Nothing,
        answer=TestSent,
        key=Key.DAY,
        problems=("channel-not-found",),
    ),
    Route(
        method="POST",
        path=f"{_CHANNEL}:replay",
        name="replayNotifications",
        tag="notifications",
        summary="Tells events once more, under their old ids",
        right=Right.CONFIGURE,
        do=again,
        body=AgainWish,
        answer=Again,
        key=Key.DAY,
        problems=("channel-not-found", "range-missing"),
    ),
)
