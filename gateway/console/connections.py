"""Connections: is it the vendor, the token, or us?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.contract.connector import Connector
from connectors.contract.errors import InputError, LockstepError
from connectors.contract.values import Finding
from dead_letter.values import CaseFilter
from gateway.access.rights import Right
from gateway.console.drawings import drawn
from gateway.console.flows import STAGES
from gateway.console.frame import Asked, Unseen
from gateway.console.now import paused
from gateway.console.rendering import moment, path
from gateway.console.words import connection_look
from gateway.intake.scim.place import address_of
from gateway.sweeps.book import states as sweep_states
from gateway.work import cases, drift, pages_now, pausing, registering, switching
from gateway.work.connections import ConnectionView, get_connection, list_connections
from gateway.work.connectors import ConnectorView, list_connectors
from gateway.work.credentials import in_words
from gateway.work.flows import list_flows
from gateway.work.pages_now import Side
from gateway.work.pausing import PauseRefused

CHECK_S = 20.0
"""A check is given up after this: it must not sleep on a budget while a person waits."""
LENGTHS: Mapping[str, tuple[str, float]] = {
    "15m": ("15 minutes", 900.0),
    "1h": ("1 hour", 3600.0),
    "4h": ("4 hours", 14_400.0),
    "1d": ("1 day", 86_400.0),
    "7d": ("7 days", 604_800.0),
}
"""How long a pause lasts; none lasts for ever."""


async def connections(asked: Asked) -> web.StreamResponse:
    """`/connections`."""
    sides = await pages_now.sides(asked.desk.place, asked.who)
    open_ = await _open_cases(asked)
    found = await list_connections(asked.desk.place, asked.who)
    off = {each.name: each.disabled for each in found if each.disabled}
    return asked.page(
        "connections.html",
        here="connections",
        rows=[_row(asked, side, open_) | {"off": off.get(side.name)} for side in sides],
        flows=[(STAGES[each.stage], each) for each in await list_flows(asked.desk.place, asked.who)],
        connectors=await list_connectors(asked.desk.place, asked.who),
        **await _taken_up(asked),
    )


async def _taken_up(asked: Asked) -> dict[str, bool]:
    """Whether something is in place that this worker does not work by, for whoever could see to that."""
    place = asked.desk.place
    if not asked.who.may(Right.CONFIGURE) or not place.begun_with:
        return {"waits": False, "can_begin": False}
    try:
        found = await registering.configuration(place, asked.who)
    except InputError:
        return {"waits": True, "can_begin": False}
    return {"waits": not found.taken_up, "can_begin": place.begin_again is not None and not found.restart}


async def _open_cases(asked: Asked) -> dict[str, int]:
    """Connection -> open cases, by their groups: a cause belongs to one connection, and groups are counted quickly."""
    found: dict[str, int] = {}
    for group in await cases.group_cases(asked.desk.place, asked.who, CaseFilter(limit=200)):
        found[group.connection] = found.get(group.connection, 0) + group.count
    return found


def _row(asked: Asked, side: Side, open_: dict[str, int]) -> dict[str, Any]:
    known = asked.desk.place.config.connections[side.name]
    return {
        "side": side,
        "look": connection_look(side.state),
        "kind": known.settings.connector,
        "cases": open_.get(side.name, 0),
        "waiting": side.noticed + max(side.writes, side.working),
    }


async def connection(asked: Asked) -> web.StreamResponse:
    """`/conn/{name}`."""
    return await _page(asked, [])


async def check(asked: Asked) -> web.StreamResponse:
    """`POST /conn/{name}/check`: every step of the connector's own check, passed ones too. Writes nothing there."""
    name = _named(asked)
    asked.who.require(Right.CONFIGURE, connection=name)
    connector = asked.desk.connectors.get(name)
    return await _page(asked, await _checked(connector) if connector else [_finding("this process runs no connector")])


async def _checked(connector: Connector) -> list[Finding]:
    try:
        async with asyncio.timeout(CHECK_S):
            return list(await connector.check())
    except TimeoutError:
        return [_finding(f"no answer in {CHECK_S:g} s")]
    except LockstepError as error:
        return [_finding(str(error))]


def _finding(text: str) -> Finding:
    return Finding(proves="an answer", ok=False, detail=text)


def _named(asked: Asked) -> str:
    name = asked.request.match_info["name"]
    if name not in asked.desk.place.config.connections or not asked.who.covers(connection=name):
        raise Unseen("There is no such connection, or you may not see it.")
    return name


async def _page(asked: Asked, findings: list[Finding]) -> web.StreamResponse:
    name = _named(asked)
    place, who = asked.desk.place, asked.who
    side = next(each for each in await pages_now.sides(place, who) if each.name == name)
    flow = await pages_now.flow(place, who, connection=name)
    groups = await cases.group_cases(place, who, CaseFilter(connection=name, limit=5))
    view = await get_connection(place, who, name)
    stages = {each.name: STAGES[each.stage] for each in await list_flows(place, who)}
    return asked.page(
        "connection.html",
        here="connections",
        side=side,
        look=connection_look(side.state),
        known=place.config.connections[name],
        flow=drawn(flow),
        connector=await _connector(asked, name),
        flows=[(each, member, stages.get(each.name)) for each, member in place.config.members_of(name)],
        off=view.disabled if view else None,
        groups=groups,
        sweeps=await sweep_states(place.database, name),
        findings=findings,
        pauses=[(each, paused(each)) for each in await pausing.list_pauses(place) if each.connection == name],
        lengths=LENGTHS,
        pausing="pause" in asked.request.query,
        polled=place.config.connections[name].poll_every_s is not None,
        can_check=name in asked.desk.connectors and who.may(Right.CONFIGURE),
        settings=[*_settings(asked, name), *_credential(view)],
        budget=view.budget if view is not None else None,
        schemas=[each for one in view.schemas for each in drift.in_words(one, moment)] if view is not None else [],
    )


async def pause(asked: Asked) -> web.StreamResponse:
    """`POST /conn/{name}/pause`: holds one way or both, until a time and for a reason, which is asked for."""
    name = _named(asked)
    here = path("conn", name)
    ways = [way for way in pausing.DIRECTIONS if asked.field(way) == "1"]
    length, reason = asked.field("for"), asked.field("reason")
    if not ways or not reason or length not in LENGTHS:
        return asked.back(f"{here}#pause", "Not paused: say which way, for how long and why.", tone="warn")
    until = asked.now + LENGTHS[length][1]
    try:
        await pausing.pause(asked.desk.place, asked.who, name, ways, until=until, reason=reason)
    except PauseRefused as error:
        return asked.back(f"{here}#pause", f"Not paused: {error}.", tone="warn")
    return asked.back(here, f"{name} is paused until {moment(until)}; it goes on by itself then. Nothing is lost.")


async def switch(asked: Asked) -> web.StreamResponse:
    """`POST /conn/{name}/switch`: disables it, or enables it again, for a reason, which is asked for."""
    name = _named(asked)
    here, reason = path("conn", name), asked.field("reason")
    if not reason:
        return asked.back(f"{here}#switch", "Nothing was changed: say why.", tone="warn")
    if asked.field("to") == "on":
        await switching.enable(asked.desk.place, asked.who, name, reason=reason)
        return asked.back(here, f"{name} goes on.")
    await switching.disable(asked.desk.place, asked.who, name, reason=reason)
    return asked.back(here, f"{name} is disabled: no request is made to it until somebody enables it. Nothing is lost.")


async def resume(asked: Asked) -> web.StreamResponse:
    """`POST /conn/{name}/resume`: ends a pause before its time."""
    name = _named(asked)
    ways = [way for way in pausing.DIRECTIONS if asked.field("way") in (way, "")]
    reason = asked.field("reason") or "resumed in the console"
    await pausing.resume(asked.desk.place, asked.who, name, ways, reason=reason)
    return asked.back(path("conn", name), f"{name} goes on.")


async def _connector(asked: Asked, name: str) -> ConnectorView | None:
    found = await list_connectors(asked.desk.place, asked.who)
    return next((each for each in found if name in each.connections), None)


def _credential(known: ConnectionView | None) -> list[tuple[str, str]]:
    """How what it signs in with stands; nothing before a gateway has run with it."""
    return in_words(known.credential, moment) if known is not None and known.credential is not None else []


def _settings(asked: Asked, name: str) -> list[tuple[str, str]]:
    """What is configured, without a secret: names of the ways to sign in, never what is in them."""
    known = asked.desk.place.config.connections[name]
    settings, url = known.settings, asked.desk.place.config.access.url
    return [
        ("connector", settings.connector),
        ("url", str(settings.url)),
        ("signs in by", ", ".join(settings.auth) or "nothing"),
        ("webhook", "yes, verified" if known.has_webhook else "no"),
        *((("pushed to at", to),) if (to := address_of(url, name, settings.connector)) else ()),
        ("polled every", f"{known.poll_every_s:g} s" if known.poll_every_s else "not polled"),
        ("time-out", f"{settings.timeout_s:g} s"),
        ("at once", str(settings.concurrency)),
        (
            "rate",
            f"{known.rate:g} requests/s for each worker" if known.rate else "as budget and the system's headers say",
        ),
        ("breaker", f"opens after {known.breaker.failures} failures, tries again after {known.breaker.retry_s:g} s"),
    ]
