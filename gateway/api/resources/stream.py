"""What goes on, live."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from gateway.access.rights import Principal, Right
from gateway.api.declare import Ask, Query, Route
from gateway.api.desk import Desk
from gateway.api.resources.replay_shapes import RunBrief
from gateway.api.streaming import Follower, State
from gateway.work import connections, operations, replays
from gateway.work.now import summary


async def _connections(desk: Desk, who: Principal) -> Any:
    return await connections.list_connections(desk.place, who)


async def _now(desk: Desk, who: Principal) -> Any:
    found = await summary(desk.place, who)
    return {"needs_people": found.needs_people, "quiet": found.quiet, "notices_waiting": found.notices_waiting}


async def _runs(desk: Desk, who: Principal) -> Any:
    found = await replays.runs(desk.place, who, limit=20, open=True)
    return msgspec.convert(found["runs"], tuple[RunBrief, ...])


async def _operations(desk: Desk, who: Principal) -> Any:
    return await operations.open_operations(desk.place, who)


STATES: dict[str, State] = {"connections": _connections, "now": _now, "operations": _operations, "runs": _runs}
TOPICS = ("cases", *STATES)
_PATTERN = f"^({'|'.join(TOPICS)})(,({'|'.join(TOPICS)}))*$"


class Follow(Query, frozen=True, kw_only=True):
    """What to follow."""

    topics: Annotated[str, Meta(pattern=_PATTERN, description="Separated by commas.")] = ",".join(TOPICS)


async def stream(ask: Ask) -> web.StreamResponse:
    """Stays open. Goes on where `Last-Event-ID` says."""
    wanted = set(ask.query.topics.split(","))
    states = {topic: state for topic, state in STATES.items() if topic in wanted}
    follower = Follower(ask.desk, ask.who, ask.request, states)
    with ask.desk.streams.place(ask.who, follower.there):
        ask.desk.pulse.follow()
        try:
            await follower.run(ask.request.headers.get("Last-Event-ID"), cases="cases" in wanted)
        finally:
            ask.desk.pulse.leave()
    return follower.response


ROUTES = (
    Route(
        method="GET",
        path="/v1/stream",
        name="follow",
        tag="stream",
        summary="Server-sent events: steps of cases from a position on, and states when they change",
        right=Right.SEE,
        do=stream,
        query=Follow,
        media="text/event-stream",
        problems=("streams-full",),
    ),
)
