"""Salesforce as a whole: sign-in by session, the daily limit, troubles, and the parts put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.sandbox.documents import Document
from connectors.sandbox.people import PEOPLE, Person
from connectors.sandbox.salesforce import answers
from connectors.sandbox.salesforce.api import Api
from connectors.sandbox.salesforce.events import Events, comment_shown, hook_headers
from connectors.sandbox.salesforce.objects import Objects, user_id
from connectors.sandbox.salesforce.people import REVOKE, People, users
from connectors.sandbox.salesforce.schema import KEY
from connectors.sandbox.salesforce.sessions import Sessions
from connectors.sandbox.site import Delivery, Refusal, Site

TOKENS = "/services/oauth2/token"
_SHOWN = ("Account", "Contact", "Case")


class Salesforce:
    """Implements `site.System`."""

    name = "salesforce"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._objects = Objects(site)
        self._sessions = Sessions(site, self._objects)
        self._people = People(site, self._objects)
        self._api = Api(site, self._objects, Events(site, self._objects), self._people)
        self._calls = 0
        if not self._objects.all("User"):
            with site.store.change():
                self._found()

    def _found(self) -> None:
        for kind, document in users():
            self._objects.found(kind, document)

    def routes(self) -> list[web.RouteDef]:
        """Tokens and the REST API."""
        return [web.post(TOKENS, self._sessions.give), *self._people.routes(), *self._api.routes()]

    def sign_in(self, request: web.Request) -> Person | None:
        """A session; and the day's limit, which is a 403 (facts.md 5.1 [M])."""
        if request.path in (TOKENS, REVOKE):
            return None
        person = self._sessions.who(request.headers.get("Authorization", ""))
        if person is None or not self._people.is_active(person):
            raise Refusal(self.unauthorised())
        self._calls += 1
        if self._calls > self._site.options.api_calls_per_day:
            raise answers.refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        return person

    def actor(self, request: web.Request) -> str:
        """By the session given."""
        return self._sessions.actor(request.headers.get("Authorization", ""))

    def is_write(self, request: web.Request) -> bool:
        """All but GET and tokens."""
        return request.method != "GET" and request.path != TOKENS

    def headers(self, person: Person | None) -> Mapping[str, str]:
        """How much of the day's limit is used [HAR-SF]."""
        used = f"api-usage={self._calls}/{self._site.options.api_calls_per_day}"
        return {"Server": "sfdcedge"} | ({"Sforce-Limit-Info": used} if person else {})

    def unauthorised(self) -> web.Response:
        """401 as recorded."""
        return answers.expired()

    def no_route(self, status: int) -> web.Response:
        """A path or method it does not have."""
        return answers.error(status, "NOT_FOUND", "The requested resource does not exist")

    def trouble(self, status: int, retry_after_s: float | None, message: str) -> web.Response:
        """429 or 5xx, or a refusal."""
        return answers.trouble(status, retry_after_s, message)

    def truncate(self, body: bytes) -> bytes:
        """The connection is fine and the document is not."""
        return body[: len(body) * 2 // 3]

    def count(self) -> int:
        """Accounts, contacts and cases."""
        return sum(len(self._objects.all(kind)) for kind in _SHOWN)

    def objects(self) -> list[dict[str, Any]]:
        """Accounts, contacts, and cases with their comments."""
        return [self._shown(kind, document) for kind in _SHOWN for document in self._objects.all(kind)]

    def reset(self) -> None:
        """Forgets objects, and sessions with them; users are there again."""
        self._objects.reset()
        self._found()

    def hook_headers(self, delivery: Delivery, secret: str) -> dict[str, str]:
        """The relay's own."""
        return hook_headers(delivery, secret)

    def _shown(self, kind: str, document: Document) -> dict[str, Any]:
        people = {user_id(person): person for person in PEOPLE}
        comments = [each for each in self._objects.all("CaseComment") if each["ParentId"] == document["Id"]]
        return {
            "object": kind.lower(),
            "id": document["Id"],
            "key": document.get("CaseNumber") or document.get("Name") or "",
            "correlation": document[KEY],
            "raw": {name: each for name, each in document.items() if name != KEY} | self._objects.named(kind, document),
            "comments": [comment_shown(each, people.get(each["CreatedById"])) for each in comments],
        }
