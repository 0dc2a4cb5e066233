"""Owners, which objects name, and the users behind them. Whoever is no user any more is an archived owner, and what was
theirs still names them [OAS-HS owners; developers.hubspot.com: settings, user provisioning].
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.sandbox.documents import Document, Documents
from connectors.sandbox.hubspot import answers
from connectors.sandbox.hubspot.objects import shown_time
from connectors.sandbox.people import PEOPLE, Person
from connectors.sandbox.site import Site

_USERS = "/settings/v3/users"


class Users:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site) -> None:
        self._site, self._kept = site, Documents(site.store)

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/crm/v3/owners", self.owners),
            web.get("/crm/v3/owners/{id}", self.owner),
            web.get(f"{_USERS}/{{id}}", self.user),
            web.post(_USERS, self.provision),
            web.delete(f"{_USERS}/{{id}}", self.remove),
        ]

    async def owners(self, request: web.Request) -> web.Response:
        """By address; those who left only with `archived=true`."""
        wanted, archived = request.query.get("email"), request.query.get("archived") == "true"
        found = [self._shown(each) for each in PEOPLE if wanted in (None, each.email)]
        return answers.body({"results": [each for each in found if each["archived"] is archived]})

    async def owner(self, request: web.Request) -> web.Response:
        """One, as `owners` has it."""
        archived = request.query.get("archived") == "true"
        found = (self._shown(each) for each in PEOPLE if _owner_id(each) == request.match_info["id"])
        shown = next((each for each in found if each["archived"] is archived), None)
        if shown is None:
            raise answers.refused(404, "Owner not found")
        return answers.body(shown)

    async def user(self, request: web.Request) -> web.Response:
        """By id, or by address with `idProperty=EMAIL`."""
        person = self._person(request)
        said = {"id": _user_id(person), "email": person.email, "superAdmin": person.admin, "roleIds": ["1"]}
        return answers.body(said)

    async def provision(self, request: web.Request) -> web.Response:
        """A user, perhaps once more."""
        email = (await request.json())["email"]
        person = next((each for each in PEOPLE if each.email == email), None)
        if person is None:
            raise answers.refused(400, "Nobody has this address")
        with self._site.store.change():
            self._kept.remove("left", person.name, self._now())
        return answers.body({"id": _user_id(person), "email": email}, 201)

    async def remove(self, request: web.Request) -> web.Response:
        """204."""
        person = self._person(request)
        with self._site.store.change():
            self._kept.put("left", person.name, {"at": self._now()}, self._now())
        return web.Response(status=204)

    def _person(self, request: web.Request) -> Person:
        by_email = request.query.get("idProperty") == "EMAIL"
        wanted = request.match_info["id"]
        found = next((each for each in PEOPLE if wanted == (each.email if by_email else _user_id(each))), None)
        if found is None or self._left(found):
            raise answers.refused(404, "User not found")
        return found

    def _left(self, person: Person) -> bool:
        return self._kept.get("left", person.name) is not None

    def _shown(self, person: Person) -> Document:
        first, _, last = person.full_name.partition(" ")
        left, at = self._left(person), shown_time(1_704_067_200_000)
        users: dict[str, Any] = {} if left else {"userId": int(_user_id(person))}
        return {
            "id": _owner_id(person),
            "email": person.email,
            "type": "PERSON",
            "firstName": first,
            "lastName": last,
            **users,
            "userIdIncludingInactive": int(_user_id(person)),
            "createdAt": at,
            "updatedAt": at,
            "archived": left,
        }

    def _now(self) -> int:
        return int(self._site.now() * 1000)


def _owner_id(person: Person) -> str:
    return str(int(person.sys_id[:6], 16))


def _user_id(person: Person) -> str:
    return str(int(person.sys_id[:6], 16) + 1)
