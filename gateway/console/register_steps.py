"""The later steps of the wizard: what is kept in step, putting it in place, the shadow run, going live."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from connectors.contract.errors import InputError
from connectors.contract.written.places import Source
from gateway.access.asking import set_not_allowed
from gateway.access.rights import NotAllowed, Right
from gateway.config.parts import PART, Keys, value_at, with_values
from gateway.console.flows import STAGES, WOULD
from gateway.console.frame import Asked, Misunderstood
from gateway.console.inside import inside
from gateway.console.register_forms import Field, need_fields
from gateway.console.rendering import path
from gateway.work import draft_trying, drafts, registering
from gateway.work.connector_files import ConnectorReport
from gateway.work.drafts import Draft
from gateway.work.flow_preview import preview_flow
from gateway.work.flows import FlowError, get_flow, list_flows, move_flow
from mappings.loader import library_names, type_names

Facts = dict[str, Any]


async def records_form(asked: Asked, draft: Draft, report: ConnectorReport | None) -> Facts:
    """What is kept in step with what, as the part says it, and what there is to choose from."""
    config = asked.desk.place.config
    text = draft.files[PART]
    flow = next(iter(value_at(text, ("flows",)) or {}), "")
    members = value_at(text, ("flows", flow, "members")) or {}
    mine, other = members.get(draft.name) or {}, next((each for each in members if each != draft.name), "")
    theirs, makes = members.get(other) or {}, value_at(text, ("flows", flow, "create", "in")) or []
    objects = report.records if report else ()
    object = mine.get("object") or (objects[0].name if objects else "")
    stages = {each.name: each.stage for each in await list_flows(asked.desk.place, asked.who)}
    return {
        "flow": flow,
        "stage": stages.get(flow, ""),
        "joins": bool(flow) and flow in stages,
        "flows": stages,
        "type": value_at(text, ("flows", flow, "type")) or "incident",
        "types": type_names(config.file.parent),
        "object": object,
        "objects": objects,
        "needs": _needs(draft, flow, object, report),
        "mapping": mine.get("mapping") or "",
        "own": next((draft.files[name] for name in draft.files if name == mine.get("mapping")), ""),
        "mappings": _mappings(asked),
        "where": mine.get("where") or "",
        "makes": draft.name in makes,
        "other": other,
        "connections": sorted(config.connections),
        "other_object": theirs.get("object") or "",
        "other_mapping": theirs.get("mapping") or "",
        "other_with": "\n".join(f"{key}: {value}" for key, value in (theirs.get("with") or {}).items()),
        "other_makes": bool(other) and other in makes,
        **await _counted(asked, draft, object),
    }


async def _counted(asked: Asked, draft: Draft, object: str) -> Facts:
    if asked.field("do") != "count" or asked.desk.trying is None:
        return {"counted": False, "count": None, "uncounted": ""}
    try:
        count = await draft_trying.count_objects(asked.desk.place, asked.who, draft, object, asked.desk.trying)
    except (InputError, NotAllowed) as error:
        return {"counted": True, "count": None, "uncounted": str(error)}
    return {"counted": True, "count": count, "uncounted": "" if count else "the system cannot list them, or did not"}


def _needs(draft: Draft, flow: str, object: str, report: ConnectorReport | None) -> list[Field]:
    record = next((each for each in (report.records if report else ()) if each.name == object), None)
    above: Keys = ("flows", flow, "members", draft.name, "with")
    return need_fields(record.needs if record else (), above, draft.files[PART])


def _mappings(asked: Asked) -> list[str]:
    """Those of the library, and those that flows use."""
    named = registering.mappings_named(asked.desk.place.config)
    return [*dict.fromkeys([*named, *library_names()])]


async def records_values(asked: Asked, draft: Draft, report: ConnectorReport | None) -> dict[str, str]:
    """The files with what the form says."""
    flow = asked.field("flow") or f"{draft.name}-{asked.field('type') or 'incident'}"
    here: Keys = ("flows", flow)
    files = {PART: await _based(asked, draft.files[PART], flow)}
    own, object = asked.field("own").replace("\r\n", "\n"), asked.field("object")
    mapping = asked.field("mapping")
    if own:
        mapping = f"{draft.name}-{object}.yaml"
        files[mapping] = own + "\n"
    other, there = asked.field("other"), await list_flows(asked.desk.place, asked.who)
    joins = any(each.name == flow for each in there)
    mine: Keys = (*here, "members", draft.name)
    values: dict[Keys, Any] = {(*here, "type"): asked.field("type")} if not joins else {}
    values |= {(*mine, "object"): object, (*mine, "mapping"): mapping, (*mine, "where"): asked.field("where")}
    values |= {each.keys: each.read(asked.field(each.name)) for each in _needs(draft, flow, object, report)}
    makes = [draft.name] if asked.field("makes") == "1" else []
    if joins:
        before = value_at(files[PART], (*here, "create", "in")) or []
        values[(*here, "create", "in")] = [each for each in before if each != draft.name] + makes
    else:
        if other:
            said = Source("with", asked.field("other_with").replace("\r\n", "\n")).data
            theirs: Keys = (*here, "members", other)
            values |= {(*theirs, "object"): asked.field("other_object")}
            values |= {(*theirs, "mapping"): asked.field("other_mapping"), (*theirs, "with"): said}
            makes += [other] if asked.field("other_makes") == "1" else []
        values |= {(*here, "create", "in"): makes, (*here, "begins"): "shadow"}
    files[PART] = with_values(files[PART], values)
    return files


async def _based(asked: Asked, text: str, flow: str) -> str:
    """The part with this flow and no other: as it is in place, if it is joined."""
    gone: dict[Keys, Any] = {("flows", name): None for name in value_at(text, ("flows",)) or {} if name != flow}
    text = with_values(text, gone)
    if value_at(text, ("flows", flow)) is None:
        there = await asyncio.to_thread(registering.flow_in_place, asked.desk.place, flow)
        text = with_values(text, {("flows", flow): there})
    members = value_at(text, ("flows", flow, "members")) or {}
    known = asked.desk.place.config.flows.get(flow)
    kept = {*(known.members if known else ()), asked.field("other")}
    return with_values(text, {("flows", flow, "members", name): None for name in members if name not in kept})


async def standing(asked: Asked, draft: Draft) -> Facts:
    """Whether the gateway works by it, and how its flows stand."""
    place, who = asked.desk.place, asked.who
    try:
        found: registering.Standing | None = await registering.configuration(place, who)
        broken = ""
    except registering.ConfigurationInvalid as error:
        found, broken = None, "; ".join(each.text for each in error.found)
    flows = []
    for name in value_at(draft.files[PART], ("flows",)) or {}:
        flow = await get_flow(place, who, name)
        preview = await preview_flow(place, who, name) if flow and flow.stage != "draft" else None
        flows.append((name, flow, STAGES[flow.stage] if flow else None, preview))
    runs = draft.name in place.config.connections
    return {
        "standing": found,
        "broken": broken,
        "runs": runs,
        "can_begin": place.begin_again is not None and not (found and found.restart),
        "flows": flows,
        "would": WOULD,
    }


async def _apply(asked: Asked, draft: Draft) -> web.StreamResponse:
    place, who = asked.desk.place, asked.who
    try:
        placed = await registering.apply_files(
            place, who, draft.handed, expected=asked.field("digest"), reason=asked.field("reason")
        )
    except (InputError, NotAllowed) as error:
        set_not_allowed(asked.request, error)
        return asked.back(path("register", draft.id, "review"), f"Not put in place: {error}.", tone="warn")
    await drafts.save_draft(place, who, draft, placed=placed.version, step="shadow")
    return asked.back(
        path("register", draft.id, "shadow"), f"In place as version {placed.version}. Nothing is written."
    )


async def _live(asked: Asked, draft: Draft) -> web.StreamResponse:
    here, flow, seen = path("register", draft.id, "live"), asked.field("flow"), asked.field("revision")
    if flow not in (value_at(draft.files[PART], ("flows",)) or {}) or not seen.isdecimal():
        raise Misunderstood("Say which flow is to go live.")
    asked.who.require(Right.CONFIGURE)
    try:
        moved = await move_flow(
            asked.desk.place, asked.who, flow, "live", expected=int(seen), reason=asked.field("reason")
        )
    except FlowError as error:
        return asked.back(here, f"Not moved: {error}.", tone="warn")
    if moved is None:
        return asked.back(here, f"{flow} is not a flow that runs here yet.", tone="warn")
    await drafts.save_draft(asked.desk.place, asked.who, draft, step="live")
    return asked.back(here, f"{flow} is live: what waited is sent once, each object as it is now.")


async def take_up(asked: Asked) -> web.StreamResponse:
    """`POST /configuration/take-up`: this worker begins again; the page that follows is answered by what comes then."""
    to = inside(asked.field("next"), "/connections")
    try:
        found = await registering.take_up(asked.desk.place, asked.who)
    except (InputError, NotAllowed) as error:
        set_not_allowed(asked.request, error)
        return asked.back(to, f"Not taken up: {error}.", tone="warn")
    said = "It worked by it already." if found.taken_up else "The gateway has begun again, with what is in place."
    response = asked.back(to, said)
    response.force_close()
    return response


APPLIED: Mapping[str, Callable[[Asked, Draft], Awaitable[web.StreamResponse]]] = {"apply": _apply, "live": _live}
