"""The desk's REST API, version 3, and its token endpoint."""

from __future__ import annotations

import base64
import binascii
import secrets
from datetime import datetime
from typing import Any

import orjson
from aiohttp import web

from connectors.sandbox.brambledesk import answers
from connectors.sandbox.brambledesk.events import Events
from connectors.sandbox.brambledesk.tickets import STATES, Ticket, Tickets
from connectors.sandbox.gate import signed_in
from connectors.sandbox.people import Person, by_name
from connectors.sandbox.site import Site

API = "/api/v3"
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
TOKEN_LASTS_S = 3600
_MOST = 200


class Api:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, tickets: Tickets, events: Events) -> None:
        self._site, self._tickets, self._events = site, tickets, events

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        one = API + "/tickets/{id:[0-9]+}"
        return [
            web.post(TOKEN_PATH, self.token),
            web.get(API + "/me", self.me),
            web.get(API + "/me/rights", self.rights),
            web.get(API + "/schemas/ticket", self.schema),
            web.get(API + "/tickets", self.list_tickets),
            web.post(API + "/tickets", self.create),
            web.get(API + "/tickets/deleted", self.deleted),
            web.get(one, self.read),
            web.patch(one, self.update),
            web.delete(one, self.delete),
            web.get(one + "/moves", self.moves),
            web.post(one + "/moves", self.move),
            web.get(one + "/notes", self.notes),
            web.post(one + "/notes", self.add_note),
        ]

    async def token(self, request: web.Request) -> web.Response:
        """OAuth 2 client credentials: a person's name and password are client and secret."""
        form = await request.post()
        person = by_name(str(form.get("client_id", "")))
        if form.get("grant_type") != "client_credentials":
            return answers.body({"error": "unsupported_grant_type"}, 400)
        if person is None or form.get("client_secret") != person.password:
            return answers.body({"error": "invalid_client"}, 401)
        token = f"bramble.{person.name}.{secrets.token_hex(8)}"
        with self._site.store.change():
            self._site.store.set_setting(f"token:{token}", self._site.now() + TOKEN_LASTS_S)
        return answers.body({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LASTS_S})

    async def me(self, request: web.Request) -> web.Response:
        """Who signs in."""
        person = _person(request)
        return answers.body({"name": person.full_name, "mail": person.email})

    async def rights(self, _: web.Request) -> web.Response:
        """What they may do."""
        return answers.body({"rights": ["tickets.read", "tickets.write"]})

    async def schema(self, _: web.Request) -> web.Response:
        """The fields of a ticket."""
        choices = [{"code": state} for state in STATES]
        return answers.body(
            {
                "fields": [
                    {"key": "title", "kind": "text", "required": True, "choices": []},
                    {"key": "text", "kind": "text", "required": False, "choices": []},
                    {"key": "state", "kind": "choice", "required": False, "choices": choices},
                    {"key": "urgency", "kind": "number", "required": False, "choices": []},
                    {"key": "assignee", "kind": "person", "required": False, "choices": []},
                    {"key": "tags", "kind": "texts", "required": False, "choices": []},
                ]
            }
        )

    async def list_tickets(self, request: web.Request) -> web.Response:
        """Sorted by time of change; `next` is a cursor, null at the end."""
        limit = min(int(request.query.get("limit", "50")), _MOST)
        after = request.query.get("after")
        begin = _cursor(after) if after else (0, 0)
        ref = request.query.get("external_ref")
        found = self._tickets.page(after=begin, since=_since(request), ref=ref, limit=limit)
        following = _token(found[-1][0], found[-1][1]["id"]) if len(found) == limit else None
        return answers.body({"items": [ticket for _, ticket in found], "next": following})

    async def deleted(self, request: web.Request) -> web.Response:
        """Ids."""
        return answers.body({"ids": self._tickets.gone(_since(request))})

    async def read(self, request: web.Request) -> web.Response:
        """One ticket."""
        return _ticket(self._tickets.get(request.match_info["id"]))

    async def create(self, request: web.Request) -> web.Response:
        """201 with the ticket."""
        given, person = await _json(request), _person(request)
        with self._site.store.change():
            ticket = self._tickets.create(given, person)
            self._events.created(ticket, person)
        return _ticket(ticket, 201)

    async def update(self, request: web.Request) -> web.Response:
        """Refused with 412 when `If-Match` names another revision."""
        given, person, before = await _json(request), _person(request), self._at_revision(request)
        with self._site.store.change():
            ticket = self._tickets.update(before, given, person)
            self._events.updated(before, ticket, person)
        return _ticket(ticket)

    async def delete(self, request: web.Request) -> web.Response:
        """204."""
        before, person = self._at_revision(request), _person(request)
        with self._site.store.change():
            self._tickets.delete(before)
            self._events.deleted(before, person)
        return web.Response(status=204)

    async def moves(self, request: web.Request) -> web.Response:
        """Where it can be moved now."""
        ticket = self._tickets.get(request.match_info["id"])
        return answers.body({"moves": [{"to": each} for each in STATES[ticket["state"]]]})

    async def move(self, request: web.Request) -> web.Response:
        """409 for a move that is not open, 412 as for an update."""
        given, person, before = await _json(request), _person(request), self._at_revision(request)
        with self._site.store.change():
            ticket = self._tickets.move(before, given.get("to"), person)
            self._events.updated(before, ticket, person)
        return _ticket(ticket)

    async def notes(self, request: web.Request) -> web.Response:
        """All notes."""
        return answers.body({"items": self._tickets.notes(self._tickets.get(request.match_info["id"])["id"])})

    async def add_note(self, request: web.Request) -> web.Response:
        """201 with the note."""
        given, person = await _json(request), _person(request)
        ticket = self._tickets.get(request.match_info["id"])
        with self._site.store.change():
            note = self._tickets.add_note(ticket, given, person)
            self._events.commented(self._tickets.get(str(ticket["id"])), note, person)
        return answers.body(note, 201)

    def _at_revision(self, request: web.Request) -> Ticket:
        ticket = self._tickets.get(request.match_info["id"])
        wanted = request.headers.get("If-Match")
        if wanted is not None and wanted.strip('"') != str(ticket["rev"]):
            raise answers.refused(412, f"the ticket is at revision {ticket['rev']}")
        return ticket


def _person(request: web.Request) -> Person:
    person = signed_in(request)
    assert person is not None, "every path but the token's needs somebody"
    return person


def _ticket(ticket: Ticket, status: int = 200) -> web.Response:
    return answers.body(ticket, status, {"ETag": f'"{ticket["rev"]}"'})


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        given = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise answers.refused(400, "the body is not a JSON object")
    return given


def _since(request: web.Request) -> int:
    text = request.query.get("changed_from")
    if text is None:
        return 0
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        raise answers.refused(400, "changed_from is no time") from None


def _token(changed: int, number: int) -> str:
    return base64.urlsafe_b64encode(f"{changed}:{number}".encode()).decode()


def _cursor(text: str) -> tuple[int, int]:
    try:
        changed, _, number = base64.urlsafe_b64decode(text.encode()).decode().partition(":")
        return int(changed), int(number)
    except (ValueError, binascii.Error):
        raise answers.refused(400, "after is no cursor of ours") from None
