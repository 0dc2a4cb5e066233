"""`/rest/api/3/search/...`: bounded JQL, token paging, an index that may lag (facts.md 2.2 [OAS-JIRA])."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.sandbox.gate import signed_in
from connectors.sandbox.jira import answers
from connectors.sandbox.jira.catalog import PROJECTS, may_see
from connectors.sandbox.jira.conditions import JqlError
from connectors.sandbox.jira.desk import Desk, payload_of, words
from connectors.sandbox.jira.jql import Query, compile_jql
from connectors.sandbox.jira.render import Renderer, Wanted

_FULL_PAGE, _THIN_PAGE = 100, 5000
_MAX_RECONCILED = 50
_UNBOUNDED = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
_GONE = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration "
    "guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)


class SearchApi:
    """Handlers of search."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/rest/api/3/search/jql", self.by_query),
            web.post("/rest/api/3/search/jql", self.by_body),
            web.post("/rest/api/3/search/approximate-count", self.count),
            web.get("/rest/api/3/search", self.gone),
            web.post("/rest/api/3/search", self.gone),
        ]

    async def by_query(self, request: web.Request) -> web.Response:
        """The parameters in the URL."""
        given: dict[str, Any] = {
            "jql": request.query.get("jql", ""),
            "nextPageToken": request.query.get("nextPageToken"),
            "fields": words(request, "fields"),
            "properties": words(request, "properties"),
            "expand": request.query.get("expand", ""),
            "reconcileIssues": words(request, "reconcileIssues"),
            "maxResults": request.query.get("maxResults", "50"),
        }
        return self._search(request, given)

    async def by_body(self, request: web.Request) -> web.Response:
        """The same in a body."""
        return self._search(request, await payload_of(request))

    async def count(self, request: web.Request) -> web.Response:
        """How many issues match, about."""
        query = self._compile(request, str((await payload_of(request)).get("jql") or ""))
        return answers.body({"count": len(self._rows(request, query, 0, -1))})

    async def gone(self, request: web.Request) -> web.Response:
        """The old search is gone from Cloud (facts.md 2.2)."""
        raise answers.refused(_GONE, status=410)

    def _search(self, request: web.Request, given: Mapping[str, Any]) -> web.Response:
        query = self._compile(request, str(given.get("jql") or ""))
        self._refresh(given.get("reconcileIssues") or [])
        fields = given.get("fields") or []
        size, start = _size(given, fields), _start(given.get("nextPageToken"))
        # The token is a position: issues that are updated while somebody pages by time move, and rows shift (facts.md
        # 2.2).
        rows = self._rows(request, query, start, size + 1)
        render = self._desk.renderer(request)
        found = [self._show(render, number, given) for number in rows[:size]]
        shown: dict[str, Any] = {"issues": [issue for issue in found if issue is not None]}
        more = len(rows) > size
        if more:
            shown["nextPageToken"] = base64.urlsafe_b64encode(f"at {start + size}".encode()).decode()
        return answers.body(shown | {"isLast": not more})

    def _compile(self, request: web.Request, jql: str) -> Query:
        try:
            query = compile_jql(jql, person=signed_in(request), now_ms=self._desk.issues.now_ms())
        except JqlError as error:
            # Recorded: `warningMessages` stands where other refusals have `errors` (facts.md 2.2 [HAR-JIRA]).
            raise _refused(str(error)) from error
        if not query.bounded:
            raise _refused(_UNBOUNDED)
        return query

    def _rows(self, request: web.Request, query: Query, start: int, size: int) -> list[int]:
        """Ids of the issues that match and that the asker may see."""
        seen = [project for project in PROJECTS if may_see(signed_in(request), project)]
        where = f"{query.where} AND project IN ({', '.join('?' * len(seen))})"
        sql = f"SELECT id FROM found WHERE {where} ORDER BY {query.order} LIMIT ? OFFSET ?"
        return [row[0] for row in self._desk.site.store.rows(sql, *query.values, *seen, size, start)]

    def _refresh(self, reconcile: Any) -> None:
        if not self._desk.issues.index.is_stale():
            return
        if not isinstance(reconcile, list) or len(reconcile) > _MAX_RECONCILED:
            raise answers.refused(f"reconcileIssues takes at most {_MAX_RECONCILED} issue ids.")
        at_once = [int(number) for number in reconcile if str(number).isdecimal()]
        with self._desk.site.store.change():
            self._desk.issues.index.refresh(at_once)

    def _show(self, render: Renderer, number: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """Only the id unless fields are asked for; None for an issue the index still has and the site no longer."""
        issue = self._desk.issues.get(str(number))
        if issue is None:
            return None
        fields = given.get("fields") or []
        expand = [word.strip() for word in str(given.get("expand") or "").split(",")]
        if not set(fields) - {"id"} and not expand[0]:
            return {"id": str(number)}
        shown = render.issue(issue, Wanted(fields), expand)
        wanted = given.get("properties") or []
        if wanted:
            found = self._desk.issues.properties("issue", number)
            shown["properties"] = {key: value for key, value in found.items() if key in wanted or "*all" in wanted}
        return shown


def _refused(message: str) -> Exception:
    refusal = answers.refused(message)
    refusal.response = answers.body({"errorMessages": [message], "warningMessages": []}, 400)
    return refusal


def _size(given: Mapping[str, Any], fields: Any) -> int:
    text = str(given.get("maxResults", 50))
    if not text.isdecimal() or not int(text):
        raise answers.refused("maxResults must be a positive whole number.")
    return min(int(text), _FULL_PAGE if set(fields) - {"id", "key"} else _THIN_PAGE)


def _start(token: Any) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(str(token)).decode().removeprefix("at "))
    except (binascii.Error, ValueError):
        raise answers.refused("The provided next page token is invalid.") from None
