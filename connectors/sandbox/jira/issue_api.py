"""`/rest/api/3/issue...`: issues, transitions, changelogs, properties (facts.md 2.3, 2.4 [OAS-JIRA])."""

from __future__ import annotations

import orjson
from aiohttp import web

from connectors.sandbox.jira import answers, catalog
from connectors.sandbox.jira.catalog import may_see
from connectors.sandbox.jira.desk import MALFORMED, Desk, page, page_bean, payload_of, person_of, words, write_of
from connectors.sandbox.jira.editing import Editing
from connectors.sandbox.jira.render import Wanted

_PREFIX = "/rest/api/3"
_PROPERTY_LIMIT = 32_768


class IssueApi:
    """Handlers; each does its work between two awaits."""

    def __init__(self, desk: Desk, editing: Editing) -> None:
        self._desk, self._editing = desk, editing

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        issue = f"{_PREFIX}/issue/{{issue}}"
        return [
            web.post(f"{_PREFIX}/issue", self.create),
            web.get(issue, self.read),
            web.put(issue, self.edit),
            web.delete(issue, self.delete),
            web.put(f"{issue}/assignee", self.assign),
            web.get(f"{issue}/transitions", self.transitions),
            web.post(f"{issue}/transitions", self.move),
            web.get(f"{issue}/changelog", self.changelog),
            web.post(f"{_PREFIX}/changelog/bulkfetch", self.changelogs),
            web.get(f"{issue}/properties", self.property_keys),
            web.get(f"{issue}/properties/{{key}}", self.read_property),
            web.put(f"{issue}/properties/{{key}}", self.write_property),
            web.delete(f"{issue}/properties/{{key}}", self.remove_property),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """201 with id and key; a `transition` in the body is taken at once."""
        payload, person = await write_of(request), person_of(request)
        with self._desk.site.store.change():
            issue = self._editing.create(payload, person)
            link = self._desk.renderer(request).url(f"issue/{issue.id}")
            shown: dict[str, object] = {"id": str(issue.id), "key": issue.key, "self": link}
            if payload.get("transition"):
                self._editing.move(issue, {"transition": payload["transition"]}, person)
                shown["transition"] = {"status": 204, "errorCollection": {"errorMessages": [], "errors": {}}}
        return answers.body(shown, 201)

    async def read(self, request: web.Request) -> web.Response:
        """All fields unless told otherwise."""
        issue = self._desk.issue(request)
        expand = words(request, "expand")
        shown = self._desk.renderer(request).issue(issue, Wanted(words(request, "fields") or ["*all"]), expand)
        wanted = words(request, "properties")
        if wanted:
            found = self._desk.issues.properties("issue", issue.id)
            shown["properties"] = {key: value for key, value in found.items() if "*all" in wanted or key in wanted}
        return answers.body(shown)

    async def edit(self, request: web.Request) -> web.Response:
        """204, or 200 with the issue if `returnIssue`. A transition in the body is ignored (facts.md 2.3)."""
        payload, person = await write_of(request), person_of(request)
        issue = self._editing.edit(self._desk.issue(request), payload, person)
        if request.query.get("returnIssue") == "true":
            return answers.body(self._desk.renderer(request).issue(issue, Wanted(["*all"]), words(request, "expand")))
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        """204."""
        self._editing.delete(self._desk.issue(request), person_of(request))
        return web.Response(status=204)

    async def assign(self, request: web.Request) -> web.Response:
        """204."""
        payload, person = await write_of(request), person_of(request)
        self._editing.assign(self._desk.issue(request), payload, person)
        return web.Response(status=204)

    async def transitions(self, request: web.Request) -> web.Response:
        """Those open now, with their screens if `expand=transitions.fields`."""
        issue = self._desk.issue(request)
        render = self._desk.renderer(request)
        wanted = request.query.get("transitionId")
        screens = "transitions.fields" in words(request, "expand")
        moves = catalog.transitions_from(issue.fields["status"])
        shown = [render.transition(move, fields=screens) for move in moves if wanted in (None, move.id)]
        return answers.body({"expand": "transitions", "transitions": shown})

    async def move(self, request: web.Request) -> web.Response:
        """204. Whoever may not see the issue gets a 404 without a body [HAR-JIRA]."""
        payload, person = await write_of(request), person_of(request)
        issue = self._desk.issues.get(request.match_info["issue"])
        if issue is None or not may_see(person, issue.project):
            return web.Response(status=404, headers={"Content-Type": answers.CONTENT_TYPE})
        self._editing.move(issue, payload, person)
        return web.Response(status=204)

    async def changelog(self, request: web.Request) -> web.Response:
        """Oldest first, paged."""
        issue = self._desk.issue(request)
        start, size = page(request, default=100, cap=100)
        render = self._desk.renderer(request)
        values = [render.history(entry) for entry in self._desk.issues.histories(issue.id, start=start, limit=size)]
        total = self._desk.issues.count_histories(issue.id)
        base = self._desk.site.base_url
        return answers.body(page_bean(request, base, values, start=start, size=size, total=total))

    async def changelogs(self, request: web.Request) -> web.Response:
        """Of up to 1000 issues at once, oldest first; issues one may not see are left out."""
        payload, person = await payload_of(request), person_of(request)
        wanted, only = payload.get("issueIdsOrKeys") or [], payload.get("fieldIds") or []
        lists = isinstance(wanted, list) and isinstance(only, list)
        if not lists or not 1 <= len(wanted) <= 1000 or len(only) > 10:
            raise answers.refused("issueIdsOrKeys needs 1 to 1000 entries, fieldIds at most 10.")
        size, token = payload.get("maxResults") or 1000, str(payload.get("nextPageToken") or "0")
        if not token.isdecimal() or not isinstance(size, int):
            raise answers.refused("maxResults or nextPageToken is invalid.")
        issues = [issue for name in dict.fromkeys(map(str, wanted)) if (issue := self._desk.issues.get(name))]
        entries = [
            entry
            for issue in issues
            if may_see(person, issue.project)
            for entry in self._desk.issues.histories(issue.id)
            if not only or any(item["fieldId"] in only for item in entry.items)
        ]
        start = int(token)
        render = self._desk.renderer(request)
        logs: dict[int, list[object]] = {}
        for entry in entries[start : start + size]:
            logs.setdefault(entry.issue, []).append(render.history(entry))
        shown: dict[str, object] = {
            "issueChangeLogs": [{"issueId": str(number), "changeHistories": found} for number, found in logs.items()]
        }
        if start + size < len(entries):
            shown["nextPageToken"] = str(start + size)
        return answers.body(shown)

    async def property_keys(self, request: web.Request) -> web.Response:
        """Keys and where to read them."""
        issue = self._desk.issue(request)
        link = self._desk.renderer(request).url(f"issue/{issue.id}/properties")
        found = self._desk.issues.properties("issue", issue.id)
        return answers.body({"keys": [{"self": f"{link}/{key}", "key": key} for key in found]})

    async def read_property(self, request: web.Request) -> web.Response:
        """200, 404."""
        return answers.body(read_property(self._desk, request, "issue", self._desk.issue(request).id))

    async def write_property(self, request: web.Request) -> web.Response:
        """201 for a new one, else 200."""
        value, person = await property_value(request), person_of(request)
        new = self._editing.set_property(self._desk.issue(request), request.match_info["key"], value, person)
        return answers.body({}, 201 if new else 200)

    async def remove_property(self, request: web.Request) -> web.Response:
        """204, 404."""
        return remove_property(self._desk, request, "issue", self._desk.issue(request).id)


async def property_value(request: web.Request) -> object:
    """Any JSON value up to 32768 characters."""
    text = await request.read()
    if len(text) > _PROPERTY_LIMIT:
        raise answers.refused(f"The property value may have at most {_PROPERTY_LIMIT} characters.")
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise answers.refused(MALFORMED) from None
    return value


def read_property(desk: Desk, request: web.Request, kind: str, owner: int) -> dict[str, object]:
    """One property of an issue or a comment."""
    key = request.match_info["key"]
    found = desk.issues.properties(kind, owner)
    if key not in found:
        raise answers.not_found(f"The property with key '{key}' does not exist.")
    return {"key": key, "value": found[key]}


def write_property(desk: Desk, request: web.Request, kind: str, owner: int, value: object) -> web.Response:
    """Sets it; no changelog, no webhook, no new time of update."""
    with desk.site.store.change():
        new = desk.issues.set_property(kind, owner, request.match_info["key"], value)
    return answers.body({}, 201 if new else 200)


def remove_property(desk: Desk, request: web.Request, kind: str, owner: int) -> web.Response:
    """Removes it."""
    person_of(request)
    with desk.site.store.change():
        there = desk.issues.remove_property(kind, owner, request.match_info["key"])
    if not there:
        raise answers.not_found(f"The property with key '{request.match_info['key']}' does not exist.")
    return web.Response(status=204)
