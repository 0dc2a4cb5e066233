"""Connections: how each stands and how much waits for it; pausing one, and letting it go on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Ask, Key, Route
from gateway.api.failures import NotThere
from gateway.work import connections, pausing, switching
from gateway.work.connections import ConnectionView

Direction = Literal["in", "out", "both"]


class PauseWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Until when, and why."""

    direction: Annotated[Direction, Meta(description="Of changes, seen from here.")] = "both"
    until: Annotated[datetime, Meta(tz=True, description="At most 30 days ahead.")]
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class ResumeWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes on, and why."""

    direction: Direction = "both"
    reason: Annotated[str, Meta(max_length=500)] = ""


class SwitchWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


async def every(ask: Ask) -> list[ConnectionView]:
    return await connections.list_connections(ask.desk.place, ask.who)


async def one(ask: Ask) -> ConnectionView | None:
    return await connections.get_connection(ask.desk.place, ask.who, ask.path["name"])


async def pause(ask: Ask) -> ConnectionView | None:
    said: PauseWish = ask.body
    wanted = _directions(said.direction)
    until = said.until.timestamp()
    if not await pausing.pause(ask.desk.place, ask.who, ask.path["name"], wanted, until=until, reason=said.reason):
        raise NotThere
    return await one(ask)


async def resume(ask: Ask) -> ConnectionView | None:
    said: ResumeWish = ask.body
    wanted = _directions(said.direction)
    if not await pausing.resume(ask.desk.place, ask.who, ask.path["name"], wanted, reason=said.reason):
        raise NotThere
    return await one(ask)


async def disable(ask: Ask) -> ConnectionView | None:
    if not await switching.disable(ask.desk.place, ask.who, ask.path["name"], reason=ask.body.reason):
        raise NotThere
    return await one(ask)


async def enable(ask: Ask) -> ConnectionView | None:
    if not await switching.enable(ask.desk.place, ask.who, ask.path["name"], reason=ask.body.reason):
        raise NotThere
    return await one(ask)


def _directions(direction: Direction) -> tuple[str, ...]:
    return pausing.DIRECTIONS if direction == "both" else (direction,)


ROUTES = (
    Route(
        method="GET",
        path="/v1/connections",
        name="listConnections",
        tag="connections",
        summary="Every connection with its gate, its queue and what waits",
        right=Right.SEE,
        do=every,
        answer=list[ConnectionView],
    ),
    Route(
        method="GET",
        path="/v1/connections/{name}",
        name="getConnection",
        tag="connections",
        summary="One connection",
        right=Right.SEE,
        do=one,
        answer=ConnectionView,
    ),
    *(
        Route(
            method="POST",
            path=f"/v1/connections/{{name}}:{verb}",
            name=f"{verb}Connection",
            tag="connections",
            summary=summary,
            right=Right.CONFIGURE,
            do=do,
            body=body,
            answer=ConnectionView,
            key=Key.DAY,
            problems=problems,
        )
        for verb, summary, do, body, problems in (
            ("pause", "Holds it at all workers, until a time; nothing is lost", pause, PauseWish, ("pause-refused",)),
            ("resume", "Lets it go on", resume, ResumeWish, ()),
            ("disable", "No request is made to it until it is enabled; nothing is lost", disable, SwitchWish, ()),
            ("enable", "Lets a disabled one go on", enable, SwitchWish, ()),
        )
    ),
)
