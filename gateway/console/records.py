"""Records: found by what either system calls them, and why one is not in step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.contract.errors import LockstepError
from dead_letter.values import CaseState, parse_number
from gateway.access.rights import Right
from gateway.console import sides
from gateway.console.frame import Asked, Unseen
from gateway.console.rendering import many, path
from gateway.work import pages_records, records
from gateway.work.pages_records import Place

TONES = {
    "in_step": "good",
    "outcome_unknown": "doubt",
    "held": "warn",
    "parked": "warn",
    "credentials": "bad",
    "open": "bad",
}
_KINDS = {"all": "all", "decisions": "decisions", "failures": "failures"}
STEPS = 200


async def find(asked: Asked) -> web.StreamResponse:
    """`/find`: to the case or the record that is meant; a list where several are."""
    text = asked.request.query.get("q", "").strip()
    if text[:3].upper() == "FO-" and parse_number(text) is not None:
        return web.Response(status=303, headers={"Location": path("c", text.upper())})
    found = await pages_records.find(asked.desk.place, asked.who, text)
    if len({each.record for each in found}) == 1:
        return web.Response(status=303, headers={"Location": _href(found[0])})
    return _list(asked, text, found)


async def search(asked: Asked) -> web.StreamResponse:
    """`/records`."""
    text = asked.request.query.get("q", "").strip()
    found = await pages_records.find(asked.desk.place, asked.who, text) if text else []
    return _list(asked, text, found)


def _list(asked: Asked, text: str, found: list[Place]) -> web.StreamResponse:
    by_record: dict[str, list[Place]] = {}
    for each in found:
        by_record.setdefault(each.record, []).append(each)
    rows = [
        {"href": _href(each[0]), "objects": each, "flow": each[0].flow, "record": record}
        for record, each in by_record.items()
    ]
    flows = asked.desk.place.config.flows.values()
    return asked.page("records.html", here="records", text=text, rows=rows, checks=[_check(flow) for flow in flows])


def _href(at: Place) -> str:
    return path("r", at.system, at.object, at.key)


def _check(flow: Any) -> str:
    members = " and ".join(f"{name} ({member.object})" for name, member in flow.members.items())
    return f"{flow.name}: an object of {members} that matches the flow's rules, changed since this gateway runs"


async def record(asked: Asked) -> web.StreamResponse:
    """`/r/{system}/{object}/{key}`."""
    match = asked.request.match_info
    at = (match["system"], match["object"], match["key"])
    place, who = asked.desk.place, asked.who
    why = await records.why(place, who, *at)
    shown = await records.show(place, who, *at)
    if why is None or shown is None:
        raise Unseen("This record was not seen, or you may not see it. If it is there, its change did not arrive yet.")
    only = asked.request.query.get("only", "all")
    story = await records.timeline(place, who, *at, limit=STEPS)
    looking = "look" in asked.request.query and Right.WORK in who.rights and bool(asked.desk.connectors)
    here = Place(record=why.record, flow=shown["flow"], system=at[0], object=at[1], key=at[2], state="primary")
    return asked.page(
        "record.html",
        here="records",
        why=why,
        tone=TONES.get(why.code, "calm" if why.in_step else "warn"),
        record=await _sides(asked, here, look=looking),
        looked=looking,
        can_look=bool(asked.desk.connectors),
        shown=shown,
        waits=[_wait(lane) for lane in shown["lanes"] if lane["waits_for"] or lane["dirty"]],
        cases=[case for case in shown["cases"] if case["state"] != CaseState.CLOSED],
        steps=[step for step in reversed(story.steps if story else ()) if _kept(step.what, only)],
        only=only,
        kinds=_KINDS,
        address=path("r", *at),
        names=" = ".join(why.objects),
    )


async def _sides(asked: Asked, at: Place, *, look: bool) -> sides.Sides | None:
    try:
        return await sides.of_place(asked, at, look=look)
    except LockstepError as error:
        kept = await sides.of_place(asked, at)
        if kept is not None:
            kept.troubles.append(f"Could not look at both sides now: {error}. Below is what was known before.")
        return kept


def _kept(what: str, only: str) -> bool:
    match only:
        case "decisions":
            return what in ("decided", "lost") or "decided" in what
        case "failures":
            return any(word in what for word in ("failed", "unknown", "lost", "opened", "came back"))
    return True


def _wait(lane: Mapping[str, Any]) -> dict[str, Any]:
    words = str(lane["waits_for"] or "its turn").replace("_", " ")
    return {
        "connection": lane["connection"],
        "for": words,
        "until": lane["next_try_at"],
        "tries": many(lane["tries"], "try", "tries") if lane["tries"] else "",
    }
