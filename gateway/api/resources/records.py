"""Records: how each stands, why it is not in step, what happened to it, and what its systems show now."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Ask, Key, Nothing, Query, Route
from gateway.work import records
from gateway.work.records import Timeline, Why

_PATH = "/v1/records/{system}/{type}/{key}"


class Steps(Query, frozen=True, kw_only=True):
    """Of the timeline."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50


def _of(ask: Ask) -> tuple[str, str, str]:
    return ask.path["system"], ask.path["type"], ask.path["key"]


async def show(ask: Ask) -> dict[str, Any] | None:
    return await records.show(ask.desk.place, ask.who, *_of(ask))


async def why(ask: Ask) -> Why | None:
    return await records.why(ask.desk.place, ask.who, *_of(ask))


async def timeline(ask: Ask) -> Timeline | None:
    return await records.timeline(ask.desk.place, ask.who, *_of(ask), limit=ask.query.limit)


async def look(ask: Ask) -> dict[str, Any] | None:
    return await records.look(ask.desk.place, ask.who, ask.desk.connectors, *_of(ask))


ROUTES = (
    Route(
        method="POST",
        path=f"{_PATH}:look",
        name="lookAtRecord",
        tag="records",
        summary="The record as each of its systems shows it now; reads there, changes nothing",
        right=Right.WORK,
        do=look,
        body=Nothing,
        answer=dict[str, Any],
        key=Key.DAY,
        problems=("not-found",),
    ),
    Route(
        method="GET",
        path=_PATH,
        name="getRecord",
        tag="records",
        summary="A record with both sides, its lanes, cases and last attempts",
        right=Right.SEE,
        do=show,
        answer=dict[str, Any],
        problems=("not-found",),
    ),
    Route(
        method="GET",
        path=f"{_PATH}/why",
        name="whyRecord",
        tag="records",
        summary="Why it is not in step, in one sentence",
        right=Right.SEE,
        do=why,
        answer=Why,
        problems=("not-found",),
    ),
    Route(
        method="GET",
        path=f"{_PATH}/timeline",
        name="getTimeline",
        tag="records",
        summary="What happened to it, oldest first",
        right=Right.SEE,
        do=timeline,
        query=Steps,
        answer=Timeline,
        problems=("not-found",),
    ),
)
