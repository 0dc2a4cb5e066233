"""`/rest/api/3/project/.../role...`: who acts in which role of a project (facts.md 2.3 [OAS-JIRA]). Roles are those of
the site; each project has its own actors.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.sandbox.gate import signed_in
from connectors.sandbox.jira import answers
from connectors.sandbox.jira.catalog import PROJECTS, Project, may_see
from connectors.sandbox.jira.desk import Desk, page, page_bean, payload_of, person_of
from connectors.sandbox.jira.people_api import admin_of, log

ROLES = {"10002": "Administrators", "10100": "Developers", "10101": "Viewers"}
_ADMIN = "10002"
_KINDS = {"user": "atlassian-user-role-actor", "group": "atlassian-group-role-actor"}
_PROJECT = "/rest/api/3/project"


class RoleApi:
    """Handlers; each does its work between two awaits."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._roster, self._store = desk, desk.issues.roster, desk.site.store

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application, before `project/{project}`."""
        one = f"{_PROJECT}/{{project}}/role/{{role}}"
        return [
            web.get(f"{_PROJECT}/search", self.projects),
            web.get(f"{_PROJECT}/{{project}}/role", self.roles),
            web.get(one, self.role),
            web.post(one, self.add),
            web.delete(one, self.remove),
        ]

    async def projects(self, request: web.Request) -> web.Response:
        """Those that this person sees, paged."""
        start, size = page(request, default=50, cap=100)
        seen = [each for each in PROJECTS.values() if may_see(signed_in(request), each.id)]
        render = self._desk.renderer(request)
        shown = [render.project(each) for each in sorted(seen, key=lambda each: each.key)[start : start + size]]
        base = self._desk.site.base_url
        return answers.body(page_bean(request, base, shown, start=start, size=size, total=len(seen)))

    async def roles(self, request: web.Request) -> web.Response:
        """Names and addresses."""
        project = self._project(request)
        return answers.body({name: self._address(request, project, role) for role, name in ROLES.items()})

    async def role(self, request: web.Request) -> web.Response:
        """With its actors."""
        project, role = self._project(request), self._role(request)
        return answers.body(self._shown(request, project, role))

    async def add(self, request: web.Request) -> web.Response:
        """200 with the role; 400 for somebody who acts in it already [M]."""
        given, person = await payload_of(request), admin_of(self._desk, request)
        project, role = self._project(request), self._role(request)
        wanted = [("user", str(each)) for each in given.get("user") or ()]
        wanted += [("group", str(each)) for each in given.get("groupId") or ()]
        if not wanted or any(actor in self._actors(project, role) for actor in wanted):
            raise answers.refused("The actors are missing, or act in this role already.")
        with self._store.change():
            for kind, actor in wanted:
                self._store.run("INSERT INTO role_actor VALUES (?, ?, ?, ?)", project.id, role, kind, actor)
                log(self._desk, "role", f"{project.key}/{role}", ROLES[role], "update", person, {kind: (None, actor)})
        return answers.body(self._shown(request, project, role))

    async def remove(self, request: web.Request) -> web.Response:
        """204; 404 for who does not act in it [OAS-JIRA: "user or group is not found"]."""
        person, project, role = admin_of(self._desk, request), self._project(request), self._role(request)
        kind = "user" if "user" in request.query else "group"
        actor = request.query.get("user") or request.query.get("groupId", "")
        if (kind, actor) not in self._actors(project, role):
            raise answers.not_found(f"'{actor}' does not act in the role {ROLES[role]}.")
        with self._store.change():
            self._store.run(
                "DELETE FROM role_actor WHERE project = ? AND role = ? AND kind = ? AND actor = ?",
                *(project.id, role, kind, actor),
            )
            log(self._desk, "role", f"{project.key}/{role}", ROLES[role], "update", person, {kind: (actor, None)})
        return web.Response(status=204)

    def _actors(self, project: Project, role: str) -> list[tuple[str, str]]:
        found = self._store.rows(
            "SELECT kind, actor FROM role_actor WHERE project = ? AND role = ? ORDER BY rowid", project.id, role
        )
        return [(str(kind), str(actor)) for kind, actor in found]

    def _shown(self, request: web.Request, project: Project, role: str) -> dict[str, Any]:
        actors = [self._actor(*each, number) for number, each in enumerate(self._actors(project, role), 10_000)]
        return {
            "self": self._address(request, project, role),
            "name": ROLES[role],
            "id": int(role),
            "description": f"{ROLES[role]} of a project",
            "actors": [each for each in actors if each],
            "admin": role == _ADMIN,
        }

    def _actor(self, kind: str, actor: str, number: int) -> dict[str, Any] | None:
        """None for one who has gone since."""
        if kind == "user":
            account = self._roster.get(actor)
            about: Any = {"actorUser": {"accountId": actor}, "displayName": account.name} if account else None
        else:
            team = self._roster.team(actor)
            named = {"name": team.name, "displayName": team.name, "groupId": actor} if team else None
            about = {"actorGroup": named, "displayName": named["name"]} if named else None
        return {"id": number, "type": _KINDS[kind], **about} if about else None

    def _address(self, request: web.Request, project: Project, role: str) -> str:
        return self._desk.renderer(request).url(f"project/{project.id}/role/{role}")

    def _project(self, request: web.Request) -> Project:
        name, person = request.match_info["project"], person_of(request)
        found = next((each for each in PROJECTS.values() if name in (each.id, each.key)), None)
        if found is None or not may_see(person, found.id):
            raise answers.not_found(f"No project could be found with key '{name}'.")
        return found

    def _role(self, request: web.Request) -> str:
        role = request.match_info["role"]
        if role not in ROLES:
            raise answers.not_found(f"Can not retrieve a role actor for a null project role {role}.")
        return role
