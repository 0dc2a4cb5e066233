"""The people of the help desk and what they have, as its API shows them; a connector that ends all of it by the book,
and the clerk who gives it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from connectors.contract.access import Account, Ending, Grant, GrantKind, Holdings, Whom, objection
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import Refused
from connectors.contract.furnished import AccessFixture, Held
from connectors.rest.plain import PlainApi
from tests.conformance.sound import Sound, a_list, a_thing

WORK, TOKEN, ROLE, GROUP = GrantKind.WORK, GrantKind.TOKEN, GrantKind.ROLE, GrantKind.GROUP


class Staff:
    """`/staff` (who), `/things` (what, and whose). Nothing is checked: whoever asks gets it done."""

    def __init__(self) -> None:
        self.people: dict[str, dict[str, Any]] = {}
        self.things: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(1)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/staff", self.every),
            web.post("/staff", self.hire),
            web.get("/staff/{id}", self.one),
            web.patch("/staff/{id}", self.switch),
            web.delete("/staff/{id}", self.dismiss),
            web.get("/things", self.theirs),
            web.post("/things", self.give),
            web.get("/things/{id}", self.thing),
            web.patch("/things/{id}", self.hand_over),
            web.delete("/things/{id}", self.take),
        ]

    async def every(self, request: web.Request) -> web.Response:
        wanted = {name: value.casefold() for name, value in request.query.items()}
        rows = [row for row in self.people.values() if all(row[name].casefold() == it for name, it in wanted.items())]
        return web.json_response({"items": rows})

    async def hire(self, request: web.Request) -> web.Response:
        return self._made(self.people, {**await request.json(), "on": True})

    async def one(self, request: web.Request) -> web.Response:
        return web.json_response(self._known(self.people, request))

    async def switch(self, request: web.Request) -> web.Response:
        row = self._known(self.people, request)
        row |= await request.json()
        return web.json_response(row)

    async def dismiss(self, request: web.Request) -> web.Response:
        del self.people[self._known(self.people, request)["id"]]
        return web.json_response({})

    async def theirs(self, request: web.Request) -> web.Response:
        rows = [row for row in self.things.values() if row["owner"] == request.query["owner"]]
        at, size = int(request.query.get("at", "0")), int(request.query.get("limit", "1000"))
        following = at + size if at + size < len(rows) else 0
        return web.json_response({"items": rows[at : at + size], "next": following})

    async def give(self, request: web.Request) -> web.Response:
        return self._made(self.things, {"through": "", **await request.json()})

    async def thing(self, request: web.Request) -> web.Response:
        return web.json_response(self._known(self.things, request))

    async def hand_over(self, request: web.Request) -> web.Response:
        row = self._known(self.things, request)
        row |= await request.json()
        return web.json_response(row)

    async def take(self, request: web.Request) -> web.Response:
        """With what came by way of it."""
        id = self._known(self.things, request)["id"]
        self.things = {each: row for each, row in self.things.items() if id not in (each, row["through"])}
        return web.json_response({})

    def _made(self, into: dict[str, dict[str, Any]], row: dict[str, Any]) -> web.Response:
        row["id"] = str(next(self._ids))
        into[row["id"]] = row
        return web.json_response(row, status=201)

    def _known(self, into: dict[str, dict[str, Any]], request: web.Request) -> dict[str, Any]:
        if request.match_info["id"] not in into:
            raise web.HTTPNotFound
        return into[request.match_info["id"]]


class Sounder(Sound):
    """Implements `EndsAccess` as well."""

    @property
    def ends(self) -> Mapping[GrantKind, str]:
        return {ROLE: "", GROUP: "", WORK: "", GrantKind.ACCOUNT: "", TOKEN: "keys hang in the porter's lodge"}

    async def accounts(self, whom: Whom) -> Sequence[Account]:
        if whom.account:
            row = await self._person(whom.account)
            return [self._shown(row, "account")] if row else []
        found: dict[str, Account] = {}
        for field, name in (("email", "email"), ("user_name", "name")):
            value = getattr(whom, field)
            rows = (await self.client.read("/staff", {name: value}, sound=a_list)).data["items"] if value else []
            found |= {row["id"]: self._shown(row, field) for row in rows}
        return list(found.values())

    async def holdings(self, account: str) -> Holdings:
        row = await self._person(account)
        if row is None:
            await self.client.read("/me")
            return Holdings(account=None, grants=())
        grants = [self._grant(each) for each in await self.things(account)]
        on = [Grant(kind=GrantKind.ACCOUNT, id=row["id"], name=row["name"])] if row["on"] else []
        return Holdings(account=self._shown(row), grants=(*grants, *on))

    async def things(self, account: str) -> list[Mapping[str, Any]]:
        """To the last page."""
        found, at, more = list[Mapping[str, Any]](), 0, True
        while more:
            data = (await self.client.read("/things", {"owner": account, "at": at, "limit": self.limit})).data
            found += data["items"]
            at, more = data["next"], bool(data["next"])
        return found

    async def end(self, ending: Ending) -> None:
        if why := self.objects(ending):
            raise Refused(why, said=why)
        grant = ending.grant
        if grant.kind is GrantKind.ACCOUNT:
            await self.switch_off(ending)
        elif grant.kind is not WORK:
            await self.send(ending, "DELETE", f"/things/{grant.id}", None)
        elif await self.is_still(ending):
            await self.send(ending, "PATCH", f"/things/{grant.id}", {"owner": ending.to.id if ending.to else ""})

    def objects(self, ending: Ending) -> str:
        return objection(self.ends, ending)

    async def switch_off(self, ending: Ending) -> None:
        await self.send(ending, "PATCH", f"/staff/{ending.account.id}", {"on": False})

    async def is_still(self, ending: Ending) -> bool:
        found = await self.client.read(f"/things/{ending.grant.id}", sound=a_thing, tolerate={404})
        return found.status != 404 and bool(found.data["owner"] == ending.account.id)

    async def send(self, ending: Ending, method: str, path: str, body: Any) -> None:
        await self.client.write(method, path, body, tolerate={404}, timeout_s=ending.timeout_s)

    async def _person(self, id: str) -> Mapping[str, Any] | None:
        found = await self.client.read(f"/staff/{id}", sound=a_thing, tolerate={404})
        return None if found.status == 404 else found.data

    def _shown(self, row: Mapping[str, Any], *matched: str) -> Account:
        return Account(id=row["id"], name=row["name"], email=row["email"], active=row["on"], matched=matched)

    def _grant(self, row: Mapping[str, Any]) -> Grant:
        return Grant(kind=GrantKind(row["kind"]), id=row["id"], name=row["name"], through=row["through"])


class Porter:
    """Implements `Clerk`."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)

    async def hire(self, mark: str) -> Whom:
        return Whom(email=f"{mark}@x.org", user_name=mark, account=await self._put("staff", mark, f"{mark}@x.org"))

    async def twin(self, whom: Whom, mark: str) -> str:
        return await self._put("staff", mark, whom.email.upper())

    async def furnish(self, account: str, count: int, mark: str) -> None:
        for kind in (ROLE, GROUP, WORK, TOKEN):
            for _ in range(count):
                await self._api.ask("POST", "/things", {"kind": kind, "name": mark, "owner": account})
        group = await self._api.ask("POST", "/things", {"kind": GROUP, "name": mark, "owner": account})
        said = {"kind": ROLE, "name": mark, "owner": account, "through": group["id"]}
        await self._api.ask("POST", "/things", said)

    async def has(self, account: str) -> Held:
        row = await self._api.ask("GET", f"/staff/{account}", absent=(404,))
        if row is None:
            return {}
        rows = (await self._api.ask("GET", f"/things?owner={account}"))["items"]
        kinds = {GrantKind(each["kind"]) for each in rows}
        found = {kind: frozenset(each["id"] for each in rows if each["kind"] == kind) for kind in kinds}
        return found | ({GrantKind.ACCOUNT: frozenset({account})} if row["on"] else {})

    async def pass_on(self, kind: GrantKind, id: str, to: str) -> None:
        await self._api.ask("PATCH", f"/things/{id}", {"owner": to})

    async def dismiss(self, account: str) -> None:
        await self._api.ask("DELETE", f"/staff/{account}", absent=(404,))

    async def close(self) -> None:
        await self._api.close()

    async def _put(self, what: str, name: str, email: str) -> str:
        return str((await self._api.ask("POST", f"/{what}", {"name": name, "email": email}))["id"])


def _settings(url: str, person: str) -> ConnectionSettings:
    auth = {"basic": {"user": person, "password": f"{person}-secret"}}
    return ConnectionSettings(name="desk", connector="desk", url=url, auth=auth, objects={"ticket": {}})


ACCESS = AccessFixture(system="desk", sandbox=_settings, clerk=Porter)
