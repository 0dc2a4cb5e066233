"""BambooHR as a whole: sign-in by key, troubles, and the parts put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.sandbox.bamboohr import answers
from connectors.sandbox.bamboohr.api import Api
from connectors.sandbox.bamboohr.employees import Employees
from connectors.sandbox.bamboohr.events import Events, hook_headers
from connectors.sandbox.people import PEOPLE, Person, basic_credentials
from connectors.sandbox.site import Delivery, Refusal, Site


class BambooHr:
    """Implements `site.System`."""

    name = "bamboohr"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._employees = Employees(site)
        self._api = Api(site, self._employees, Events(site))

    def routes(self) -> list[web.RouteDef]:
        """The API, and one button of the web page."""
        return self._api.routes()

    def sign_in(self, request: web.Request) -> Person | None:
        """The key is the user name; the password is not looked at (facts.md 4.1 [M])."""
        person = self._known(request)
        if person is None:
            raise Refusal(self.unauthorised())
        return person

    def actor(self, request: web.Request) -> str:
        """By the key given."""
        key = (basic_credentials(request.headers.get("Authorization", "")) or ("", ""))[0]
        return next((person.actor for person in PEOPLE if person.password == key), "human")

    def is_write(self, request: web.Request) -> bool:
        """All posts but reports."""
        return request.method != "GET" and not request.path.endswith("/reports/custom")

    def headers(self, person: Person | None) -> Mapping[str, str]:
        """Nothing of interest."""
        return {"Server": "nginx"}

    def unauthorised(self) -> web.Response:
        """401 as recorded."""
        realm = {"WWW-Authenticate": 'Basic realm="https://api.bamboohr.com/lockstep"'}
        return answers.empty(401, "API key not provided or invalid", realm)

    def no_route(self, status: int) -> web.Response:
        """A path or method it does not have."""
        return answers.empty(status, "Not found")

    def trouble(self, status: int, retry_after_s: float | None, message: str) -> web.Response:
        """Too much is a 429 or a 503 with Retry-After [M]."""
        headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
        return answers.empty(status, message or f"{status}", headers)

    def truncate(self, body: bytes) -> bytes:
        """The connection is fine and the document is not."""
        return body[: len(body) * 2 // 3]

    def count(self) -> int:
        """Employees."""
        return self._employees.count()

    def objects(self) -> list[dict[str, Any]]:
        """All employees."""
        return [
            {
                "object": "employee",
                "id": employee["id"],
                "key": employee["employeeNumber"] or "",
                "correlation": None,
                "raw": employee,
                "comments": [],
            }
            for employee in map(self._employees.shown, self._employees.all())
        ]

    def reset(self) -> None:
        """Forgets employees."""
        self._employees.reset()

    def hook_headers(self, delivery: Delivery, secret: str) -> dict[str, str]:
        """Signed at the time of the attempt."""
        return hook_headers(delivery, secret, self._site.now())

    def _known(self, request: web.Request) -> Person | None:
        key = (basic_credentials(request.headers.get("Authorization", "")) or ("", ""))[0]
        return next((person for person in PEOPLE if self._site.lets_in(person, key)), None)
