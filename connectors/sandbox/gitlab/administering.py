"""Users as an administrator of the instance has them: their state, memberships, tokens and keys; and schedules of the
project [docs.gitlab.com/api: users, user_moderation, personal_access_tokens, user_keys, pipeline_schedules].
"""

from __future__ import annotations

from aiohttp import web

from connectors.sandbox.documents import Document, Documents
from connectors.sandbox.gitlab import answers
from connectors.sandbox.gitlab.asking import API, given_to, known_project, page_of, person_of
from connectors.sandbox.gitlab.issues import PATH, PROJECT, person_view, shown_time
from connectors.sandbox.people import PEOPLE, Person
from connectors.sandbox.site import Site

_GROUP = 7
"""The group that the project is in."""
_ONE = f"{API}/users/{{id:[0-9]+}}"


class Administering:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, documents: Documents) -> None:
        self._site, self._documents = site, documents

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        tokens, schedules = f"{API}/personal_access_tokens", f"{API}/projects/{{project}}/pipeline_schedules"
        group = f"{API}/groups/{{group}}/members"
        return [
            web.get(f"{API}/users", self.users),
            web.get(_ONE, self.user),
            web.post(f"{_ONE}/block", self.block),
            web.post(f"{_ONE}/unblock", self.unblock),
            web.get(f"{_ONE}/memberships", self.memberships),
            web.post(group, self.join),
            web.delete(f"{group}/{{id}}", self.leave),
            web.get(f"{_ONE}/keys", self.keys),
            web.post(f"{_ONE}/keys", self.add_key),
            web.delete(f"{_ONE}/keys/{{key}}", self.delete_key),
            web.get(tokens, self.tokens),
            web.post(f"{_ONE}/personal_access_tokens", self.make_token),
            web.delete(f"{tokens}/{{id}}", self.revoke),
            web.get(schedules, self.schedules),
            web.post(schedules, self.schedule),
        ]

    def lets_in(self, person: Person) -> bool:
        """Whether somebody may sign in."""
        return self._state(person) == "active"

    async def users(self, request: web.Request) -> web.Response:
        """By `username`, letter case aside; by `search` for an address, which only administrators are shown."""
        name, text = request.query.get("username"), request.query.get("search")
        found = [each for each in PEOPLE if name is None or each.name == name.lower()]
        if text is not None:
            found = [each for each in found if text.lower() in (each.name, each.email)]
        return page_of(request, [self._shown(each, request) for each in found])

    async def user(self, request: web.Request) -> web.Response:
        """One."""
        return answers.body(self._shown(_person(request), request))

    async def block(self, request: web.Request) -> web.Response:
        """201 with true."""
        return self._moderated(request, "blocked")

    async def unblock(self, request: web.Request) -> web.Response:
        """201 with true."""
        return self._moderated(request, "active")

    async def memberships(self, request: web.Request) -> web.Response:
        """In projects and groups; for administrators only."""
        self._only_admins(request)
        found, id = list[Document](), request.match_info["id"]
        for kind, source, name in (("member", PROJECT, PATH), ("group_member", _GROUP, "lockstep")):
            member = self._documents.get(kind, id)
            if member is not None:
                what = "Project" if kind == "member" else "Namespace"
                told = {"source_id": source, "source_name": name, "source_type": what}
                found.append({**told, "access_level": member["access_level"]})
        return page_of(request, found)

    async def join(self, request: web.Request) -> web.Response:
        """201 with the member."""
        given = await given_to(request)
        person = next(each for each in PEOPLE if person_view(each)["id"] == given["user_id"])
        with self._site.store.change():
            member = {**person_view(person), "access_level": given.get("access_level", 30)}
            self._documents.put("group_member", str(member["id"]), member, self._now())
        return answers.body(member, 201)

    async def leave(self, request: web.Request) -> web.Response:
        """204."""
        return self._removed("group_member", request.match_info["id"])

    async def keys(self, request: web.Request) -> web.Response:
        """Anybody may see them."""
        return page_of(request, self._of("key", request))

    async def add_key(self, request: web.Request) -> web.Response:
        """201 with the key."""
        title = (await given_to(request))["title"]
        return answers.body(self._made("key", {"title": title}, request.match_info["id"]), 201)

    async def delete_key(self, request: web.Request) -> web.Response:
        """204."""
        self._only_admins(request)
        return self._removed("key", request.match_info["key"])

    async def tokens(self, request: web.Request) -> web.Response:
        """Of one user; of others for administrators only."""
        user = request.query.get("user_id", "")
        if user != str(person_view(person_of(request))["id"]):
            self._only_admins(request, 401)
        found = [each for each in self._documents.all("token") if str(each["user_id"]) == user]
        return page_of(request, [each for each in found if each["state"] == request.query.get("state", each["state"])])

    async def make_token(self, request: web.Request) -> web.Response:
        """201 with the token."""
        self._only_admins(request)
        given = await given_to(request)
        token = {"name": given["name"], "scopes": given.get("scopes", []), "active": True, "state": "active"}
        return answers.body(self._made("token", {**token, "revoked": False}, request.match_info["id"]), 201)

    async def revoke(self, request: web.Request) -> web.Response:
        """204; it is known as revoked from then on."""
        self._only_admins(request)
        token = self._documents.get("token", request.match_info["id"])
        if token is None:
            raise answers.refused(404, "404 Not Found")
        with self._site.store.change():
            ended = {**token, "active": False, "state": "inactive", "revoked": True}
            self._documents.put("token", request.match_info["id"], ended, self._now())
        return web.Response(status=204)

    async def schedules(self, request: web.Request) -> web.Response:
        """All of the project."""
        known_project(request)
        return page_of(request, self._documents.all("schedule"))

    async def schedule(self, request: web.Request) -> web.Response:
        """201 with the schedule, which runs as whoever made it."""
        known_project(request)
        given, person = await given_to(request), person_of(request)
        made = {"description": given["description"], "active": True, "owner": person_view(person)}
        return answers.body(self._made("schedule", made, str(person_view(person)["id"])), 201)

    def _shown(self, person: Person, request: web.Request) -> Document:
        shown = {**person_view(person), "state": self._state(person), "public_email": None}
        return {**shown, "email": person.email, "is_admin": person.admin} if self._administers(request) else shown

    def _state(self, person: Person) -> str:
        found = self._documents.get("state", str(person_view(person)["id"]))
        return str(found["state"]) if found else "active"

    def _moderated(self, request: web.Request, state: str) -> web.Response:
        self._only_admins(request)
        person = _person(request)
        with self._site.store.change():
            self._documents.put("state", str(person_view(person)["id"]), {"state": state}, self._now())
        return answers.body(True, 201)

    def _made(self, kind: str, given: Document, user: str) -> Document:
        with self._site.store.change():
            id = self._site.store.next_number(kind, 41)
            made = {"id": id, "user_id": int(user), "created_at": shown_time(self._now()), **given}
            return self._documents.put(kind, str(id), made, self._now())

    def _of(self, kind: str, request: web.Request) -> list[Document]:
        return [each for each in self._documents.all(kind) if str(each["user_id"]) == request.match_info["id"]]

    def _removed(self, kind: str, id: str) -> web.Response:
        if self._documents.get(kind, id) is None:
            raise answers.refused(404, "404 Not found")
        with self._site.store.change():
            self._documents.remove(kind, id, self._now())
        return web.Response(status=204)

    def _administers(self, request: web.Request) -> bool:
        person = person_of(request)
        return person.admin or (person.actor == "gateway" and self._site.options.as_admin)

    def _only_admins(self, request: web.Request, status: int = 403) -> None:
        if not self._administers(request):
            raise answers.refused(status, f"{status} {'Forbidden' if status == 403 else 'Unauthorized'}")

    def _now(self) -> int:
        return int(self._site.now() * 1000)


def _person(request: web.Request) -> Person:
    found = next((each for each in PEOPLE if str(person_view(each)["id"]) == request.match_info["id"]), None)
    if found is None:
        raise answers.refused(404, "404 User Not Found")
    return found
