"""The ServiceNow instance as the server around it sees it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.sandbox.people import Person, basic_credentials, by_name
from connectors.sandbox.servicenow import answers
from connectors.sandbox.servicenow.events import Events, hook_headers, journal_view
from connectors.sandbox.servicenow.oauth import PATH as OAUTH_PATH
from connectors.sandbox.servicenow.oauth import OAuth
from connectors.sandbox.servicenow.people_tables import USER
from connectors.sandbox.servicenow.query import compile_query
from connectors.sandbox.servicenow.records import Records
from connectors.sandbox.servicenow.render import Renderer
from connectors.sandbox.servicenow.table_api import TableApi, effective_method
from connectors.sandbox.servicenow.task_tables import TASK_TABLES
from connectors.sandbox.servicenow.writing import Writing
from connectors.sandbox.site import Delivery, Refusal, Site

_HOUR_S = 3600
_RATE_RULE = "2c1f8d8a87a24c0eb1de7a3a0d1f00bb"
_CANCELLED = (
    b',"error":{"message":"Transaction cancelled: maximum execution time exceeded",'
    b'"detail":"maximum execution time exceeded Check logs for error trace or enable glide.rest.debug property '
    b'to verify REST request processing"},"status":"failure"}'
)


class ServiceNow:
    """Implements `site.System`."""

    name = "servicenow"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._records = Records(site)
        renderer = Renderer(self._records)
        self._events = Events(site, self._records, renderer)
        self._api = TableApi(site, self._records, renderer, Writing(self._records, self._events))
        self._oauth = OAuth(site, self._records)
        self._spent: dict[tuple[str, int], int] = {}

    def routes(self) -> list[web.RouteDef]:
        """The Table API and the token endpoint."""
        return [*self._api.routes(), *self._oauth.routes()]

    def sign_in(self, request: web.Request) -> Person | None:
        """Basic with the user name, or a bearer token; anything else is a 401. The token endpoint asks by itself."""
        if request.path == OAUTH_PATH:
            return None
        authorization = request.headers.get("Authorization", "")
        given = basic_credentials(authorization)
        person = self._site.lets_in(by_name(given[0]), given[1]) if given else self._by_token(authorization)
        if person is None or not self._may_sign_in(person):
            raise Refusal(self.unauthorised())
        self._count_request(person)
        return person

    def _may_sign_in(self, person: Person) -> bool:
        """Neither inactive users nor those locked out can [P:servicenow.com/docs c_ManageUserSessions; M]."""
        row = self._records.get(USER, person.sys_id)
        return row is not None and row["active"] != "false" and row["locked_out"] != "true"

    def actor(self, request: web.Request) -> str:
        """By the name given."""
        authorization = request.headers.get("Authorization", "")
        given = basic_credentials(authorization)
        person = by_name(given[0]) if given else self._by_token(authorization)
        return person.actor if person else "human"

    def _by_token(self, authorization: str) -> Person | None:
        return self._site.bearer(authorization) or self._oauth.person(authorization)

    def is_write(self, request: web.Request) -> bool:
        """All but GET; a token changes no record."""
        return request.path != OAUTH_PATH and effective_method(request) != "GET"

    def headers(self, person: Person | None) -> Mapping[str, str]:
        """Recorded on every answer [HAR-SN]; the rate limit only where a rule matches."""
        headers = {"Server": "ServiceNow", "X-Transaction-ID": secrets.token_hex(6)}
        if person is not None:
            headers["X-Is-Logged-In"] = "true"
            limit = self._site.options.rate_limit_per_hour
            if limit is not None:
                reset = (int(self._site.now()) // _HOUR_S + 1) * _HOUR_S
                headers |= {
                    "X-RateLimit-Limit": str(limit),
                    "X-RateLimit-Reset": str(reset),
                    "X-RateLimit-Rule": _RATE_RULE,
                }
        return headers

    def unauthorised(self) -> web.Response:
        """401."""
        return answers.unauthorised()

    def no_route(self, status: int) -> web.Response:
        """The error envelope."""
        return answers.plain_failure(status)

    def trouble(self, status: int, retry_after_s: float | None, message: str) -> web.Response:
        """429 with its headers, or the error envelope."""
        if status == 429:
            limit = self._site.options.rate_limit_per_hour or 100
            reset = self._site.now() + (retry_after_s or 0)
            return answers.throttled(limit, retry_after_s, reset, _RATE_RULE)
        told = bool(message) and status < 500
        response = answers.failure(status, message) if told else answers.plain_failure(status)
        if retry_after_s is not None:
            response.headers["Retry-After"] = f"{retry_after_s:g}"
        return response

    def truncate(self, body: bytes) -> bytes:
        """A cancelled transaction: status 200, the rows break off, the error stands inside the body (facts.md 1.7
        [M]).
        """
        return body[: len(body) * 2 // 3] + _CANCELLED

    def count(self) -> int:
        """Incidents, requests, items, tasks, changes."""
        return sum(self._records.count(table, compile_query(table, "")) for table in TASK_TABLES)

    def objects(self) -> list[dict[str, Any]]:
        """All of these."""
        return [
            {
                "object": table.name,
                "id": row["sys_id"],
                "key": row["number"],
                "correlation": row["correlation_id"] or None,
                "raw": self._events.raw(table, row),
                "comments": [journal_view(entry) for entry in self._records.journal(row["sys_id"])],
            }
            for table in TASK_TABLES
            for row in self._records.select(table, compile_query(table, ""), limit=-1, offset=0)
        ]

    def reset(self) -> None:
        """Forgets them."""
        self._records.reset()

    def hook_headers(self, delivery: Delivery, secret: str) -> dict[str, str]:
        """Our business rule's signature."""
        return hook_headers(delivery, secret, self._site.true_now())

    def _count_request(self, person: Person) -> None:
        limit = self._site.options.rate_limit_per_hour
        if limit is None:
            return
        now = self._site.now()
        hour = int(now) // _HOUR_S
        self._spent[person.name, hour] = spent = self._spent.get((person.name, hour), 0) + 1
        if spent > limit:
            reset = (hour + 1) * _HOUR_S
            raise Refusal(answers.throttled(limit, float(int(reset - now) + 1), reset, _RATE_RULE))
