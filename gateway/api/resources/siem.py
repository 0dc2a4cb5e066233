"""The feeds to SIEM receivers: how they stand, a test, and events sent once more."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Ask, Key, Nothing, Route
from gateway.work import siem
from gateway.work.siem import Resend, SinkView

_SINK = "/v1/siem/{sink}"


class SignOfLife(msgspec.Struct, frozen=True, kw_only=True):
    """The receiver is reached once its feed is sent up to this number."""

    number: int


class ResendWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which event on."""

    first: Annotated[int, Meta(ge=1, description="Number of the feed.")]
    plan: Annotated[bool, Meta(description="Only says which.")] = False


async def every(ask: Ask) -> list[SinkView]:
    return await siem.list_sinks(ask.desk.place, ask.who)


async def test(ask: Ask) -> SignOfLife:
    return SignOfLife(number=await siem.try_sink(ask.desk.place, ask.who, ask.path["sink"]))


async def again(ask: Ask) -> Resend:
    said: ResendWish = ask.body
    return await siem.resend(ask.desk.place, ask.who, ask.path["sink"], said.first, plan=said.plan)


ROUTES = (
    Route(
        method="GET",
        path="/v1/siem",
        name="listSinks",
        tag="siem",
        summary="The sinks and how their feeds stand",
        right=None,  # auditors, integrators and admins: the verb says who
        do=every,
        answer=list[SinkView],
    ),
    Route(
        method="POST",
        path=f"{_SINK}:test",
        name="testSink",
        tag="siem",
        summary="Has a sign of life sent to a receiver",
        right=Right.CONFIGURE,
        do=test,
        body=Nothing,
        answer=SignOfLife,
        key=Key.DAY,
        problems=("sink-not-found",),
    ),
    Route(
        method="POST",
        path=f"{_SINK}:resend",
        name="resendEvents",
        tag="siem",
        summary="Sends a feed once more from an event on, as it was",
        right=Right.CONFIGURE,
        do=again,
        body=ResendWish,
        answer=Resend,
        key=Key.DAY,
        problems=("sink-not-found", "event-not-kept"),
    ),
)
