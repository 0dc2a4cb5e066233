"""Views of the worklist: those that everybody has, those that people saved, and what their forms send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from connectors.contract.errors import InputError
from gateway.access.rights import NotAllowed, Right
from gateway.console.frame import Asked
from gateway.console.rendering import machine, query
from gateway.work import views
from gateway.work.views import View

PAGE = "cases"
KEPT = (
    *("text", "connection", "state", "owner", "age", "cause", "group", "field", "flow", "level", "since"),
    *("by", "sort"),
)
"""What a view is made of: the filter and how it is shown, never where in the list its reader was."""
_READY: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("All by cause", {}),
    ("Mine", {"owner": "me"}),
    ("Taken by nobody", {"owner": "nobody"}),
    ("Came back", {"state": "came_back"}),
    ("Parked", {"state": "parked"}),
    ("New, 1 h", {"age": "new"}),
    ("Closed", {"state": "closed"}),
)


async def known_views(asked: Asked, given: Mapping[str, str]) -> dict[str, Any]:
    """All views with their addresses. That a person opens the worklist is noted, for "since my last visit"."""
    place, who = asked.desk.place, asked.who
    here = {name: given[name] for name in KEPT if given[name]}
    before = await views.last_visit(place, who, PAGE, opened=asked.by_person)
    ready = list(_READY)
    if before:
        ready.insert(-1, ("New since my last visit", {"since": machine(before)}))
    saved = [_saved(view, here) for view in await views.list_views(place, who)]
    mine = [each for each in saved if each["here"] and each["mine"]]
    return {
        "ready": [{"name": name, "href": _href(view), "here": dict(view) == here} for name, view in ready],
        "saved": saved,
        "here": mine[0] if mine else None,
        "filter": "" if any(each["here"] for each in saved) else query(here).lstrip("?"),
    }


def _saved(view: View, here: Mapping[str, str]) -> dict[str, Any]:
    asked_for = _known(view.query)
    told = {"id": view.id, "name": view.name, "team": view.team, "by": view.by, "mine": view.mine}
    return {**told, "href": _href(asked_for), "here": asked_for == here}


def _known(text: str) -> dict[str, str]:
    """The parts of a view that this release knows; others are left alone."""
    return {name: value for name, value in parse_qsl(text.lstrip("?")) if name in KEPT}


def _href(view: Mapping[str, str]) -> str:
    return "/cases" + query(view)


async def save(asked: Asked) -> web.StreamResponse:
    """`POST /cases/views`: keeps the filter of the page under a name."""
    kept = _known(asked.field("filter"))
    team = asked.field("team") == "1"
    try:
        view = await views.save_view(
            asked.desk.place, asked.who, asked.field("name"), query(kept).lstrip("?"), team=team
        )
    except (NotAllowed, InputError) as error:
        return asked.back(_href(kept), f"Not saved: {error}", tone="warn")
    who_has_it = "everybody in the team has it" if team else "only you have it"
    return asked.back(_href(kept), f"Saved as {view.name}; {who_has_it}.")


async def change(asked: Asked) -> web.StreamResponse:
    """`POST /cases/views/{id}`: another name for a view, or its end."""
    place, who, id = asked.desk.place, asked.who, asked.request.match_info["id"]
    asked.who.require(Right.SEE)
    try:
        if asked.field("do") == "delete":
            view = await views.delete_view(place, who, id)
            return asked.back("/cases", f"{view.name} is deleted. The cases are as they were.")
        view = await views.rename_view(place, who, id, asked.field("name"))
    except (NotAllowed, InputError) as error:
        return asked.back("/cases", f"Not done: {error}", tone="warn")
    return asked.back(_href(_known(view.query)), f"It is called {view.name} now.")
