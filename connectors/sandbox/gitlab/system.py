"""GitLab as a whole: sign-in by token, headers, troubles, and the parts put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.sandbox.documents import Documents
from connectors.sandbox.gitlab import answers
from connectors.sandbox.gitlab.administering import Administering
from connectors.sandbox.gitlab.api import Api
from connectors.sandbox.gitlab.building import Building, objects
from connectors.sandbox.gitlab.events import Events, correlation_of, hook_headers, note_view, raw
from connectors.sandbox.gitlab.issues import Issues
from connectors.sandbox.gitlab.merging import Merging
from connectors.sandbox.people import Person, by_name, by_token
from connectors.sandbox.site import Delivery, Refusal, Site

_KINDS = ("merge_request", "pipeline", "deployment")


class GitLab:
    """Implements `site.System`."""

    name = "gitlab"

    def __init__(self, site: Site) -> None:
        self._issues, self._documents, events = Issues(site), Documents(site.store), Events(site)
        self._api = Api(site, self._issues, events)
        self._merging = Merging(site, self._documents, events)
        self._building = Building(site, self._documents, events)
        self._administering = Administering(site, self._documents)

    def routes(self) -> list[web.RouteDef]:
        """REST v4."""
        return [
            *self._api.routes(),
            *self._merging.routes(),
            *self._building.routes(),
            *self._administering.routes(),
        ]

    def sign_in(self, request: web.Request) -> Person | None:
        """`PRIVATE-TOKEN`, or a bearer token (facts.md 3.2 [M])."""
        person = _known(request)
        if person is None or not self._administering.lets_in(person):
            raise Refusal(self.unauthorised())
        return person

    def actor(self, request: web.Request) -> str:
        """By the token given."""
        person = _known(request)
        return person.actor if person else "human"

    def is_write(self, request: web.Request) -> bool:
        """All but GET."""
        return request.method != "GET"

    def headers(self, person: Person | None) -> Mapping[str, str]:
        """Recorded on every answer [HAR-GL]."""
        return {"Server": "nginx", "RateLimit-Limit": "2000", "RateLimit-Remaining": "1990"}

    def unauthorised(self) -> web.Response:
        """401."""
        return answers.body({"message": "401 Unauthorized"}, 401)

    def no_route(self, status: int) -> web.Response:
        """A path or method it does not have."""
        return answers.body({"error": f"{status} Not Found"}, status)

    def trouble(self, status: int, retry_after_s: float | None, message: str) -> web.Response:
        """429 or 5xx, or a refusal."""
        return answers.trouble(status, retry_after_s, message)

    def truncate(self, body: bytes) -> bytes:
        """The connection is fine and the document is not."""
        return body[: len(body) * 2 // 3]

    def count(self) -> int:
        """Issues, and what is proposed, built and deployed."""
        return self._issues.count() + sum(len(self._documents.all(kind)) for kind in _KINDS)

    def objects(self) -> list[dict[str, Any]]:
        """All of them."""
        return [*self._listed(), *objects(self._documents, _KINDS)]

    def _listed(self) -> list[dict[str, Any]]:
        return [
            {
                "object": "issue",
                "id": str(issue["iid"]),
                "key": issue["references"]["full"],
                "correlation": correlation_of(issue),
                "raw": raw(issue),
                "comments": [_shown(note) for note in self._issues.notes(issue["iid"])],
            }
            for issue in self._issues.all()
        ]

    def reset(self) -> None:
        """Forgets everything but who belongs to the project."""
        self._issues.reset()
        self._documents.reset()
        self._merging.found()

    def hook_headers(self, delivery: Delivery, secret: str) -> dict[str, str]:
        """GitLab's own."""
        return hook_headers(delivery, secret)


def _known(request: web.Request) -> Person | None:
    private = request.headers.get("PRIVATE-TOKEN")
    return by_token(f"Bearer {private}" if private else request.headers.get("Authorization", ""))


def _shown(note: Mapping[str, Any]) -> dict[str, Any]:
    return note_view(note, by_name(note["author"]["username"]))
