"""Leavers: who leaves, and how far each system is; and the floods that two people decide about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from connectors.contract.errors import InputError
from gateway.access.rights import NotAllowed
from gateway.console.frame import Asked
from gateway.console.paging import ways
from gateway.console.rendering import number, path
from gateway.core.digits import number_in
from gateway.offboarding.blast.floods import Flood
from gateway.offboarding.values import Event, LeaverState
from gateway.work import leaver_guard
from gateway.work.leaver_views import LeaverView
from gateway.work.leavers import LeaverFilter, LeaverTally, leaver_tally, list_leavers

PAGE = 25
SOON_S = 7 * 86_400.0
NAMES = ("state", "kind", "system", "past_due", "privileged", "over", "after", "back")


async def board(asked: Asked) -> web.StreamResponse:
    """`/leavers`: a row for each person, a column for each system; past due and privileged first."""
    place, who = asked.desk.place, asked.who
    given = {name: asked.request.query.get(name, "") for name in NAMES}
    after = number_in(given["after"], longest=9) or 0
    found = await list_leavers(place, who, _filter(given), after=after, limit=PAGE)
    tally = await leaver_tally(place, who)
    return asked.page(
        "leavers.html",
        here="leavers",
        given=given,
        rows=[_row(each) for each in found.leavers],
        systems=_systems(found.leavers),
        known=sorted({*place.config.connections, *place.config.leavers.by_hand}),
        ways=ways("/leavers", given, "after", str(found.next) if found.next else None),
        narrowed=any(given[name] for name in NAMES if name not in ("after", "back")),
        head=headline(tally, asked.now),
        tally=tally,
        floods=await _floods(asked),
        states=list(LeaverState),
        kinds=list(Event),
    )


def _filter(given: dict[str, str]) -> LeaverFilter:
    state, kind = given["state"], given["kind"]
    return LeaverFilter(
        states=(LeaverState(state),) if state in list(LeaverState) else (),
        kinds=(Event(kind),) if kind in list(Event) else (),
        connection=given["system"],
        past_due=bool(given["past_due"]),
        privileged=bool(given["privileged"]),
        over=bool(given["over"]),
    )


def _systems(found: Sequence[LeaverView]) -> list[str]:
    return sorted({cell.connection for each in found for cell in each.systems})


def _row(each: LeaverView) -> dict[str, Any]:
    return {
        "leaver": each,
        "cells": {cell.connection: cell for cell in each.systems},
        "due": local(each.due_at, each.zone),
        "stands": "guarded" if each.guarded else each.state,
    }


def local(at: float | None, zone: str) -> str:
    """`2026-11-30 18:00 Europe/Berlin`; empty without a time."""
    return "" if at is None else f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"


def headline(tally: LeaverTally, now: float) -> str:
    """`3 of 41 past due; 1 privileged`, or when the next falls due."""
    if tally.past_due:
        privileged = f"; {number(tally.privileged)} privileged" if tally.privileged else ""
        return f"{number(tally.past_due)} of {number(tally.open)} past due{privileged}"
    if tally.next_due_at is None or tally.next_due_at > now + SOON_S:
        return "No leavers due in 7 days"
    return f"{number(tally.open)} open, none past due"


async def _floods(asked: Asked) -> Sequence[Flood]:
    """What the guard stopped, for whoever may decide about it."""
    try:
        return await leaver_guard.list_floods(asked.desk.place, asked.who)
    except NotAllowed:
        return ()


async def flood(asked: Asked) -> web.StreamResponse:
    """`/leavers/floods/{flood}`: everybody who was stopped, and what one person said about it."""
    found = await leaver_guard.get_flood(asked.desk.place, asked.who, asked.request.match_info["flood"])
    mine = found.wanted is not None and found.wanted.human == (asked.who.person or asked.who.id)
    ticks = {each.number: not each.again for each in found.people if each.state == "waits" or each.again}
    wanted = found.wanted.numbers if found.wanted is not None else [each for each, waits in ticks.items() if waits]
    return asked.page("flood.html", here="leavers", flood=found, mine=mine, ticks=ticks, wanted=set(wanted))


async def decide(asked: Asked) -> web.StreamResponse:
    """`POST /leavers/floods/{flood}`: one person's word; the second who says the same makes it so."""
    name, what, reason = asked.request.match_info["flood"], asked.field("what"), asked.field("reason")
    here = path("leavers", "floods", name)
    if what not in ("allow", "refuse") or not reason:
        return asked.back(here, "Nothing was decided: say what, and why.", tone="warn")
    chosen = [each for each in map(number_in, asked.fields("leaver")) if each is not None]
    if not chosen:
        return asked.back(here, "Nothing was decided: tick whom it is about.", tone="warn")
    try:
        done = await leaver_guard.decide(asked.desk.place, asked.who, name, what, chosen, reason=reason)
    except InputError as error:
        if error.status == 404:
            raise
        return asked.back(here, f"Not done: {error}", tone="warn")
    words = "begin" if what == "allow" else "never begin"
    if done.done:
        return asked.back(here, f"{len(done.numbers)} {words}; {done.left} still wait.")
    return asked.back(here, f"Asked for: {len(done.numbers)} {words} once a second person says the same.")
