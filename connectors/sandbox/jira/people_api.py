"""`/rest/api/3/user...`, and what only the account's owner or the organisation may change (facts.md 2.3 [OAS-JIRA])."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from connectors.sandbox.editlog import Edit
from connectors.sandbox.jira import answers
from connectors.sandbox.jira.desk import Desk, page, payload_of, person_of
from connectors.sandbox.jira.events import Events
from connectors.sandbox.jira.roster import ADMINS, EVERYBODY, Account, Team
from connectors.sandbox.people import Person

_USER = "/rest/api/3/user"
_MANAGED = "/users/{account}/manage"
"""Paths of Atlassian's user management API, which has a host and a key of its own [M]; here both are this site's."""


class PeopleApi:
    """Handlers; each does its work between two awaits."""

    def __init__(self, desk: Desk, events: Events) -> None:
        self._desk, self._events, self._roster = desk, events, desk.issues.roster

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get(_USER, self.read),
            web.post(_USER, self.create),
            web.delete(_USER, self.remove),
            web.get(f"{_USER}/groups", self.groups),
            web.get(f"{_USER}/search", self.find),
            web.get(f"{_USER}/assignable/search", self.find),
            web.get("/rest/api/3/users", self.every),
            web.get("/rest/api/3/users/search", self.every),
            web.patch(f"{_MANAGED}/profile", self.rename),
            web.put(f"{_MANAGED}/email", self.readdress),
            web.post(f"{_MANAGED}/lifecycle/{{what}}", self.switch),
        ]

    async def read(self, request: web.Request) -> web.Response:
        """By account id."""
        person_of(request)
        return answers.body(self._shown(request, self._account(request.query.get("accountId", ""))))

    async def create(self, request: web.Request) -> web.Response:
        """201; also for somebody who has access already [OAS-JIRA]. The name is the account's own business."""
        given, person = await payload_of(request), admin_of(self._desk, request)
        email, products = given.get("emailAddress"), given.get("products")
        if not isinstance(email, str) or "@" not in email or not isinstance(products, list):
            raise answers.refused("emailAddress and products are required.")
        account = self._roster.by_email(email)
        if account is None:
            made = Account(id=f"712020:{uuid.uuid4()}", email=email, name=email.partition("@")[0])
            with self._desk.site.store.change():
                self._roster.save(made)
                if products:
                    self._roster.join(_named(self._desk, EVERYBODY), made.id)
                self._log("create", made, person, {"emailAddress": (None, email)})
                self._events.of_person("user_created", self._renderable(request, made), person)
            account = made
        return answers.body(self._shown(request, account), 201)

    async def remove(self, request: web.Request) -> web.Response:
        """204: access to the site ends, the Atlassian account stays [OAS-JIRA]."""
        person = admin_of(self._desk, request)
        account = self._account(request.query.get("accountId", ""))
        with self._desk.site.store.change():
            self._roster.remove(account.id)
            self._log("delete", account, person)
            self._events.of_person("user_deleted", self._renderable(request, account), person)
        return web.Response(status=204)

    async def groups(self, request: web.Request) -> web.Response:
        """The groups of somebody, as a bare list."""
        person_of(request)
        account = self._account(request.query.get("accountId", ""))
        return answers.body([group_view(self._desk, request, each) for each in self._roster.teams_of(account.id)])

    async def find(self, request: web.Request) -> web.Response:
        """By the beginning of a name or address, or by account id."""
        person_of(request)
        query, account = request.query.get("query", "").lower(), request.query.get("accountId")
        if not query and not account and not request.path.endswith("assignable/search"):
            raise answers.refused("The query parameter 'query', 'accountId' or 'property' is required.")
        return self._listed(request, lambda each: _fits(each, query, account))

    async def every(self, request: web.Request) -> web.Response:
        """Everybody, also who is not active."""
        person_of(request)
        return self._listed(request, lambda each: True)

    async def rename(self, request: web.Request) -> web.Response:
        """200. Only the organisation that manages the account may."""
        given, account = await payload_of(request), self._account(request.match_info["account"])
        return self._changed(request, account, msgspec.structs.replace(account, name=str(given["name"])))

    async def readdress(self, request: web.Request) -> web.Response:
        """200."""
        given, account = await payload_of(request), self._account(request.match_info["account"])
        return self._changed(request, account, msgspec.structs.replace(account, email=str(given["email"])))

    async def switch(self, request: web.Request) -> web.Response:
        """204 for `disable` and `enable`; `hide` and `show` stand for what the owner says of the e-mail address."""
        account, what = self._account(request.match_info["account"]), request.match_info["what"]
        after = {
            "disable": msgspec.structs.replace(account, active=False),
            "enable": msgspec.structs.replace(account, active=True),
            "hide": msgspec.structs.replace(account, hidden=True),
            "show": msgspec.structs.replace(account, hidden=False),
        }
        if what not in after:
            raise answers.not_found("no such lifecycle step")
        self._changed(request, account, after[what])
        return web.Response(status=204)

    def _changed(self, request: web.Request, before: Account, after: Account) -> web.Response:
        person = admin_of(self._desk, request)
        told = (("emailAddress", "email"), ("displayName", "name"), ("active", "active"))
        moved = {shown: (getattr(before, name), getattr(after, name)) for shown, name in told}
        fields = {name: pair for name, pair in moved.items() if pair[0] != pair[1]}
        with self._desk.site.store.change():
            self._roster.save(after)
            self._log("update", after, person, fields)
            self._events.of_person("user_updated", self._renderable(request, after), person)
        return answers.body(self._shown(request, after))

    def _account(self, id: str) -> Account:
        found = self._roster.get(id)
        if found is None:
            raise answers.not_found(f"Specified user does not exist or you do not have required permissions: {id}")
        return found

    def _listed(self, request: web.Request, fits: Callable[[Account], bool]) -> web.Response:
        start, size = page(request, default=50, cap=1000)
        found = [each for each in self._roster.all() if fits(each)]
        return answers.body([self._shown(request, each) for each in found[start : start + size]])

    def _shown(self, request: web.Request, account: Account) -> Any:
        return self._desk.renderer(request).user(account.id)

    def _renderable(self, request: web.Request, account: Account) -> dict[str, Any]:
        return self._desk.renderer(request).account(account)

    def _log(self, kind: Any, account: Account, person: Person, fields: Any = None) -> None:
        log(self._desk, "user", account.id, account.email, kind, person, fields)


def log(desk: Desk, object: str, id: str, key: str, kind: Any, person: Person, fields: Any = None) -> None:
    """One entry of the edit log. Inside a `change()`."""
    desk.site.log.append(
        Edit(
            at=desk.site.true_now(),
            object=object,
            id=id,
            key=key,
            actor=person.actor,
            user=person.name,
            kind=kind,
            fields=fields or {},
        )
    )


def admin_of(desk: Desk, request: web.Request) -> Person:
    """Whoever signed in, if that is a site administrator; else 403 [OAS-JIRA]."""
    person = person_of(request)
    team = _named(desk, ADMINS)
    if person.account_id not in {each.id for each in desk.issues.roster.members(team, inactive=False)}:
        raise answers.refused("You do not have permission to administer users and groups.", status=403)
    return person


def group_view(desk: Desk, request: web.Request, team: Team) -> dict[str, Any]:
    """A group as most answers show it."""
    link = desk.renderer(request).url(f"group?groupId={team.id}")
    return {"name": team.name, "groupId": team.id, "self": link}


def _named(desk: Desk, name: str) -> Team:
    found = desk.issues.roster.team("", name)
    if found is None:
        raise answers.refused(f"The site has no group {name}.", status=403)
    return found


def _fits(account: Account, query: str, wanted: str | None) -> bool:
    if wanted:
        return account.id == wanted
    names = (account.name.lower(), account.email.lower(), *account.name.lower().split())
    return any(name.startswith(query) for name in names)
