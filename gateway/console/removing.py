"""Removing a connection: what goes with it, what is in the way, and putting that in place as `apply --remove` does."""

from __future__ import annotations

from aiohttp import web

from connectors.contract.errors import InputError
from connectors.contract.written.problems import Problem
from gateway.access.asking import set_not_allowed
from gateway.access.rights import NotAllowed, Right
from gateway.console.frame import Asked, Unseen
from gateway.console.rendering import path, query
from gateway.work.registering import ConfigurationInvalid, Handed, Plan, apply_files, plan_files


async def look(asked: Asked) -> web.StreamResponse:
    """`/conn/{name}/remove`: the plan. Flows that use it go with it where that was ticked."""
    name = _named(asked)
    asked.who.require(Right.CONFIGURE)
    flows = [flow.name for flow, _ in asked.desk.place.config.members_of(name)]
    chosen = [each for each in asked.request.query.getall("flow", []) if each in flows]
    plan, problems = await _plan(asked, _handed(name, chosen))
    lanes = [each for each in plan.refused if "hold commands" in each or "holds commands" in each] if plan else []
    return asked.page(
        "remove.html",
        here="connections",
        name=name,
        label=asked.desk.place.config.connections[name].label,
        flows=[(each, each in chosen) for each in flows],
        plan=plan,
        lanes=lanes,
        problems=[("", each) for each in problems],
        cases="/cases" + query({"connection": name}),
    )


async def remove(asked: Asked) -> web.StreamResponse:
    """`POST /conn/{name}/remove`: against the plan that the page showed."""
    name = _named(asked)
    chosen = asked.fields("flow")
    here = path("conn", name, "remove") + query({"flow": chosen})
    if not asked.field("reason"):
        return asked.back(here, "Nothing was changed: say why.", tone="warn")
    try:
        placed = await apply_files(
            asked.desk.place,
            asked.who,
            _handed(name, chosen),
            expected=asked.field("digest"),
            reason=asked.field("reason"),
        )
    except (InputError, NotAllowed) as error:
        set_not_allowed(asked.request, error)
        return asked.back(here, f"Not removed: {error}.", tone="warn")
    said = f"{name} is removed, as version {placed.version}. This worker works with it until it begins again."
    return asked.back("/connections", said)


def _handed(name: str, flows: list[str]) -> Handed:
    return Handed(remove=(f"connection/{name}", *(f"flow/{each}" for each in flows)))


async def _plan(asked: Asked, handed: Handed) -> tuple[Plan | None, list[Problem]]:
    try:
        return await plan_files(asked.desk.place, asked.who, handed), []
    except ConfigurationInvalid as error:
        return None, error.found


def _named(asked: Asked) -> str:
    name = asked.request.match_info["name"]
    if name not in asked.desk.place.config.connections or not asked.who.covers(connection=name):
        raise Unseen("There is no such connection, or you may not see it.")
    return name
