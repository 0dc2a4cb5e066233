"""The part of REST v4 that issues need. Pages are counted, as `Link` and `X-Next-Page` say."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.sandbox.gitlab import answers
from connectors.sandbox.gitlab.asking import API, given_to, known_project, page_of, person_of, since_of
from connectors.sandbox.gitlab.events import Events
from connectors.sandbox.gitlab.issues import Issues, person_view
from connectors.sandbox.site import Site


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
        return answers.body({**person_view(person_of(request)), "email": person_of(request).email})

    async def list_issues(self, request: web.Request) -> web.Response:
        """Sorted by `updated_at`, oldest first, as this stand-in's callers ask for it."""
        known_project(request)
        labels = [each for each in request.query.get("labels", "").split(",") if each]
        found = self._issues.listed(since=since_of(request), labels=labels)
        if "state" in request.query:
            found = [each for each in found if each["state"] == request.query["state"]]
        if "assignee_id" in request.query:
            wanted = request.query["assignee_id"]
            found = [each for each in found if wanted in {str(one["id"]) for one in each["assignees"]}]
        return page_of(request, found)

    async def read(self, request: web.Request) -> web.Response:
        """One issue, by its number in the project."""
        return answers.body(self._issue(request))

    async def create(self, request: web.Request) -> web.Response:
        """201 with the issue."""
        known_project(request)
        given, person = await given_to(request), person_of(request)
        with self._site.store.change():
            issue = self._issues.create(given, person)
            self._events.created(issue, person)
        return answers.body(issue, 201)

    async def update(self, request: web.Request) -> web.Response:
        """The issue as it is now."""
        before, given, person = self._issue(request), await given_to(request), person_of(request)
        with self._site.store.change():
            issue = self._issues.update(before, given)
            self._events.updated(before, issue, person)
        return answers.body(issue)

    async def delete(self, request: web.Request) -> web.Response:
        """204. No webhook tells of it [M]."""
        before, person = self._issue(request), person_of(request)
        with self._site.store.change():
            self._issues.delete(before)
            self._events.deleted(before, person)
        return web.Response(status=204)

    async def notes(self, request: web.Request) -> web.Response:
        """Oldest first."""
        return page_of(request, self._issues.notes(self._issue(request)["iid"]))

    async def add_note(self, request: web.Request) -> web.Response:
        """201 with the note."""
        issue, given, person = self._issue(request), await given_to(request), person_of(request)
        with self._site.store.change():
            note = self._issues.add_note(issue, given, person)
            self._events.commented(issue, note, person)
        return answers.body(note, 201)

    def _issue(self, request: web.Request) -> dict[str, Any]:
        known_project(request)
        return self._issues.get(request.match_info["iid"])
