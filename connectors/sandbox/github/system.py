"""GitHub as a whole: sign-in by token, headers, troubles, and the parts put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.sandbox.github import answers
from connectors.sandbox.github.assigning import Assigning
from connectors.sandbox.github.belonging import Belonging
from connectors.sandbox.github.calls import REPO_PATH, known_repository, person_of
from connectors.sandbox.github.commits import Commits
from connectors.sandbox.github.deployments import Deployments
from connectors.sandbox.github.events import Events, correlation_of, hook_headers, names, note_view
from connectors.sandbox.github.issues import Issues
from connectors.sandbox.github.keys import Keys
from connectors.sandbox.github.members import Members
from connectors.sandbox.github.pulls import Pulls
from connectors.sandbox.github.runs import Runs
from connectors.sandbox.github.things import Thing, Things
from connectors.sandbox.github.views import full_repository, profile
from connectors.sandbox.people import Person, by_name, by_token
from connectors.sandbox.site import Delivery, Refusal, Site

_PLAIN = ("deployment", "workflow_run", "pull_request", "commit")
_KEYS: Mapping[str, str] = {"pull_request": "number", "commit": "sha"}
_NEWEST: Mapping[str, str] = {"deployment": "deployment_status", "commit": "status"}


class GitHub:
    """Implements `site.System`."""

    name = "github"

    def __init__(self, site: Site) -> None:
        site.hooks_repeat = False  # facts.md 3.1 [M]: no delivery is repeated by itself
        self._site, self._things = site, Things(site)
        events = Events(site)
        self._members = Members(site, self._things, events)
        parts = (Issues, Commits, Deployments, Runs, Pulls, Assigning)
        self._routes = [route for part in parts for route in part(site, self._things, events).routes()]
        self._routes += [*Belonging(site, self._things).routes(), *Keys(site, self._things).routes()]

    def routes(self) -> list[web.RouteDef]:
        """REST."""
        own = [web.get("/user", self._user), web.get(REPO_PATH, self._repository)]
        return [*own, *self._members.routes(), *self._routes]

    async def _user(self, request: web.Request) -> web.Response:
        return answers.body(profile(person_of(request)))

    async def _repository(self, request: web.Request) -> web.Response:
        known_repository(request)
        return answers.body(full_repository())

    def sign_in(self, request: web.Request) -> Person | None:
        """A token, as `Bearer`."""
        person = self._site.bearer(request.headers.get("Authorization", ""))
        if person is None:
            raise Refusal(self.unauthorised())
        return person

    def actor(self, request: web.Request) -> str:
        """By the token given."""
        person = by_token(request.headers.get("Authorization", ""))
        return person.actor if person else "human"

    def is_write(self, request: web.Request) -> bool:
        """All but GET."""
        return request.method != "GET"

    def headers(self, person: Person | None) -> Mapping[str, str]:
        """Limits are told with every answer (facts.md 3.1 [GHD])."""
        reset = int(self._site.now()) // 3600 * 3600 + 3600
        limits = {"Limit": "5000", "Remaining": "4990", "Used": "10", "Reset": str(reset), "Resource": "core"}
        return {"Server": "github.com", **{f"X-RateLimit-{name}": text for name, text in limits.items()}}

    def unauthorised(self) -> web.Response:
        """401."""
        return answers.refused(401, "Bad credentials").response

    def no_route(self, status: int) -> web.Response:
        """A path or method it does not have."""
        return answers.refused(404, "Not Found").response

    def trouble(self, status: int, retry_after_s: float | None, message: str) -> web.Response:
        """403, 429 or 5xx, or a refusal."""
        return answers.trouble(status, retry_after_s, message)

    def truncate(self, body: bytes) -> bytes:
        """The connection is fine and the document is not."""
        return body[: len(body) * 2 // 3]

    def count(self) -> int:
        """Issues, and what is built and deployed."""
        return sum(self._things.count(kind) for kind in ("issue", *_PLAIN))

    def objects(self) -> list[dict[str, Any]]:
        """All of them, as a connector's `raw` has them."""
        return [
            *map(self._issue, self._things.all("issue")[::-1]),
            *(each for kind in _PLAIN for each in self._of(kind)),
        ]

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [self._shown(kind, each) for each in self._things.all(kind)[::-1]]

    def _shown(self, kind: str, thing: Thing) -> dict[str, Any]:
        id, statuses = str(thing[_KEYS.get(kind, "id")]), _NEWEST.get(kind)
        newest = {"status": next(iter(self._things.all(statuses, id)), None)} if statuses else {}
        return {"object": kind, "id": id, "key": id, "correlation": None, "raw": {**thing, **newest}, "comments": []}

    def _issue(self, issue: Thing) -> dict[str, Any]:
        number = str(issue["number"])
        notes = self._things.all("comment", number)[::-1]
        return {
            "object": "issue",
            "id": number,
            "key": number,
            "correlation": correlation_of(issue),
            "raw": {**issue, "labels": names(issue)},
            "comments": [note_view(each, by_name(each["user"]["login"])) for each in notes],
        }

    def reset(self) -> None:
        """Forgets everything but who belongs to the organisation."""
        self._things.reset()
        self._members.found()

    def hook_headers(self, delivery: Delivery, secret: str) -> dict[str, str]:
        """GitHub's own."""
        return hook_headers(delivery, secret)
