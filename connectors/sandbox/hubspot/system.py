"""HubSpot as a whole: sign-in by token, the window of ten seconds, troubles, and the parts put together."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.sandbox.hubspot import answers
from connectors.sandbox.hubspot.api import Api
from connectors.sandbox.hubspot.events import Events, hook_headers
from connectors.sandbox.hubspot.objects import KEY, KINDS, Objects
from connectors.sandbox.hubspot.users import Users
from connectors.sandbox.people import Person, by_token
from connectors.sandbox.site import Delivery, Refusal, Site

WINDOW_S = 10.0
A_DAY = 250_000


class HubSpot:
    """Implements `site.System`."""

    name = "hubspot"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._objects = Objects(site)
        self._api = Api(site, self._objects, Events(site))
        self._users = Users(site)
        self._calls: deque[float] = deque()
        self._today = 0

    def routes(self) -> list[web.RouteDef]:
        """CRM objects and properties, owners and users."""
        return [*self._api.routes(), *self._users.routes()]

    def sign_in(self, request: web.Request) -> Person | None:
        """A private app's token; and the window, which searches do not count into [OAS-HS]."""
        person = self._site.bearer(request.headers.get("Authorization", ""))
        if person is None:
            raise Refusal(self.unauthorised())
        self._today += 1
        if request.path.endswith("/search"):
            return person
        now, most = self._site.true_now(), self._site.options.calls_per_ten_s
        while self._calls and self._calls[0] <= now - WINDOW_S:
            self._calls.popleft()
        if most is not None and len(self._calls) >= most:
            raise Refusal(answers.too_much("TEN_SECONDLY_ROLLING"))
        self._calls.append(now)
        return person

    def actor(self, request: web.Request) -> str:
        """By the token given."""
        person = by_token(request.headers.get("Authorization", ""))
        return person.actor if person else "human"

    def is_write(self, request: web.Request) -> bool:
        """All but GET and searches."""
        return request.method != "GET" and not request.path.endswith("/search")

    def headers(self, person: Person | None) -> Mapping[str, str]:
        """As recorded [HAR-HS], with the day's."""
        most = self._site.options.calls_per_ten_s or 100
        return {
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(max(0, most - len(self._calls))),
            "X-HubSpot-RateLimit-Secondly": "10",
            "X-HubSpot-RateLimit-Secondly-Remaining": "9",
            "X-HubSpot-RateLimit-Daily": str(A_DAY),
            "X-HubSpot-RateLimit-Daily-Remaining": str(A_DAY - self._today),
        }

    def unauthorised(self) -> web.Response:
        """401."""
        said = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
        return answers.body(answers.error_body(401, said), 401)

    def no_route(self, status: int) -> web.Response:
        """A path or method it does not have."""
        return answers.body(answers.error_body(404, "resource not found"), status)

    def trouble(self, status: int, retry_after_s: float | None, message: str) -> web.Response:
        """429, 423, 477, 5xx, or a refusal."""
        return answers.trouble(status, retry_after_s, message)

    def truncate(self, body: bytes) -> bytes:
        """The connection is fine and the document is not."""
        return body[: len(body) * 2 // 3]

    def count(self) -> int:
        """Objects of all kinds."""
        return sum(len(self._objects.all(kind)) for kind in KINDS)

    def objects(self) -> list[dict[str, Any]]:
        """All objects."""
        return [
            {
                "object": KINDS[kind].singular,
                "id": document["id"],
                "key": "",
                "correlation": document["properties"].get(KEY),
                "raw": {"properties": {name: v for name, v in document["properties"].items() if name != KEY}},
                "comments": [],
            }
            for kind in KINDS
            for document in self._objects.all(kind)
        ]

    def reset(self) -> None:
        """Forgets objects."""
        self._objects.reset()

    def hook_headers(self, delivery: Delivery, secret: str) -> dict[str, str]:
        """Signature v3, at the time of the attempt."""
        return hook_headers(delivery, secret, self._site.now())
