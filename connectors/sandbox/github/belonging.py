"""Accounts, teams of the organisation, and collaborators of the repository [GHD: rest/users, rest/teams,
rest/collaborators].
"""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from connectors.sandbox.github import answers
from connectors.sandbox.github.calls import REPO_PATH, given_to, known_organisation, known_repository, text_of
from connectors.sandbox.github.things import Thing, Things
from connectors.sandbox.github.views import API, OWNER, WEB, node, number_of, profile, user
from connectors.sandbox.people import PEOPLE, Person, by_name
from connectors.sandbox.site import Site

_TEAM = "/orgs/{org}/teams/{slug}"
_ROLES = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}


class Belonging:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, things: Things) -> None:
        self._site, self._things = site, things

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        member, one = f"{_TEAM}/memberships/{{login}}", f"{REPO_PATH}/collaborators/{{login}}"
        return [
            web.get("/users/{login}", self.account),
            web.get("/user/{number:[0-9]+}", self.account_by_number),
            web.get("/search/users", self.search),
            web.get("/orgs/{org}/teams", self.teams),
            web.post("/orgs/{org}/teams", self.found_team),
            web.get(member, self.membership),
            web.put(member, self.join),
            web.delete(member, self.leave),
            web.get(f"{REPO_PATH}/collaborators", self.collaborators),
            web.put(one, self.invite),
            web.delete(one, self.dismiss),
        ]

    async def account(self, request: web.Request) -> web.Response:
        """As everybody sees it."""
        return answers.body(_public(_person(request.match_info["login"])))

    async def account_by_number(self, request: web.Request) -> web.Response:
        """By the number that stays when the login changes."""
        number = int(request.match_info["number"])
        person = next((each for each in PEOPLE if number_of(each) == number), None)
        if person is None:
            raise answers.refused(404, "Not Found")
        return answers.body(_public(person))

    async def search(self, request: web.Request) -> web.Response:
        """By a part of the public address, as `TEXT in:email`: more than was asked for, and without the address."""
        wanted, _, where = request.query.get("q", "").partition(" ")
        if not wanted:
            raise answers.refused(422, "Validation Failed")
        found = [
            user(each) for each in PEOPLE if where == "in:email" and wanted.lower().partition("@")[0] in each.email
        ]
        return answers.body({"total_count": len(found), "incomplete_results": False, "items": found})

    async def teams(self, request: web.Request) -> web.Response:
        """All, with the team that each is part of."""
        known_organisation(request)
        return answers.page(request, sorted(self._things.all("team"), key=lambda each: each["id"]))

    async def found_team(self, request: web.Request) -> web.Response:
        """201 with the team."""
        known_organisation(request)
        given = await given_to(request)
        name = text_of(given, "name", "Team")
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower())
        with self._site.store.change():
            parent = next(
                (each for each in self._things.all("team") if each["id"] == given.get("parent_team_id")), None
            )
            team = self._things.put("team", slug, _team(self._things.number("team", 1), name, slug, parent))
        return answers.body(team, 201)

    async def membership(self, request: web.Request) -> web.Response:
        """Members of a child team are members of its parent."""
        return answers.body(self._membership(request))

    async def join(self, request: web.Request) -> web.Response:
        """200 with the membership; here nobody has to accept it first."""
        slug, person = self._slug(request), _person(request.match_info["login"])
        role = str((await given_to(request)).get("role", "member"))
        url = f"{API}/organizations/1/team/{self._things.get('team', slug)['id']}/memberships/{person.name}"
        with self._site.store.change():
            made = self._things.put("seat", f"{slug}/{person.name}", {"url": url, "role": role, "state": "active"})
        return answers.body(made)

    async def leave(self, request: web.Request) -> web.Response:
        """204."""
        seat = f"{self._slug(request)}/{request.match_info['login']}"
        self._things.get("seat", seat)
        with self._site.store.change():
            self._things.delete("seat", seat)
        return web.Response(status=204)

    async def collaborators(self, request: web.Request) -> web.Response:
        """Those with a right of their own, and owners of the organisation unless `affiliation=direct`."""
        known_repository(request)
        found = sorted(self._things.all("collaborator"), key=lambda each: each["id"])
        if request.query.get("affiliation", "all") == "all":
            known = {each["id"] for each in found}
            found += [_collaborator(each, "admin") for each in PEOPLE if each.admin and number_of(each) not in known]
        return answers.page(request, found)

    async def invite(self, request: web.Request) -> web.Response:
        """204; here nobody has to accept it first."""
        known_repository(request)
        person, permission = _person(request.match_info["login"]), (await given_to(request)).get("permission", "push")
        if permission not in _ROLES:
            raise answers.invalid("Repository", "permission", "invalid")
        with self._site.store.change():
            self._things.put("collaborator", person.name, _collaborator(person, permission))
        return web.Response(status=204)

    async def dismiss(self, request: web.Request) -> web.Response:
        """204."""
        known_repository(request)
        self._things.get("collaborator", request.match_info["login"])
        with self._site.store.change():
            self._things.delete("collaborator", request.match_info["login"])
        return web.Response(status=204)

    def _slug(self, request: web.Request) -> str:
        known_organisation(request)
        return str(self._things.get("team", request.match_info["slug"])["slug"])

    def _membership(self, request: web.Request) -> Thing:
        slug, login = self._slug(request), request.match_info["login"]
        own = self._things.find("seat", f"{slug}/{login}")
        if own is not None:
            return own
        children = [each["slug"] for each in self._things.all("team") if (each["parent"] or {}).get("slug") == slug]
        found = [self._things.find("seat", f"{child}/{login}") for child in children]
        come_along = next((each for each in found if each is not None), None)
        if come_along is None:
            raise answers.refused(404, "Not Found")
        return come_along


def _person(login: str) -> Person:
    person = by_name(login.lower())
    if person is None:
        raise answers.refused(404, "Not Found")
    return person


def _public(person: Person) -> dict[str, Any]:
    hidden = ("private_gists", "total_private_repos", "owned_private_repos", "disk_usage", "collaborators")
    shown = {name: each for name, each in profile(person).items() if name not in hidden}
    del shown["two_factor_authentication"]
    return {**shown, "user_view_type": "public"}


def _team(number: int, name: str, slug: str, parent: Thing | None) -> Thing:
    home = f"{API}/organizations/1/team/{number}"
    return {
        "id": number,
        "node_id": node("T", number),
        "url": home,
        "html_url": f"{WEB}/orgs/{OWNER}/teams/{slug}",
        "name": name,
        "slug": slug,
        "description": None,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "pull",
        "members_url": f"{home}/members{{/member}}",
        "repositories_url": f"{home}/repos",
        "parent": None if parent is None else {name: each for name, each in parent.items() if name != "parent"},
    }


def _collaborator(person: Person, permission: str) -> Thing:
    granted = list(_ROLES)[: list(_ROLES).index(permission) + 1]
    rights = {name: name in granted for name in _ROLES}
    return {**user(person), "permissions": rights, "role_name": _ROLES[permission]}
