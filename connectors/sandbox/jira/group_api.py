"""`/rest/api/3/group...` (facts.md 2.3 [OAS-JIRA]). Nothing tells when a group changed, and no webhook is sent."""

from __future__ import annotations

from aiohttp import web

from connectors.sandbox.jira import answers
from connectors.sandbox.jira.desk import Desk, page, page_bean, payload_of, person_of
from connectors.sandbox.jira.people_api import admin_of, group_view, log
from connectors.sandbox.jira.roster import Team
from connectors.sandbox.people import Person

_GROUP = "/rest/api/3/group"


class GroupApi:
    """Handlers; each does its work between two awaits."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._roster = desk, desk.issues.roster

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.post(_GROUP, self.create),
            web.delete(_GROUP, self.remove),
            web.get(f"{_GROUP}/bulk", self.every),
            web.get(f"{_GROUP}/member", self.members),
            web.post(f"{_GROUP}/user", self.join),
            web.delete(f"{_GROUP}/user", self.leave),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """201; 400 for a name that is taken."""
        given, person = await payload_of(request), admin_of(self._desk, request)
        name = given.get("name")
        if not isinstance(name, str) or not name.strip():
            raise answers.refused("Group name is required.")
        if self._roster.team("", name) is not None:
            raise answers.refused(f"A group with the name '{name}' already exists.")
        with self._desk.site.store.change():
            team = self._roster.add_team(name)
            log(self._desk, "group", team.id, name, "create", person, {"name": (None, name)})
        return answers.body(self._whole(request, team), 201)

    async def remove(self, request: web.Request) -> web.Response:
        """200."""
        person, team = admin_of(self._desk, request), self._team(request)
        with self._desk.site.store.change():
            self._roster.remove_team(team)
            log(self._desk, "group", team.id, team.name, "delete", person)
        return web.Response(status=200)

    async def every(self, request: web.Request) -> web.Response:
        """All, or those of some ids or names, paged."""
        person_of(request)
        start, size = page(request, default=50, cap=1000)
        ids, names = request.query.getall("groupId", []), request.query.getall("groupName", [])
        found = [
            {"name": each.name, "groupId": each.id}
            for each in self._roster.teams()
            if not (ids or names) or each.id in ids or each.name in names
        ]
        shown = found[start : start + size]
        base = self._desk.site.base_url
        return answers.body(page_bean(request, base, shown, start=start, size=size, total=len(found)))

    async def members(self, request: web.Request) -> web.Response:
        """Paged, at most 50 at once."""
        person_of(request)
        team = self._team(request)
        start, size = page(request, default=50, cap=50)
        inactive = request.query.get("includeInactiveUsers") == "true"
        found, render = self._roster.members(team, inactive=inactive), self._desk.renderer(request)
        shown = [render.account(each) for each in found[start : start + size]]
        base = self._desk.site.base_url
        return answers.body(page_bean(request, base, shown, start=start, size=size, total=len(found)))

    async def join(self, request: web.Request) -> web.Response:
        """201 with the group; 400 for who is a member already [M]."""
        given, person, team = await payload_of(request), admin_of(self._desk, request), self._team(request)
        account = str(given.get("accountId") or "")
        if not account:
            raise answers.refused("accountId is required.")
        self._known(account)
        if account in self._ids(team):
            raise answers.refused(f"Cannot add user '{account}', user is already a member of '{team.name}'.")
        self._moved(team, person, account, joins=True)
        return answers.body(self._whole(request, team), 201)

    async def leave(self, request: web.Request) -> web.Response:
        """200; 400 for who is no member [M]."""
        person, team = admin_of(self._desk, request), self._team(request)
        account = request.query.get("accountId", "")
        self._known(account)
        if account not in self._ids(team):
            raise answers.refused(f"Cannot remove user '{account}', user is not a member of '{team.name}'.")
        self._moved(team, person, account, joins=False)
        return web.Response(status=200)

    def _moved(self, team: Team, person: Person, account: str, *, joins: bool) -> None:
        before = self._emails(team)
        with self._desk.site.store.change():
            self._roster.join(team, account) if joins else self._roster.leave(team, account)
            log(self._desk, "group", team.id, team.name, "update", person, {"members": (before, self._emails(team))})

    def _emails(self, team: Team) -> list[str]:
        return [each.email for each in self._roster.members(team, inactive=True)]

    def _ids(self, team: Team) -> set[str]:
        return {each.id for each in self._roster.members(team, inactive=True)}

    def _known(self, account: str) -> None:
        if self._roster.get(account) is None:
            raise answers.not_found(f"The user with account id '{account}' does not exist.")

    def _team(self, request: web.Request) -> Team:
        id, name = request.query.get("groupId", ""), request.query.get("groupname", "")
        if not id and not name:
            raise answers.refused("One of groupId and groupname is required.")
        found = self._roster.team(id, name)
        if found is None:
            raise answers.not_found(f"The group '{id or name}' does not exist.")
        return found

    def _whole(self, request: web.Request, team: Team) -> dict[str, object]:
        size = len(self._roster.members(team, inactive=False))
        users = {"size": size, "items": [], "max-results": 50, "start-index": 0, "end-index": 0}
        return group_view(self._desk, request, team) | {"users": users, "expand": "users"}
