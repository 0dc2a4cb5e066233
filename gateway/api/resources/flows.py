"""Flows: which stage each is in, what it would write if it were live, and moving it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Answer, Ask, Key, Query, Route
from gateway.api.failures import NotThere
from gateway.core.digits import number_in
from gateway.work import flow_preview, flows
from gateway.work.flow_preview import SAMPLES, FlowPreview
from gateway.work.flows import FlowMove, FlowView


class MoveWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to, and why."""

    stage: Literal["shadow", "live", "disabled"]
    reason: Annotated[str, Meta(max_length=500)] = ""


class PreviewQuery(Query, frozen=True, kw_only=True):
    """Of which connection, and how much is shown."""

    connection: Annotated[str, Meta(max_length=100, description="Only what would be written to it.")] = ""
    samples: Annotated[int, Meta(ge=0, le=50, description="Of each action at each connection.")] = SAMPLES


async def every(ask: Ask) -> list[FlowView]:
    return await flows.list_flows(ask.desk.place, ask.who)


async def one(ask: Ask) -> Answer:
    found = await flows.get_flow(ask.desk.place, ask.who, ask.path["name"])
    if found is None:
        raise NotThere
    return Answer(value=found, version=str(found.revision))


async def moves(ask: Ask) -> list[FlowMove]:
    found = await flows.flow_moves(ask.desk.place, ask.who, ask.path["name"])
    if found is None:
        raise NotThere
    return found


async def preview(ask: Ask) -> FlowPreview:
    said: PreviewQuery = ask.query
    found = await flow_preview.preview_flow(
        ask.desk.place, ask.who, ask.path["name"], connection=said.connection, samples=said.samples
    )
    if found is None:
        raise NotThere
    return found


async def move(ask: Ask) -> Answer:
    said: MoveWish = ask.body
    seen = number_in(ask.version.partition(".")[0])
    found = await flows.move_flow(
        ask.desk.place,
        ask.who,
        ask.path["name"],
        said.stage,
        expected=-1 if seen is None else seen,
        reason=said.reason,
    )
    if found is None:
        raise NotThere
    return Answer(value=found, version=str(found.revision))


_ONE = "/v1/flows/{name}"
ROUTES = (
    Route(
        method="GET",
        path="/v1/flows",
        name="listFlows",
        tag="flows",
        summary="Every flow with its stage, and what the stage withholds",
        right=Right.SEE,
        do=every,
        answer=list[FlowView],
    ),
    Route(
        method="GET",
        path=_ONE,
        name="getFlow",
        tag="flows",
        summary="One flow",
        right=Right.SEE,
        do=one,
        answer=FlowView,
    ),
    Route(
        method="GET",
        path=f"{_ONE}/moves",
        name="listFlowMoves",
        tag="flows",
        summary="Who moved it where, when and why; the newest first",
        right=Right.SEE,
        do=moves,
        answer=list[FlowMove],
    ),
    Route(
        method="GET",
        path=f"{_ONE}/preview",
        name="previewFlow",
        tag="flows",
        summary="What would be written if it went live now: counts, and samples field by field",
        right=Right.SEE,
        do=preview,
        query=PreviewQuery,
        answer=FlowPreview,
    ),
    Route(
        method="POST",
        path=f"{_ONE}:move",
        name="moveFlow",
        tag="flows",
        summary="Moves it to another stage; counts for every write that would begin after this",
        right=Right.CONFIGURE,
        do=move,
        body=MoveWish,
        answer=FlowView,
        key=Key.DAY,
        match=True,
        problems=("flow-moved", "flow-refused"),
    ),
)
