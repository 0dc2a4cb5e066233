"""The Jira Cloud site as the server around it sees it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.sandbox.jira import answers
from connectors.sandbox.jira.attachment_api import AttachmentApi
from connectors.sandbox.jira.comment_api import CommentApi
from connectors.sandbox.jira.desk import Desk
from connectors.sandbox.jira.editing import Editing
from connectors.sandbox.jira.events import Events, attachment_of, comment_of, correlation_of, hook_headers
from connectors.sandbox.jira.group_api import GroupApi
from connectors.sandbox.jira.issue_api import IssueApi
from connectors.sandbox.jira.issues import Issues
from connectors.sandbox.jira.people_api import PeopleApi
from connectors.sandbox.jira.role_api import RoleApi
from connectors.sandbox.jira.search_api import SearchApi
from connectors.sandbox.jira.site_api import SiteApi
from connectors.sandbox.people import Person, basic_credentials, by_email, by_token
from connectors.sandbox.site import Delivery, Refusal, Site

_READING_POSTS = ("/search/jql", "/search/approximate-count", "/search", "/changelog/bulkfetch")


class JiraCloud:
    """Implements `site.System`."""

    name = "jira"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._issues = Issues(site)
        self._events = Events(site, self._issues)
        desk, editing = Desk(site, self._issues), Editing(site, self._issues, self._events)
        issues = (IssueApi(desk, editing), CommentApi(desk, editing), AttachmentApi(desk, editing), SearchApi(desk))
        self._parts = (*issues, RoleApi(desk), SiteApi(desk), PeopleApi(desk, self._events), GroupApi(desk))

    def routes(self) -> list[web.RouteDef]:
        """The REST API."""
        return [route for part in self._parts for route in part.routes()]

    def sign_in(self, request: web.Request) -> Person | None:
        """Basic with e-mail and token, or a bearer token. No credentials: anonymous. Wrong ones: 401 in plain text,
        or, as an
        option, anonymous too (facts.md 2.1).
        """
        authorization = request.headers.get("Authorization", "")
        if not authorization:
            return None
        given = basic_credentials(authorization)
        person = self._site.lets_in(by_email(given[0]), given[1]) if given else self._site.bearer(authorization)
        if person is not None:
            return person
        if self._site.options.bad_token_is_anonymous:
            return None
        raise Refusal(self.unauthorised())

    def actor(self, request: web.Request) -> str:
        """By the address given."""
        person = _named(request.headers.get("Authorization", ""))
        return person.actor if person else "human"

    def is_write(self, request: web.Request) -> bool:
        """All but GET and the POSTs that only read."""
        return request.method != "GET" and not (request.method == "POST" and request.path.endswith(_READING_POSTS))

    def headers(self, person: Person | None) -> Mapping[str, str]:
        """Recorded on every answer [HAR-JIRA]."""
        trace = uuid.uuid4()
        return {"X-ARequestId": str(trace), "Atl-Traceid": trace.hex, "Server": "AtlassianEdge"}

    def unauthorised(self) -> web.Response:
        """401, not JSON."""
        return answers.password_refused()

    def no_route(self, status: int) -> web.Response:
        """A path or method Jira does not have."""
        return answers.body({"message": f"null for uri: HTTP {status}", "status-code": status}, status)

    def trouble(self, status: int, retry_after_s: float | None, message: str) -> web.Response:
        """429 as Jira says it, 5xx as its proxy does, others as a refusal."""
        return answers.trouble(status, retry_after_s, message)

    def truncate(self, body: bytes) -> bytes:
        """The connection is fine and the document is not."""
        return body[: len(body) * 2 // 3]

    def count(self) -> int:
        """Issues."""
        return self._issues.count()

    def objects(self) -> list[dict[str, Any]]:
        """All issues."""
        return [
            {
                "object": "issue",
                "id": str(issue.id),
                "key": issue.key,
                "correlation": correlation_of(issue),
                "raw": self._events.raw(issue),
                "comments": [comment_of(comment, self._issues) for comment in self._issues.comments(issue.id)],
                "attachments": [attachment_of(each) for each in self._issues.attachments.of(issue.id)],
            }
            for issue in self._issues.all()
        ]

    def reset(self) -> None:
        """Forgets issues."""
        self._issues.reset()

    def hook_headers(self, delivery: Delivery, secret: str) -> dict[str, str]:
        """Jira Cloud's own."""
        return hook_headers(delivery, secret)


def _named(authorization: str) -> Person | None:
    given = basic_credentials(authorization)
    return by_email(given[0]) if given else by_token(authorization)
