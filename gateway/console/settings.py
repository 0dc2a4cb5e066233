"""Settings: what each person chooses, what people may, and what holds here by the configuration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from connectors.contract.errors import InputError
from gateway.access.asking import set_not_allowed
from gateway.access.people import Person
from gateway.access.rights import NotAllowed, Principal, Right, Role, rights_of
from gateway.config.notifications import Quiet
from gateway.console import standing
from gateway.console.display import CHOICES, COOKIE, Display, display_of
from gateway.console.frame import Asked, Misunderstood
from gateway.console.inside import inside
from gateway.console.keys import KEYS
from gateway.core.digits import number_in
from gateway.work import notifications, people, siem, tokens

YEAR_S = 366 * 86_400
TABS = ("display", "tokens", "people", "roles", "notifications", "siem", "guards", "retention")


async def settings(asked: Asked) -> web.StreamResponse:
    """`/settings`."""
    return await _page(asked)


async def _page(asked: Asked, *, tab: str = "", made: str = "", name: str = "") -> web.StreamResponse:
    place, who = asked.desk.place, asked.who
    manages = who.may(Right.MANAGE)
    hidden = {"people"} if not manages else set()
    if not manages and not who.may(Right.CONFIGURE):
        hidden.add("notifications")
    if not siem.may_look(who):
        hidden.add("siem")
    if Right.SEE not in who.rights:
        hidden |= {"guards", "retention"}
    seen = [tab for tab in TABS if tab not in hidden]
    tab = tab or asked.request.query.get("tab", "display")
    tab = tab if tab in seen else "display"
    shown: dict[str, Any] = {"tokens": (), "people": (), "sessions": ()}
    if tab == "tokens":
        shown["tokens"] = await tokens.list_tokens(place, who)
        shown["sessions"] = await people.list_sessions(place, who, holder=who.id)
    if tab == "people":
        shown["people"] = await people.list_people(place, who)
    if tab == "roles":
        shown |= await _what_can(asked)
    if tab == "notifications":
        shown |= await _told_where(asked)
    if tab == "siem":
        shown |= {"sinks": await siem.list_sinks(place, who), "may_ask": siem.may_ask(who)}
    if tab == "guards":
        names = [name for name in place.config.connections if who.covers(connection=name)]
        shown["groups"] = standing.guards(place.config, names)
    if tab == "retention":
        shown["groups"] = [("Kept for", standing.retention(place.config))]
    return asked.page(
        "settings.html",
        here="settings",
        tab=tab,
        tabs=seen,
        made=made,
        made_for=name,
        choices=CHOICES,
        keys=KEYS,
        roles=[str(role) for role in Role],
        mine=sorted(who.roles),
        matrix=[
            (str(right), standing.RIGHTS[right], [role for role in Role if right in rights_of([role])])
            for right in Right
        ],
        connections=list(place.config.connections),
        **shown,
    )


async def _what_can(asked: Asked) -> dict[str, Any]:
    """What a person can do: oneself, or anybody for who manages people."""
    place, who = asked.desk.place, asked.who
    manages, name = who.may(Right.MANAGE), asked.request.query.get("person", "")
    asked_for: Principal | Person = await people.get_person(place, who, name) if name else who
    rights = rights_of(asked_for.roles)
    given = {right: [str(role) for role in sorted(asked_for.roles) if right in rights_of([role])] for right in Right}
    return {
        "person": asked_for,
        "can": [(standing.RIGHTS[right], given[right]) for right in Right if right in rights],
        "cannot": [standing.RIGHTS[right] for right in Right if right not in rights],
        "everybody": [each.name for each in await people.list_people(place, who)] if manages else [],
    }


async def _told_where(asked: Asked) -> dict[str, Any]:
    """The channels with their rules and quiet hours, and what was told lately."""
    place, who = asked.desk.place, asked.who
    rules = place.config.notifications.rules
    return {
        "channels": await notifications.list_channels(place, who),
        "rules": [(rule, sorted(rule.events), _quiet(rule.quiet)) for rule in rules],
        "deliveries": await notifications.list_deliveries(place, who, limit=20),
    }


def _quiet(quiet: Quiet | None) -> str:
    return f"{quiet.since:%H:%M}-{quiet.until:%H:%M} {quiet.zone.key}" if quiet else "none"


async def display(asked: Asked) -> web.StreamResponse:
    """`POST /settings/display`: kept in a cookie of this browser."""
    before = display_of(asked.request)
    chosen = {name: asked.field(name) or getattr(before, name) for name in CHOICES}
    good = {name: value for name, value in chosen.items() if value in CHOICES[name]}
    response = web.Response(status=303, headers={"Location": inside(asked.field("next"), "/settings")})
    asked.keep(response, COOKIE, Display(**good).text(), max_age=YEAR_S)
    return response


async def change(asked: Asked) -> web.StreamResponse:
    """`POST /settings/{what}`: one change of tokens, sessions or people, then back with what came of it."""
    what = asked.request.match_info["what"]
    tab = "people" if what.startswith("person") else _TABS_OF.get(what, "tokens")
    known = _CHANGES.get(what)
    if known is None:
        raise Misunderstood(f"there is no setting {what}")
    try:
        return await known(asked)
    except people.PersonMoved:
        return await _both_versions(asked, what)
    except (NotAllowed, InputError) as error:
        set_not_allowed(asked.request, error)
        return asked.back(f"/settings?tab={tab}", f"Not done: {error}", tone="warn")


async def _both_versions(asked: Asked, what: str) -> web.StreamResponse:
    """Somebody was quicker: how it stands now beside what was wanted, to decide again."""
    now = await people.get_person(asked.desk.place, asked.who, asked.field("name"))
    off = asked.field("off") == "1" if what == "person-off" else now.disabled_at is not None
    wanted = sorted(_roles(asked)) if what == "person-roles" else sorted(now.roles)
    rows = [
        ("Roles", asked.fields("was"), sorted(now.roles), wanted),
        ("May sign in", [], ["no" if now.disabled_at else "yes"], ["no" if off else "yes"]),
    ]
    return asked.page(
        "person.html",
        status=412,
        here="settings",
        person=now,
        what=what,
        off=off,
        wanted=wanted,
        rows=rows,
        seen=asked.field("version"),
    )


async def _notify_test(asked: Asked) -> web.StreamResponse:
    channel = asked.field("channel")
    event = await notifications.try_channel(asked.desk.place, asked.who, channel)
    said = f"A test is on its way over {channel}. Below is what became of it."
    return asked.back("/settings?tab=notifications", said, more=event)


async def _siem_test(asked: Asked) -> web.StreamResponse:
    sink = asked.field("sink")
    number = await siem.try_sink(asked.desk.place, asked.who, sink)
    said = f"A sign of life is on its way to {sink}: it is there once {number} or more are sent."
    return asked.back("/settings?tab=siem", said)


async def _token(asked: Asked) -> web.StreamResponse:
    made = await tokens.create_token(
        asked.desk.place,
        asked.who,
        asked.field("name"),
        roles=_roles(asked),
        connections=asked.fields("connections") or None,
        lasts_s=_days(asked) * 86_400,
    )
    return await _page(asked, tab="tokens", made=made.secret)


async def _revoke(asked: Asked) -> web.StreamResponse:
    token = await tokens.revoke_token(asked.desk.place, asked.who, asked.field("token"))
    return asked.back("/settings?tab=tokens", f"The token {token.name} is not accepted any more.")


async def _end(asked: Asked) -> web.StreamResponse:
    ended = await people.end_session(asked.desk.place, asked.who, asked.field("session"))
    return asked.back("/settings?tab=tokens", "The session is over." if ended else "There was no such session.")


async def _person_add(asked: Asked) -> web.StreamResponse:
    person = await people.add_person(
        asked.desk.place,
        asked.who,
        asked.field("name"),
        roles=_roles(asked),
        label=asked.field("label"),
        connections=asked.fields("connections") or None,
        password=str(asked.sent.get("password", "")),
    )
    return asked.back("/settings?tab=people", f"{person.name} may sign in now.")


async def _person_roles(asked: Asked) -> web.StreamResponse:
    name = asked.field("name")
    person = await people.change_person(
        asked.desk.place,
        asked.who,
        name,
        roles=_roles(asked),
        expected_version=_version(asked),
    )
    return asked.back(
        "/settings?tab=people", f"{person.name} is {', '.join(sorted(person.roles)) or 'without a role'} now."
    )


async def _person_off(asked: Asked) -> web.StreamResponse:
    off = asked.field("off") == "1"
    person = await people.disable_person(
        asked.desk.place, asked.who, asked.field("name"), disabled=off, expected_version=_version(asked)
    )
    said = f"{person.name} cannot get in any more." if off else f"{person.name} may sign in again."
    return asked.back("/settings?tab=people", said)


async def _person_link(asked: Asked) -> web.StreamResponse:
    name = asked.field("name")
    secret = await people.sign_in_link(asked.desk.place, asked.who, name=name)
    return await _page(asked, tab="people", made=f"{asked.request.url.origin()}/sign-in/link?token={secret}", name=name)


def _version(asked: Asked) -> int:
    """The version that the page showed; 0: as it is now."""
    return number_in(asked.field("version"), longest=9) or 0


def _roles(asked: Asked) -> list[Role]:
    try:
        return [Role(each) for each in asked.fields("roles")]
    except ValueError as error:
        raise Misunderstood(str(error)) from error


def _days(asked: Asked) -> float:
    text = asked.field("days") or "90"
    if not text.isdigit() or not 1 <= int(text) <= 366:
        raise Misunderstood("a token lasts 1 to 366 days")
    return float(text)


_CHANGES: Mapping[str, Callable[[Asked], Awaitable[web.StreamResponse]]] = {
    "token": _token,
    "token-revoke": _revoke,
    "session-end": _end,
    "person-add": _person_add,
    "person-roles": _person_roles,
    "person-off": _person_off,
    "person-link": _person_link,
    "notify-test": _notify_test,
    "siem-test": _siem_test,
}
_TABS_OF = {"notify-test": "notifications", "siem-test": "siem"}
