"""Jenkins as a whole: sign-in by API token, troubles, and the parts put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.sandbox.jenkins.api import Api, page
from connectors.sandbox.jenkins.builds import Builds
from connectors.sandbox.jenkins.events import Events, hook_headers
from connectors.sandbox.people import Person, basic_credentials, by_name
from connectors.sandbox.site import Delivery, Refusal, Site


class Jenkins:
    """Implements `site.System`."""

    name = "jenkins"

    def __init__(self, site: Site) -> None:
        self._site, self._builds = site, Builds(site)
        self._api = Api(site, self._builds, Events(site))

    def routes(self) -> list[web.RouteDef]:
        """The JSON API."""
        return self._api.routes()

    def sign_in(self, request: web.Request) -> Person | None:
        """User and API token; a token that is not accepted is never served as anonymous."""
        given = basic_credentials(request.headers.get("Authorization", ""))
        person = self._site.lets_in(by_name(given[0]), given[1]) if given else None
        if person is None:
            raise Refusal(self.unauthorised())
        return person

    def actor(self, request: web.Request) -> str:
        """By the name given."""
        given = basic_credentials(request.headers.get("Authorization", ""))
        person = by_name(given[0]) if given else None
        return person.actor if person else "human"

    def is_write(self, request: web.Request) -> bool:
        """All but GET."""
        return request.method != "GET"

    def headers(self, person: Person | None) -> Mapping[str, str]:
        """Its version is told everywhere."""
        return {"X-Jenkins": "2.528.1", "Server": "Jetty(12.0.25)"}

    def unauthorised(self) -> web.Response:
        """401, as a page."""
        return page(401, "Invalid password/token for user")

    def no_route(self, status: int) -> web.Response:
        """A path or method it does not have."""
        return page(status, "Not found")

    def trouble(self, status: int, retry_after_s: float | None, message: str) -> web.Response:
        """Jenkins has no limits of its own: these come from what stands before it."""
        answer = page(status, message or "Oops!")
        if retry_after_s is not None:
            answer.headers["Retry-After"] = f"{retry_after_s:g}"
        return answer

    def truncate(self, body: bytes) -> bytes:
        """The connection is fine and the document is not."""
        return body[: len(body) * 2 // 3]

    def count(self) -> int:
        """Builds."""
        return self._builds.count()

    def objects(self) -> list[dict[str, Any]]:
        """All builds."""
        return [
            {
                "object": "build",
                "id": each["id"],
                "key": each["fullDisplayName"],
                "correlation": None,
                "raw": each,
                "comments": [],
            }
            for each in self._builds.all()[::-1]
        ]

    def reset(self) -> None:
        """Forgets builds."""
        self._builds.reset()

    def hook_headers(self, delivery: Delivery, secret: str) -> dict[str, str]:
        """The Notification plugin's own."""
        return hook_headers(delivery, secret)
