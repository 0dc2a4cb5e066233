"""Settings: display and keys for everybody, own tokens and sessions, people and roles for who manages them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from connectors.contract.errors import InputError
from gateway.access.rights import NotAllowed, Right, Role, rights_of
from gateway.console.display import CHOICES, COOKIE, Display, display_of
from gateway.console.frame import Asked, Misunderstood
from gateway.work import people, tokens

YEAR_S = 366 * 86_400
TABS = ("display", "tokens", "people", "roles")


async def settings(asked: Asked) -> web.StreamResponse:
    """`/settings`."""
    return await _page(asked)


async def _page(asked: Asked, *, tab: str = "", made: str = "", name: str = "") -> web.StreamResponse:
    place, who = asked.desk.place, asked.who
    manages = who.may(Right.MANAGE)
    seen = [tab for tab in TABS if tab != "people" or manages]
    tab = tab or asked.request.query.get("tab", "display")
    shown: dict[str, Any] = {"tokens": (), "people": (), "sessions": ()}
    if tab == "tokens":
        shown["tokens"] = await tokens.list_tokens(place, who)
        shown["sessions"] = await people.list_sessions(place, who, holder=who.id)
    if tab == "people" and manages:
        shown["people"] = await people.list_people(place, who)
    return asked.page(
        "settings.html",
        here="settings",
        tab=tab if tab in seen else "display",
        tabs=seen,
        made=made,
        made_for=name,
        choices=CHOICES,
        roles=[str(role) for role in Role],
        mine=sorted(who.roles),
        matrix={str(right): [role for role in Role if right in rights_of([role])] for right in Right},
        connections=list(place.config.connections),
        **shown,
    )


async def display(asked: Asked) -> web.StreamResponse:
    """`POST /settings/display`: kept in a cookie of this browser."""
    before = display_of(asked.request)
    chosen = {name: asked.field(name) or getattr(before, name) for name in CHOICES}
    good = {name: value for name, value in chosen.items() if value in CHOICES[name]}
    to = asked.field("next")
    inside = to.startswith("/") and not to.startswith(("//", "/\\"))
    response = web.Response(status=303, headers={"Location": to if inside else "/settings"})
    asked.keep(response, COOKIE, Display(**good).text(), max_age=YEAR_S)
    return response


async def change(asked: Asked) -> web.StreamResponse:
    """`POST /settings/{what}`: one change of tokens, sessions or people, then back with what came of it."""
    what = asked.request.match_info["what"]
    tab = "people" if what.startswith("person") else "tokens"
    known = _CHANGES.get(what)
    if known is None:
        raise Misunderstood(f"there is no setting {what}")
    try:
        return await known(asked)
    except (NotAllowed, InputError) as error:
        return asked.back(f"/settings?tab={tab}", f"Not done: {error}", tone="warn")


async def _token(asked: Asked) -> web.StreamResponse:
    made = await tokens.create_token(
        asked.desk.place,
        asked.who,
        asked.field("name"),
        roles=_roles(asked),
        connections=_many(asked, "connections") or None,
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
        connections=_many(asked, "connections") or None,
        password=str(asked.sent.get("password", "")),
    )
    return asked.back("/settings?tab=people", f"{person.name} may sign in now.")


async def _person_roles(asked: Asked) -> web.StreamResponse:
    name = asked.field("name")
    version = asked.field("version")
    person = await people.change_person(
        asked.desk.place,
        asked.who,
        name,
        roles=_roles(asked),
        expected_version=int(version) if version.isdigit() else 0,
    )
    return asked.back(
        "/settings?tab=people", f"{person.name} is {', '.join(sorted(person.roles)) or 'without a role'} now."
    )


async def _person_off(asked: Asked) -> web.StreamResponse:
    off = asked.field("off") == "1"
    person = await people.disable_person(asked.desk.place, asked.who, asked.field("name"), disabled=off)
    said = f"{person.name} cannot get in any more." if off else f"{person.name} may sign in again."
    return asked.back("/settings?tab=people", said)


async def _person_link(asked: Asked) -> web.StreamResponse:
    name = asked.field("name")
    secret = await people.sign_in_link(asked.desk.place, asked.who, name=name)
    return await _page(asked, tab="people", made=f"{asked.request.url.origin()}/sign-in/link?token={secret}", name=name)


def _many(asked: Asked, name: str) -> list[str]:
    return [str(each) for each in asked.sent.getall(name, [])] if hasattr(asked.sent, "getall") else []


def _roles(asked: Asked) -> list[Role]:
    try:
        return [Role(each) for each in _many(asked, "roles")]
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
}
