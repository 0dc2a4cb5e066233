"""Brambledesk as a whole: sign-in, headers, troubles, and the parts put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.sandbox.brambledesk import answers
from connectors.sandbox.brambledesk.api import API, TOKEN_PATH, Api
from connectors.sandbox.brambledesk.events import Events, hook_headers, note_view
from connectors.sandbox.brambledesk.tickets import Tickets
from connectors.sandbox.people import Person, basic_credentials, by_email, by_name
from connectors.sandbox.site import Delivery, Refusal, Site


class Brambledesk:
    """Implements `site.System`."""

    name = "brambledesk"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._tickets = Tickets(site)
        self._api = Api(site, self._tickets, Events(site))

    def routes(self) -> list[web.RouteDef]:
        """The API."""
        return self._api.routes()

    def sign_in(self, request: web.Request) -> Person | None:
        """A token of the token endpoint; people also by name and password."""
        if request.path == TOKEN_PATH:
            return None
        person = self._known(request)
        if person is None:
            raise Refusal(self.unauthorised())
        return person

    def _known(self, request: web.Request) -> Person | None:
        authorization = request.headers.get("Authorization", "")
        given = basic_credentials(authorization)
        if given is not None:
            person = by_name(given[0])
            return person if person is not None and given[1] == person.password else None
        token = authorization.removeprefix("Bearer ")
        until = self._site.store.setting(f"token:{token}")
        return _named(authorization) if until is not None and until > self._site.now() else None

    def actor(self, request: web.Request) -> str:
        """By the name given."""
        if request.path == TOKEN_PATH:
            return "gateway"
        person = _named(request.headers.get("Authorization", ""))
        return person.actor if person else "human"

    def is_write(self, request: web.Request) -> bool:
        """All but GET; asking for a token changes nothing that anybody sees."""
        return request.method != "GET" and request.path.startswith(API)

    def headers(self, person: Person | None) -> Mapping[str, str]:
        """Nothing of its own."""
        return {"Server": "bramble"}

    def unauthorised(self) -> web.Response:
        """401."""
        return answers.trouble(401, None, "sign in first")

    def no_route(self, status: int) -> web.Response:
        """A path or method the desk does not have."""
        return answers.trouble(status, None, "there is nothing here")

    def trouble(self, status: int, retry_after_s: float | None, message: str) -> web.Response:
        """429 or 5xx, or a refusal."""
        return answers.trouble(status, retry_after_s, message)

    def truncate(self, body: bytes) -> bytes:
        """The connection is fine and the document is not."""
        return body[: len(body) * 2 // 3]

    def count(self) -> int:
        """Tickets."""
        return self._tickets.count()

    def objects(self) -> list[dict[str, Any]]:
        """All tickets."""
        return [
            {
                "object": "ticket",
                "id": str(ticket["id"]),
                "key": ticket["number"],
                "correlation": ticket["external_ref"] or None,
                "raw": {name: value for name, value in ticket.items() if name != "external_ref"},
                "comments": [_shown(note) for note in self._tickets.notes(ticket["id"])],
            }
            for ticket in self._tickets.all()
        ]

    def reset(self) -> None:
        """Forgets tickets."""
        self._tickets.reset()

    def hook_headers(self, delivery: Delivery, secret: str) -> dict[str, str]:
        """Signed with the time."""
        return hook_headers(delivery, secret)


def _named(authorization: str) -> Person | None:
    given = basic_credentials(authorization)
    if given is not None:
        return by_name(given[0])
    scheme, _, rest = authorization.removeprefix("Bearer ").partition(".")
    return by_name(rest.partition(".")[0]) if scheme == "bramble" else None


def _shown(note: Mapping[str, Any]) -> dict[str, Any]:
    return note_view(note, by_email(note["by"]["mail"]))
