"""The summary, and who asks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Ask, Query, Route
from gateway.work.now import Summary, summary


class Now(Summary, frozen=True, kw_only=True):
    """The summary, and the worker that answers."""

    stream: dict[str, Any]
    """Whether it reads the stream, and entries that it did not handle yet, by partition."""
    pressure: str | None
    """Why it refuses changes; null: it takes them."""
    gates: dict[str, dict[str, Any]]
    """By connection: state, reason, and seconds to wait."""
    worker: dict[str, Any]
    """Its name, and what it counted since its start."""


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what they may."""

    id: str
    name: str
    gateway: str
    """What the gateway is called."""
    roles: tuple[str, ...]
    rights: tuple[str, ...]
    connections: tuple[str, ...] | None
    """The connections it may see and act on; null: all."""
    types: tuple[str, ...] | None
    """The record types it may see and act on; null: all."""


class At(Query, frozen=True, kw_only=True):
    """When."""

    at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="That moment instead, as far as it was kept; `not_known` says what was not."),
    ] = None


async def now(ask: Ask) -> Now:
    """Narrowed to the caller; what is of the worker that answers is of its share of the stream, as it is now."""
    at = ask.query.at.timestamp() if ask.query.at else None
    found = await summary(ask.desk.place, ask.who, at=at)
    mine = ask.desk.worker()
    gates = {name: each for name, each in mine["gates"].items() if ask.who.covers(connection=name)}
    quiet = found.quiet and not any(mine["stream"]["lag"].values())
    told = {name: getattr(found, name) for name in found.__struct_fields__}
    return Now(**told | {"quiet": quiet}, **mine | {"gates": gates})


async def me(ask: Ask) -> Me:
    """Never stored by anybody on the way."""
    who = ask.who
    return Me(
        id=who.id,
        name=who.name,
        gateway=ask.desk.place.config.name,
        roles=tuple(sorted(who.roles)),
        rights=tuple(sorted(who.rights)),
        connections=_names(who.connections),
        types=_names(who.types),
    )


def _names(scope: frozenset[str] | None) -> tuple[str, ...] | None:
    return None if scope is None else tuple(sorted(scope))


ROUTES = (
    Route(
        method="GET",
        path="/v1/now",
        name="getNow",
        tag="now",
        summary="Is something wrong, how bad, where, since when",
        right=Right.SEE,
        do=now,
        query=At,
        answer=Now,
    ),
    Route(
        method="GET",
        path="/v1/me",
        name="getMe",
        tag="now",
        summary="Who the caller is, and what it may do",
        right=None,
        do=me,
        answer=Me,
    ),
)
