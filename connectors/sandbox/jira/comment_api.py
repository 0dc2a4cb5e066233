"""`/rest/api/3/issue/{issue}/comment...` and the properties of comments (facts.md 2.3 [OAS-JIRA])."""

from __future__ import annotations

from aiohttp import web

from connectors.sandbox.gate import signed_in
from connectors.sandbox.jira import answers
from connectors.sandbox.jira.catalog import may_see
from connectors.sandbox.jira.desk import Desk, page, person_of, words, write_of
from connectors.sandbox.jira.editing import Editing
from connectors.sandbox.jira.issue_api import property_value, read_property, remove_property, write_property

_PREFIX = "/rest/api/3"


class CommentApi:
    """Handlers; each does its work between two awaits."""

    def __init__(self, desk: Desk, editing: Editing) -> None:
        self._desk, self._editing = desk, editing

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        comments = f"{_PREFIX}/issue/{{issue}}/comment"
        properties = f"{_PREFIX}/comment/{{comment}}/properties"
        return [
            web.get(comments, self.list),
            web.post(comments, self.add),
            web.get(f"{comments}/{{comment}}", self.read),
            web.put(f"{comments}/{{comment}}", self.edit),
            web.delete(f"{comments}/{{comment}}", self.delete),
            web.get(properties, self.property_keys),
            web.get(f"{properties}/{{key}}", self.read_property),
            web.put(f"{properties}/{{key}}", self.write_property),
            web.delete(f"{properties}/{{key}}", self.remove_property),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """Oldest first unless `orderBy=-created`."""
        issue = self._desk.issue(request)
        start, size = page(request, default=100, cap=5000)
        found = self._desk.issues.comments(issue.id)
        if request.query.get("orderBy") == "-created":
            found.reverse()
        render, properties = self._desk.renderer(request), "properties" in words(request, "expand")
        shown = [render.comment(issue.id, comment, properties=properties) for comment in found[start : start + size]]
        return answers.body({"startAt": start, "maxResults": size, "total": len(found), "comments": shown})

    async def add(self, request: web.Request) -> web.Response:
        """201 with the comment."""
        payload, person = await write_of(request), person_of(request)
        issue = self._desk.issue(request)
        comment = self._editing.comment(issue, payload, person)
        return answers.body(self._desk.renderer(request).comment(issue.id, comment, properties=_asked(request)), 201)

    async def read(self, request: web.Request) -> web.Response:
        """200, 404."""
        issue, comment = self._desk.comment(request)
        return answers.body(self._desk.renderer(request).comment(issue.id, comment, properties=_asked(request)))

    async def edit(self, request: web.Request) -> web.Response:
        """200 with the comment."""
        payload, person = await write_of(request), person_of(request)
        issue, comment = self._desk.comment(request)
        changed = self._editing.edit_comment(issue, comment, payload, person)
        return answers.body(self._desk.renderer(request).comment(issue.id, changed, properties=_asked(request)))

    async def delete(self, request: web.Request) -> web.Response:
        """204."""
        person = person_of(request)
        self._editing.delete_comment(*self._desk.comment(request), person)
        return web.Response(status=204)

    async def property_keys(self, request: web.Request) -> web.Response:
        """Keys and where to read them."""
        owner = self._owner(request)
        link = self._desk.renderer(request).url(f"comment/{owner}/properties")
        found = self._desk.issues.properties("comment", owner)
        return answers.body({"keys": [{"self": f"{link}/{key}", "key": key} for key in found]})

    async def read_property(self, request: web.Request) -> web.Response:
        """200, 404."""
        return answers.body(read_property(self._desk, request, "comment", self._owner(request)))

    async def write_property(self, request: web.Request) -> web.Response:
        """201 for a new one, else 200."""
        value, _ = await property_value(request), person_of(request)
        return write_property(self._desk, request, "comment", self._owner(request), value)

    async def remove_property(self, request: web.Request) -> web.Response:
        """204, 404."""
        return remove_property(self._desk, request, "comment", self._owner(request))

    def _owner(self, request: web.Request) -> int:
        comment = self._desk.issues.comment(request.match_info["comment"])
        issue = self._desk.issues.get(str(comment.issue)) if comment else None
        if comment is None or issue is None or not may_see(signed_in(request), issue.project):
            raise answers.not_found(f"Can not find a comment for the id: {request.match_info['comment']}.")
        return comment.id


def _asked(request: web.Request) -> bool:
    return "properties" in words(request, "expand")
