"""The JSON API of the job, and what people do there. With an API token no crumb is needed (facts.md 3.3 [M])."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from connectors.sandbox.documents import Document
from connectors.sandbox.gate import signed_in
from connectors.sandbox.jenkins.builds import ENDS, FULL_NAME, JOB, Builds
from connectors.sandbox.jenkins.events import Events
from connectors.sandbox.jenkins.tree import BadTreeError, shown
from connectors.sandbox.people import Person, by_name
from connectors.sandbox.site import Refusal, Site

_LATEST = 100
"""So many builds `builds` shows at most; `allBuilds` shows all of them."""


class Api:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, builds: Builds, events: Events) -> None:
        self._site, self._builds, self._events = site, builds, events

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        one = f"/{JOB}/{{number:[0-9]+}}"
        return [
            web.get("/me/api/json", self.me),
            web.get("/user/{name}/api/json", self.user),
            web.get(f"/{JOB}/", self.home),
            web.get(f"/{JOB}/api/json", self.job),
            web.get(f"{one}/api/json", self.build),
            web.post(f"/{JOB}/buildWithParameters", self.start),
            web.post(f"{one}/submitDescription", self.describe),
            web.post(f"{one}/doDelete", self.delete),
        ]

    async def user(self, request: web.Request) -> web.Response:
        """Somebody whom Jenkins knows; the address is a property of the mailer."""
        person = by_name(request.match_info["name"].lower())
        if person is None:
            raise Refusal(web.Response(status=404, text="<h1>Not Found</h1>", content_type="text/html"))
        address = {"_class": "hudson.tasks.Mailer$UserProperty", "address": person.email}
        said = {"_class": "hudson.model.User", "id": person.name, "fullName": person.full_name}
        return _body(request, {**said, "property": [{"_class": "jenkins.security.ApiTokenProperty"}, address]})

    async def me(self, request: web.Request) -> web.Response:
        """Who signs in."""
        person = _person(request)
        return _body(request, {"_class": "hudson.model.User", "id": person.name, "fullName": person.full_name})

    async def home(self, request: web.Request) -> web.Response:
        """The page that redirects lead to."""
        return page(200, FULL_NAME)

    async def job(self, request: web.Request) -> web.Response:
        """The job with its builds."""
        builds = self._builds.all()
        return _body(
            request,
            {
                "_class": "hudson.model.FreeStyleProject",
                "name": "billing",
                "fullName": "apps/billing",
                "fullDisplayName": FULL_NAME,
                "url": f"{self._site.base_url}/{JOB}/",
                "builds": builds[:_LATEST],
                "allBuilds": builds,
                "nextBuildNumber": builds[0]["number"] + 1 if builds else 1,
            },
        )

    async def build(self, request: web.Request) -> web.Response:
        """One build."""
        return _body(request, self._build(request))

    async def start(self, request: web.Request) -> web.Response:
        """201 with the place in the queue; `RESULT` among the parameters says how it ends, `""` that it goes on."""
        given, person = dict(request.query), _person(request)
        result = given.get("RESULT", "SUCCESS")
        if result not in (*ENDS, ""):
            raise Refusal(web.Response(status=400, text="no such result"))
        with self._site.store.change():
            build = self._builds.start(given, person)
            self._events.started(build, given, person)
            if result:
                self._events.ended(self._builds.put({**build, "building": False, "result": result}), given, person)
        return web.Response(status=201, headers={"Location": f"{self._site.base_url}/queue/item/{build['number']}/"})

    async def describe(self, request: web.Request) -> web.Response:
        """302 to the build. No notification tells of it."""
        build, person = self._build(request), _person(request)
        said = request.query.get("description", "")
        with self._site.store.change():
            self._builds.put({**build, "description": said})
            self._events.described(build, said, person)
        return web.Response(status=302, headers={"Location": build["url"]})

    async def delete(self, request: web.Request) -> web.Response:
        """302 to the job; its number is not given again."""
        build, person = self._build(request), _person(request)
        with self._site.store.change():
            self._builds.remove(build)
            self._events.deleted(build, person)
        return web.Response(status=302, headers={"Location": f"{self._site.base_url}/{JOB}/"})

    def _build(self, request: web.Request) -> Document:
        found = self._builds.get(request.match_info["number"])
        if found is None:
            raise Refusal(page(404, "Not found"))
        return found


def page(status: int, said: str) -> web.Response:
    """What Jenkins says to people, whoever asks."""
    return web.Response(status=status, text=f"<html><body><h2>{said}</h2></body></html>", content_type="text/html")


def _body(request: web.Request, document: Any) -> web.Response:
    try:
        found = shown(document, request.query.get("tree", ""))
    except BadTreeError as error:
        raise Refusal(page(400, f"tree: {error}")) from error
    headers = {"Content-Type": "application/json;charset=utf-8", "X-Jenkins": "2.528.1"}
    return web.Response(body=orjson.dumps(found), headers=headers)


def _person(request: web.Request) -> Person:
    person = signed_in(request)
    assert person is not None, "every path needs somebody"
    return person
