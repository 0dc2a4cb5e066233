"""The part of REST v4 that issues need. Pages are counted, as `Link` and `X-Next-Page` say."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlencode

import orjson
from aiohttp import web

from connectors.sandbox.gate import signed_in
from connectors.sandbox.gitlab import answers
from connectors.sandbox.gitlab.events import Events
from connectors.sandbox.gitlab.issues import PATH, PROJECT, Issues, person_view
from connectors.sandbox.people import Person
from connectors.sandbox.site import Site

API = "/api/v4"


class Api:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, issues: Issues, events: Events) -> None:
        self._site, self._issues, self._events = site, issues, events

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        all_, one = API + "/projects/{project}/issues", API + "/projects/{project}/issues/{iid}"
        return [
            web.get(API + "/user", self.user),
            web.get(all_, self.list_issues),
            web.post(all_, self.create),
            web.get(one, self.read),
            web.put(one, self.update),
            web.delete(one, self.delete),
            web.get(one + "/notes", self.notes),
            web.post(one + "/notes", self.add_note),
        ]

    async def user(self, request: web.Request) -> web.Response:
        """Who signs in."""
        return answers.body({**person_view(_person(request)), "email": _person(request).email})

    async def list_issues(self, request: web.Request) -> web.Response:
        """Sorted by `updated_at`, oldest first, as this stand-in's callers ask for it."""
        _project(request)
        labels = [each for each in request.query.get("labels", "").split(",") if each]
        return _page(request, self._issues.listed(since=_since(request), labels=labels))

    async def read(self, request: web.Request) -> web.Response:
        """One issue, by its number in the project."""
        return answers.body(self._issue(request))

    async def create(self, request: web.Request) -> web.Response:
        """201 with the issue."""
        _project(request)
        given, person = await _json(request), _person(request)
        with self._site.store.change():
            issue = self._issues.create(given, person)
            self._events.created(issue, person)
        return answers.body(issue, 201)

    async def update(self, request: web.Request) -> web.Response:
        """The issue as it is now."""
        before, given, person = self._issue(request), await _json(request), _person(request)
        with self._site.store.change():
            issue = self._issues.update(before, given)
            self._events.updated(before, issue, person)
        return answers.body(issue)

    async def delete(self, request: web.Request) -> web.Response:
        """204. No webhook tells of it [M]."""
        before, person = self._issue(request), _person(request)
        with self._site.store.change():
            self._issues.delete(before)
            self._events.deleted(before, person)
        return web.Response(status=204)

    async def notes(self, request: web.Request) -> web.Response:
        """Oldest first."""
        return _page(request, self._issues.notes(self._issue(request)["iid"]))

    async def add_note(self, request: web.Request) -> web.Response:
        """201 with the note."""
        issue, given, person = self._issue(request), await _json(request), _person(request)
        with self._site.store.change():
            note = self._issues.add_note(issue, given, person)
            self._events.commented(issue, note, person)
        return answers.body(note, 201)

    def _issue(self, request: web.Request) -> dict[str, Any]:
        _project(request)
        return self._issues.get(request.match_info["iid"])


def _project(request: web.Request) -> None:
    """By number or by encoded path. Raises Refusal with 404."""
    if unquote(request.match_info["project"]) not in (str(PROJECT), PATH):
        raise answers.refused(404, "404 Project Not Found")


def _person(request: web.Request) -> Person:
    person = signed_in(request)
    assert person is not None, "every path needs somebody"
    return person


def _page(request: web.Request, found: list[dict[str, Any]]) -> web.Response:
    number, size = int(request.query.get("page", "1")), min(int(request.query.get("per_page", "20")), 100)
    shown = found[(number - 1) * size : number * size]
    more = number * size < len(found)
    headers = {"X-Page": str(number), "X-Per-Page": str(size), "X-Next-Page": str(number + 1) if more else ""}
    if more:
        asked = {**request.query, "page": str(number + 1)}
        headers["Link"] = f'<{request.url.origin()}{request.path}?{urlencode(asked)}>; rel="next"'
    return answers.body(shown, headers=headers)


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        given = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise answers.refused(400, "the body is not JSON", key="error")
    return given


def _since(request: web.Request) -> int:
    text = request.query.get("updated_after")
    if text is None:
        return 0
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        raise answers.refused(400, "updated_after is invalid", key="error") from None
