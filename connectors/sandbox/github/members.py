"""Members of the organisation. The list shows no roles and no times; a membership shows the role."""

from __future__ import annotations

from aiohttp import web

from connectors.sandbox.github import answers
from connectors.sandbox.github.calls import given_to, known_organisation, person_of
from connectors.sandbox.github.events import Events
from connectors.sandbox.github.things import Thing, Things
from connectors.sandbox.github.views import API, OWNER, organisation, user
from connectors.sandbox.people import PEOPLE, Person, by_name
from connectors.sandbox.site import Site

_MEMBERSHIP = "/orgs/{org}/memberships/{login}"


class Members:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, things: Things, events: Events) -> None:
        self._site, self._things, self._events = site, things, events
        if not things.count("member"):
            with site.store.change():
                self.found()

    def found(self) -> None:
        """Everybody who may sign in belongs to it at first. Inside a `change()`."""
        for person in PEOPLE:
            self._put(person, "admin" if person.admin else "member")

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/orgs/{org}/members", self.list),
            web.get(_MEMBERSHIP, self.read),
            web.put(_MEMBERSHIP, self.add),
            web.delete(_MEMBERSHIP, self.remove),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """By account, without roles."""
        known_organisation(request)
        found = [each["user"] for each in self._things.all("member")]
        return answers.page(request, sorted(found, key=lambda each: each["id"]))

    async def read(self, request: web.Request) -> web.Response:
        """One membership."""
        return answers.body(self._member(request))

    async def add(self, request: web.Request) -> web.Response:
        """200 with the membership; here nobody has to accept it first."""
        known_organisation(request)
        given, actor = await given_to(request), person_of(request)
        person = by_name(request.match_info["login"])
        if person is None:
            raise answers.refused(404, "Not Found")
        with self._site.store.change():
            known = self._things.find("member", person.name)
            member = self._put(person, str(given.get("role", "member")))
            if known is None:
                self._events.told_by_organisation("organization", "member_added", actor, {"membership": member})
        return answers.body(member)

    async def remove(self, request: web.Request) -> web.Response:
        """204. Teams, rights in repositories and keys go with it [GHD: orgs/members]."""
        member, actor = self._member(request), person_of(request)
        login = member["user"]["login"]
        with self._site.store.change():
            self._things.delete("member", login)
            self._things.delete("collaborator", login)
            for team in self._things.all("team"):
                self._things.delete("seat", f"{team['slug']}/{login}")
            for key in self._things.all("token"):
                if key["owner"]["login"] == login:
                    self._things.delete("token", str(key["id"]))
            self._events.told_by_organisation("organization", "member_removed", actor, {"membership": member})
        return web.Response(status=204)

    def _put(self, person: Person, role: str) -> Thing:
        home = f"{API}/orgs/{OWNER}"
        member = {
            "url": f"{home}/memberships/{person.name}",
            "state": "active",
            "role": role,
            "organization_url": home,
            "organization": organisation(),
            "user": user(person),
        }
        return self._things.put("member", person.name, member)

    def _member(self, request: web.Request) -> Thing:
        known_organisation(request)
        return self._things.get("member", request.match_info["login"])
