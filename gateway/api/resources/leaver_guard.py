"""Departures that the guard stopped: the list, and what two people decide about it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Ask, Key, Query, Route
from gateway.offboarding.blast.floods import Decision, Flood
from gateway.work import leaver_guard


class Which(Query, frozen=True, kw_only=True):
    """Which floods."""

    open: Annotated[bool, Meta(description="Only those in which somebody still waits.")] = True


class GuardWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom it is about, and why."""

    leavers: Annotated[
        tuple[Annotated[int, Meta(ge=1)], ...],
        Meta(
            max_length=10_000, description="Numbers of leavers; none: all that wait, or those the first person named."
        ),
    ] = ()
    reason: Annotated[str, Meta(max_length=500, description="The first person has to say it.")] = ""


async def every(ask: Ask) -> list[Flood]:
    return await leaver_guard.list_floods(ask.desk.place, ask.who, open=ask.query.open)


async def one(ask: Ask) -> Flood:
    return await leaver_guard.get_flood(ask.desk.place, ask.who, ask.path["flood"])


async def allow(ask: Ask) -> Decision:
    return await _decided(ask, "allow")


async def refuse(ask: Ask) -> Decision:
    return await _decided(ask, "refuse")


async def _decided(ask: Ask, what: str) -> Decision:
    said: GuardWish = ask.body
    place, name = ask.desk.place, ask.path["flood"]
    return await leaver_guard.decide(place, ask.who, name, what, said.leavers, reason=said.reason)


ROUTES = (
    Route(
        method="GET",
        path="/v1/leaver-floods",
        name="listLeaverFloods",
        tag="leavers",
        summary="Departures that were stopped because they were too many at once",
        right=Right.PEOPLE,
        do=every,
        query=Which,
        answer=list[Flood],
    ),
    Route(
        method="GET",
        path="/v1/leaver-floods/{flood}",
        name="getLeaverFlood",
        tag="leavers",
        summary="One flood, with everybody in it",
        right=Right.PEOPLE,
        do=one,
        answer=Flood,
        problems=("flood-not-found",),
    ),
    *(
        Route(
            method="POST",
            path=f"/v1/leaver-floods/{{flood}}:{verb}",
            name=f"{verb}LeaverFlood",
            tag="leavers",
            summary=summary,
            right=Right.PEOPLE,
            do=do,
            body=GuardWish,
            answer=Decision,
            key=Key.DAY,
            problems=("flood-not-found", "approval-own", "approval-caused", "guard-over", "guard-unknown"),
        )
        for verb, summary, do in (
            ("allow", "Lets them begin, once a second person says the same", allow),
            ("refuse", "They never begin, once a second person says the same", refuse),
        )
    ),
)
