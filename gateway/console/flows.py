"""A flow: its stage, what it would write, and moving it."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from gateway.access.rights import Right
from gateway.console.frame import Asked, Misunderstood, Unseen
from gateway.console.rendering import path
from gateway.console.words import Look
from gateway.work.flow_preview import preview_flow
from gateway.work.flows import FlowError, FlowView, flow_moves, get_flow, move_flow

STAGES: Mapping[str, Look] = {
    "draft": Look("draft", "calm", "dash"),
    "shadow": Look("shadow: nothing is written", "doubt", "half"),
    "live": Look("live", "good", "tick"),
    "disabled": Look("disabled", "warn", "pause"),
}
WOULD: Mapping[str, Look] = {
    "create": Look("create", "busy", "plus"),
    "update": Look("update", "busy", "arrow"),
    "move": Look("move", "busy", "split"),
    "comment": Look("comment", "busy", "dot"),
    "close": Look("close", "bad", "cross"),
    "blocked": Look("blocked", "bad", "square"),
    "nothing": Look("no change", "calm", "equal"),
}
BUTTONS: Mapping[str, tuple[str, str]] = {
    "shadow": ("Map and plan only", "No write begins from then on. What is collected is written when it goes live."),
    "live": ("Go live", "What waits is sent once, each object as it is then; nothing is lost and nothing doubled."),
    "disabled": ("Disable", "Nothing is read or written for it. What its systems tell is kept until it goes on."),
}


async def flow(asked: Asked) -> web.StreamResponse:
    """`/flow/{name}`."""
    found = await _named(asked)
    place, who = asked.desk.place, asked.who
    return asked.page(
        "flow_stage.html",
        here="connections",
        flow=found,
        look=STAGES[found.stage],
        preview=await preview_flow(place, who, found.name) if found.stage != "draft" else None,
        would=WOULD,
        moves=[(STAGES[each.stage], each) for each in await flow_moves(place, who, found.name) or ()],
        buttons=[(each, *BUTTONS[each]) for each in found.next],
        withheld=sum(each.withheld for each in found.members),
        may_move=who.may(Right.CONFIGURE),
    )


async def move(asked: Asked) -> web.StreamResponse:
    """`POST /flow/{name}/move`: to a stage, from the revision that the page showed."""
    found = await _named(asked)
    here, stage, seen = path("flow", found.name), asked.field("stage"), asked.field("revision")
    if stage not in BUTTONS or not seen.isdecimal():
        raise Misunderstood("Say where the flow is to be moved.")
    try:
        moved = await move_flow(
            asked.desk.place, asked.who, found.name, stage, expected=int(seen), reason=asked.field("reason")
        )
    except FlowError as error:
        return asked.back(here, f"Not moved: {error}.", tone="warn")
    if moved is None:
        raise Unseen("You may not move this flow: some of its connections are not yours.")
    return asked.back(here, f"{found.name} is now: {STAGES[moved.stage].word}.")


async def _named(asked: Asked) -> FlowView:
    found = await get_flow(asked.desk.place, asked.who, asked.request.match_info["name"])
    if found is None:
        raise Unseen("There is no such flow, or you may not see it.")
    return found
