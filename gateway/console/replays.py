"""Replays: pin what is meant, look at exactly what would be sent, then run it. Nothing is sent but by a plan."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import orjson
from aiohttp import web

from gateway.access.rights import Right
from gateway.console.cases import given_of
from gateway.console.frame import Asked, Misunderstood, Unseen, moment_of
from gateway.console.inside import inside
from gateway.console.rendering import many, moment, number, path, query
from gateway.work import replay_planning as planning
from gateway.work import replays
from gateway.work.mapping_versions import listed
from replay.errors import NotFound, PlanNotReady, PlanStale, ReplayError
from replay.values import LOOK_FIRST, SENDS, Action, Limits, Wish

PAGE = 50
SOON_S, LOOK_S = 1.5, 0.05
"""A person waits so long for a plan before she is shown how far it is; how often it is looked for."""
_BY_FILTER = ("text", "cause", "group", "flow", "connection")
_UNSUPPORTED = ("state", "owner", "age", "field", "level")


async def index(asked: Asked) -> web.StreamResponse:
    """`/replays`: plans and runs."""
    place, who, after = asked.desk.place, asked.who, asked.request.query.get("after", "")
    plans = await replays.plans(place, who, after=after, limit=PAGE)
    runs = await replays.runs(place, who, limit=PAGE)
    making = await planning.under_way(place, who)
    return asked.page(
        "replays.html", here="replays", plans=plans["plans"], next=plans["next"], runs=runs["runs"], making=making
    )


async def new(asked: Asked) -> web.StreamResponse:
    """`/replays/new`: a wish to fill in; nothing is pinned before it is sent."""
    asked.who.require(Right.WORK)
    asked_for = asked.request.query
    known = {name: asked_for.get(name, "") for name in (*_BY_FILTER, "source", "person", "mapping", "since", "until")}
    place = asked.desk.place
    return asked.page(
        "replay_new.html",
        here="replays",
        known=known,
        connections=[name for name in place.config.connections if asked.who.covers(connection=name)],
        flows=[name for name, flow in place.config.flows.items() if asked.who.covers(type=flow.type.type)],
        mappings=sorted({f"{each['name']}@{each['version']}" for each in await listed(place, asked.who)}),
    )


async def make(asked: Asked) -> web.StreamResponse:
    """`POST /replays/plan`: pins what is meant, has the plan made, and goes to it."""
    place, who = asked.desk.place, asked.who
    try:
        selection = await replays.select(place, who, _wish(asked))
        made = await planning.begin(place, who, selection["selection"])
    except ReplayError as error:
        return asked.back(_before(asked), f"No plan was made: {error}.", tone="warn")
    said = f"{many(selection['count'], 'item')} pinned at {moment(selection['at'])}. Nothing was sent."
    return await _to_plan(asked, made["plan"], said)


async def leftovers(asked: Asked) -> web.StreamResponse:
    """`POST /runs/{run}/leftovers`: what a run left open, planned anew."""
    place, who, name = asked.desk.place, asked.who, asked.request.match_info["run"]
    try:
        selection = await planning.leftovers(place, who, name)
        made = await planning.begin(place, who, selection["selection"])
    except NotFound as error:
        raise Unseen("There is no such run, or you may not see it.") from error
    except ReplayError as error:
        return asked.back(path("runs", name), f"No plan was made: {error}.", tone="warn")
    return await _to_plan(
        asked, made["plan"], f"{many(selection['count'], 'item')} of {name} pinned. Nothing was sent."
    )


async def _to_plan(asked: Asked, plan: str, said: str) -> web.StreamResponse:
    """To the plan if it is soon made, as most are; else to where one sees how far it is."""
    place, who = asked.desk.place, asked.who
    patient_until = place.now() + SOON_S
    while (found := await planning.making(place, who, plan)) is not None and found["state"] == "making":
        if place.now() >= patient_until:
            return asked.back(path("replays", plan, "making"), said)
        await asyncio.sleep(LOOK_S)
    return asked.back(path("replays", plan), said)


async def making(asked: Asked) -> web.StreamResponse:
    """`/replays/{plan}/making`: how far it is; once it is made, where to go."""
    found = await planning.making(asked.desk.place, asked.who, asked.request.match_info["plan"])
    if found is None:
        raise Unseen("There is no such plan, or you may not see it.")
    percent = int(100 * found["looked"] / found["total"]) if found["total"] else 100
    return asked.page("making.html", here="replays", made=found, percent=percent)


async def cancel(asked: Asked) -> web.StreamResponse:
    """`POST /replays/{plan}/cancel`: it is not made any further."""
    name = asked.request.match_info["plan"]
    here = path("replays", name, "making")
    try:
        await planning.cancel(asked.desk.place, asked.who, name)
    except NotFound as error:
        raise Unseen("There is no such plan, or you may not see it.") from error
    except ReplayError as error:
        return asked.back(here, f"Not cancelled: {error}.", tone="warn")
    return asked.back(here, "Cancelled. Nothing was sent.")


def _before(asked: Asked) -> str:
    return inside(asked.field("next"), "/replays/new")


def _wish(asked: Asked) -> Wish:
    """Ticked cases, all that fitted a filter at the time it was shown, or a form. Raises InputError."""
    if asked.field("scope") == "all":
        given = given_of(dict(parse_qsl(asked.field("filter").lstrip("?"))))
        wrong = [name for name in _UNSUPPORTED if given[name]]
        if wrong:
            raise Misunderstood(
                f"a replay is not selected by {', '.join(wrong)}: take that out of the filter, or tick cases"
            )
        pinned = float(asked.field("pinned") or asked.now)
        return msgspec.convert({"until": pinned, **{name: given[name] for name in _BY_FILTER}}, Wish)
    ticked = asked.fields("case")
    if ticked:
        return Wish(numbers=tuple(each.partition(":")[0] for each in ticked))
    told: dict[str, Any] = {
        name: asked.field(name) for name in (*_BY_FILTER, "record", "person", "mapping", "source") if asked.field(name)
    }
    if told.get("source") == "journal" and "mapping" in told:
        told["through"] = told.pop("mapping")
    told |= {name: _time(asked, name) for name in ("since", "until") if asked.field(name)}
    if not told:
        raise Misunderstood("nothing was ticked and nothing was filled in; go back and say what is to be replayed")
    try:
        return msgspec.convert(told, Wish)
    except msgspec.ValidationError as error:
        raise Misunderstood(str(error)) from error


def _time(asked: Asked, name: str) -> float:
    return moment_of(asked.field(name))


async def plan(asked: Asked) -> web.StreamResponse:
    """`/replays/{plan}`."""
    place, who = asked.desk.place, asked.who
    try:
        found = await _plan(asked)
    except PlanNotReady as error:
        return web.Response(status=303, headers={"Location": path("replays", error.making.plan, "making")})
    moved = await replays.moved(place, who, found["plan"]) if not found["runs"] else None
    difference = await replays.diff(place, who, found["plan"]) if found["again"] else None
    opened, items = _opened(asked), None
    if opened:
        after = asked.request.query.get("after", "0")
        items = await replays.items(
            place, who, found["plan"], after=int(after) if after.isdigit() else 0, limit=PAGE, **opened
        )
    alike = [
        {**kind, "href": _open(found, kind["action"], kind["alike"]), "values": kind["values"]}
        for kind in found["alike"]
    ]
    first = [{**kind, "href": _open(found, kind["action"])} for kind in found["first"]]
    mine = bool(found["by"] == who.name)
    return asked.page(
        "plan.html",
        here="replays",
        plan=found,
        parts=_parts(found["totals"]),
        first=first,
        danger=sum(kind["count"] for kind in found["first"]),
        alike=alike,
        moved=moved["moved"] if moved else [],
        diff=difference,
        opened=opened,
        items=items,
        more=query(dict(asked.request.query), after=items["next"]) if items and items["next"] else "",
        mine=mine,
        share=_share(found),
        sentence=_sentence(found),
    )


async def _plan(asked: Asked) -> dict[str, Any]:
    found = await replays.show(asked.desk.place, asked.who, asked.request.match_info["plan"])
    if found is None:
        raise Unseen("There is no such plan, or you may not see it.")
    return found


def _opened(asked: Asked) -> dict[str, str]:
    return {name: asked.request.query[name] for name in ("action", "alike") if asked.request.query.get(name)}


def _open(found: Mapping[str, Any], action: str, alike: str = "") -> str:
    return path("replays", found["plan"]) + query({"action": action, "alike": alike}) + "#items"


def _parts(totals: Mapping[str, int]) -> list[dict[str, Any]]:
    """Totals by action, deletes first even if there are none."""
    return [
        {"action": str(action), "count": totals.get(action, 0), "sends": action in SENDS, "look": action in LOOK_FIRST}
        for action in Action
    ]


def _share(found: Mapping[str, Any]) -> float:
    return float(found["cost"]["share"])


def _sentence(found: Mapping[str, Any]) -> str:
    """What would be sent, in words."""
    sends, count = found["sends"], found["count"]
    if not sends:
        equal = found["totals"].get(Action.NO_OP, 0)
        return f"Nothing to send: {number(equal)} already equal" + (
            f", {number(count - equal)} for the reasons below" if count > equal else ""
        )
    return f"{many(sends, 'write')} of {many(count, 'item')}"


async def run_plan(asked: Asked) -> web.StreamResponse:
    """`POST /replays/{plan}/run`: exactly the plan that was looked at, by its digest."""
    name = asked.request.match_info["plan"]
    here = path("replays", name)
    try:
        found = await replays.run(
            asked.desk.place,
            asked.who,
            name,
            asked.field("digest"),
            limits=_limits(asked),
            reason=asked.field("reason"),
        )
    except NotFound as error:
        raise Unseen("There is no such plan, or you may not see it.") from error
    except PlanStale as error:
        return asked.back(
            here, f"Nothing was sent: {number(len(error.moved))} moved since the plan was made.", tone="warn"
        )
    except ReplayError as error:
        return asked.back(here, f"Nothing was sent: {error}.", tone="warn")
    return asked.back(path("runs", found["run"]), f"Run of {many(found['count'], 'item')} started.")


def _limits(asked: Asked) -> Limits | None:
    """The plan's limits, made more careful by the form. None: as the plan says."""
    given = asked.field("limits")
    if not given:
        return None
    known = msgspec.convert(orjson.loads(given), Limits)
    rate, wait = asked.field("rate"), asked.field("wait_after")
    try:
        changed = {"rate": float(rate)} if rate else {}
    except ValueError as error:
        raise Misunderstood(f"{rate} is no number of items a minute") from error
    if wait.isdigit():
        changed["wait_after"] = int(wait)
    return msgspec.structs.replace(known, **changed)


async def again(asked: Asked) -> web.StreamResponse:
    """`POST /replays/{plan}/again`: on the present state, without the items that were ticked."""
    place, who, name = asked.desk.place, asked.who, asked.request.match_info["plan"]
    drop = asked.fields("drop")
    try:
        selection, limits, compared = await planning.anew(place, who, name, drop)
        made = await planning.begin(place, who, selection, limits=limits, again=compared)
    except NotFound as error:
        raise Unseen("There is no such plan, or you may not see it.") from error
    except ReplayError as error:
        return asked.back(path("replays", name), f"No plan was made: {error}.", tone="warn")
    left = f"{many(len(drop), 'item')} left out. " if drop else ""
    return await _to_plan(asked, made["plan"], f"{left}Made again on the present state; differences are shown below.")


async def approve(asked: Asked) -> web.StreamResponse:
    """`POST /replays/{plan}/approve`: the second person says yes to this digest."""
    name = asked.request.match_info["plan"]
    here = path("replays", name)
    try:
        await replays.approve(asked.desk.place, asked.who, name, asked.field("digest"), reason=asked.field("reason"))
    except NotFound as error:
        raise Unseen("There is no such plan, or you may not see it.") from error
    except ReplayError as error:
        return asked.back(here, f"Not approved: {error}.", tone="warn")
    return asked.back(here, "Approved. It can be run now.")


async def run(asked: Asked) -> web.StreamResponse:
    """`/runs/{run}`."""
    place, who = asked.desk.place, asked.who
    found = await replays.run_show(place, who, asked.request.match_info["run"])
    if found is None:
        raise Unseen("There is no such run, or you may not see it.")
    outcome, after = asked.request.query.get("outcome", ""), asked.request.query.get("after", "0")
    start = int(after) if after.isdigit() else 0
    items = await replays.run_items(place, who, found["run"], outcome=outcome, after=start, limit=PAGE)
    waits = found["count"] - sum(found["counts"].values())
    counts = {**found["counts"], **({"waiting": found["counts"].get("waiting", 0) + waits} if waits > 0 else {})}
    left = sum(found["counts"].get(str(outcome), 0) for outcome in planning.LEFT)
    return asked.page(
        "run.html",
        here="replays",
        run=found,
        counts=counts,
        tone=_TONES.get(found["state"], "calm"),
        items=items or {"items": [], "next": None},
        outcome=outcome,
        more=query(dict(asked.request.query), after=items["next"]) if items and items["next"] else "",
        over=found["state"] in ("done", "stopped"),
        left=left,
        percent=int(100 * found["ended"] / found["count"]) if found["count"] else 100,
    )


_TONES = {"running": "busy", "waiting": "warn", "paused": "warn", "stopping": "warn", "done": "good", "stopped": "warn"}
_VERBS = {"pause": replays.pause, "resume": replays.resume, "stop": replays.stop}
_SAID = {
    "pause": "Paused: nothing more is handed over until you go on.",
    "resume": "It goes on.",
    "stop": "Stopping: what the lanes have goes on to its end, nothing more is handed over.",
}


async def turn(asked: Asked) -> web.StreamResponse:
    """`POST /runs/{run}/turn`: pause, go on, stop."""
    name, verb = asked.request.match_info["run"], asked.field("verb")
    here = path("runs", name)
    if verb not in _VERBS:
        raise Misunderstood(f"a run cannot {verb or 'do nothing'}; it can pause, resume and stop")
    try:
        await _VERBS[verb](asked.desk.place, asked.who, name, reason=asked.field("reason"))
    except NotFound as error:
        raise Unseen("There is no such run, or you may not see it.") from error
    except ReplayError as error:
        return asked.back(here, f"Not done: {error}.", tone="warn")
    return asked.back(here, _SAID[verb])
