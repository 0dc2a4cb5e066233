"""What a user of a SCIM server has and how it ends: against scim2-server, which others wrote, and against the dialects
of servers that it does not speak.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from connectors import sandbox
from connectors.contract.access import Account, Ending, EndsAccess, Grant, GrantKind, Whom
from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import Conflict, Refused
from connectors.rest.plain import PlainApi
from connectors.scim.connector import Scim, create

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USERS = "/Users"


def settings(url: str, **options: Any) -> ConnectionSettings:
    auth = {"bearer": {"token": "lockstep-secret"}}
    return ConnectionSettings(
        name="app", connector="scim", url=url, auth=auth, objects={"user": {}, "group": {}}, options=options
    )


class Server:
    """scim2-server, whoever administers it, and connectors on it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.hand = PlainApi(settings(url))
        self._open: list[Scim] = []

    def app(self, **options: Any) -> Scim:
        made = create(settings(self.url, **options), clock=SystemClock())
        self._open.append(made)
        return made

    async def user(self, name: str, **more: Any) -> str:
        said = {"schemas": [USER, ENTERPRISE], "userName": name, "active": True, **more}
        return str((await self.hand.ask("POST", "/Users", said))["id"])

    async def group(self, name: str, *members: Mapping[str, str]) -> str:
        said = {"schemas": [GROUP], "displayName": name, "members": list(members)}
        return str((await self.hand.ask("POST", "/Groups", said))["id"])

    async def members(self, group: str) -> list[str]:
        found = await self.hand.ask("GET", f"/Groups/{group}")
        return [each["value"] for each in found.get("members") or ()]

    async def close(self) -> None:
        for each in self._open:
            await each.close()
        await self.hand.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    stand_in = await sandbox.start("scim", data=tmp_path / "scim.db")
    made = Server(f"{stand_in.url}/scim/v2")
    yield made
    await made.close()
    await stand_in.stop()


def ending(account: Account, grant: Grant) -> Ending:
    return Ending(account=account, grant=grant, operation="o1")


async def end_all(app: Scim, account: str) -> None:
    """As whoever carries a departure out does: all that is the person's own, then a look."""
    held = await app.holdings(account)
    assert held.account is not None
    for grant in held.grants:
        if not grant.through:
            await app.end(ending(held.account, grant))


async def test_one_is_found_by_name_address_and_number_in_any_case_and_all_of_them_are_told(server: Server) -> None:
    app = server.app()
    quoted = await server.user('o"brien\\x', emails=[{"value": "Ob@Example.com"}, {"value": "home@example.com"}])
    named = await server.user("ob@example.com", externalId="E-7")
    await server.user("somebody", emails=[{"value": "other@example.com"}])
    numbered = await server.user("zoe", **{ENTERPRISE: {"employeeNumber": "E-7"}})
    found = await app.accounts(Whom(email="OB@example.com"))
    assert {each.id: each.matched for each in found} == {quoted: ("email",), named: ("email",)}
    (one,) = await app.accounts(Whom(user_name='O"Brien\\x'))
    assert (one.id, one.email, one.matched) == (quoted, "Ob@Example.com", ("user_name",))
    assert {each.id for each in await app.accounts(Whom(employee_number="E-7"))} == {named, numbered}
    assert await app.accounts(Whom(account=named, email="home@example.com")) == (
        Account(id=named, name="ob@example.com", active=True, matched=("account",)),
    )
    assert await app.accounts(Whom()) == ()
    assert isinstance(app, EndsAccess)


@pytest.mark.parametrize("dialect", [{}, {"leave": "put"}, {"patch": "values"}, {"patch": "put", "etags": True}])
async def test_all_that_somebody_has_ends_and_nothing_of_anybody_else(server: Server, dialect: dict[str, Any]) -> None:
    """Over several pages, with a group in a group. It would pass wrongly if `holdings` showed less than there is: so
    the groups themselves are asked.
    """
    app = server.app(page_size=2, **dialect)
    rights = {"roles": [{"value": "auditor"}, {"value": "Global Administrator"}], "entitlements": [{"value": "crm"}]}
    ann, bob = await server.user("ann", **rights), await server.user("bob", **rights)
    groups = [await server.group(f"team {number}", {"value": ann}, {"value": bob}) for number in range(5)]
    await server.group("nobody of ours", {"value": bob})
    inner = await server.group("inner", {"value": ann})
    outer = await server.group("outer", {"value": inner, "type": "Group"}, {"value": bob})
    held = await app.holdings(ann)
    assert {(each.kind, each.id): each.through for each in held.grants} == {
        (GrantKind.ACCOUNT, ann): "",
        (GrantKind.ROLE, "roles:auditor"): "",
        (GrantKind.ROLE, "roles:Global Administrator"): "",
        (GrantKind.ROLE, "entitlements:crm"): "",
        **{(GrantKind.GROUP, each): "" for each in (*groups, inner)},
        (GrantKind.GROUP, outer): "inner",
    }
    assert held.account is not None
    assert held.account.privileged
    assert [each.name for each in held.grants if each.privileged] == ["Global Administrator"]
    assert set(held.unseen) == {GrantKind.SESSION, GrantKind.TOKEN}
    await end_all(app, ann)
    after = await app.holdings(ann)
    assert after.account is not None
    assert (after.account.active, after.grants) == (False, ())
    assert [await server.members(each) for each in (*groups, inner, outer)] == [*[[bob]] * 5, [], [inner, bob]]
    theirs = await app.holdings(bob)
    assert len(theirs.grants) == 1 + 3 + 5 + 2
    for grant in held.grants:
        if not grant.through:
            await app.end(ending(held.account, grant))  # the same again: no error, no effect


async def test_what_comes_by_another_group_is_not_ended_by_itself(server: Server) -> None:
    app, ann = server.app(), await server.user("ann")
    inner = await server.group("inner", {"value": ann})
    outer = await server.group("outer", {"value": inner, "type": "Group"})
    held = await app.holdings(ann)
    assert held.account is not None
    (grant,) = (each for each in held.grants if each.id == outer)
    with pytest.raises(Refused, match="by way of inner"):
        await app.end(ending(held.account, grant))
    assert await server.members(outer) == [inner]


async def test_what_is_gone_is_no_error(server: Server) -> None:
    app, ann = server.app(), await server.user("ann", roles=[{"value": "auditor"}])
    group = await server.group("team", {"value": ann})
    held = await app.holdings(ann)
    assert held.account is not None
    await server.hand.ask("DELETE", f"/Groups/{group}")
    await server.hand.ask("DELETE", f"/Users/{ann}")
    for grant in held.grants:
        await app.end(ending(held.account, grant))
    assert await app.holdings(ann) == type(held)(account=None, grants=())
    assert await app.accounts(Whom(account=ann)) == ()


async def test_a_whole_resource_that_somebody_changed_meanwhile_is_not_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The read and the PUT are two requests: the ETag keeps what was written between them."""
    app, ann = server.app(leave="put"), await server.user("ann")
    bob = await server.user("bob")
    group = await server.group("team", {"value": ann})
    held = await app.holdings(ann)
    assert held.account is not None
    (grant,) = (each for each in held.grants if each.kind is GrantKind.GROUP)
    send = app._client.write

    async def after_an_edit(*args: Any, **given: Any) -> Any:
        joins = {"op": "add", "path": "members", "value": [{"value": bob}]}
        schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
        await server.hand.ask("PATCH", f"/Groups/{group}", {"schemas": [schema], "Operations": [joins]})
        return await send(*args, **given)

    monkeypatch.setattr(app._client, "write", after_an_edit)
    with pytest.raises(Conflict):
        await app.end(ending(held.account, grant))
    monkeypatch.undo()
    await app.end(ending(held.account, grant))
    assert await server.members(group) == [bob]


class Dialect(httpx.AsyncBaseTransport):
    """A server that speaks otherwise: what it was sent, and what it says."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers, self.sent = answers, list[tuple[str, str, Any]]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        self.sent.append((request.method, request.url.path, orjson.loads(body) if body else None))
        found = self.answers.get(f"{request.method} {request.url.path}", (404, {"status": "404"}))
        if callable(found):
            found = found(request)
        status, said = found
        return httpx.Response(status, content=orjson.dumps(said) if said is not None else b"")


def listed(*rows: Any) -> tuple[int, Any]:
    return 200, {"totalResults": len(rows), "Resources": list(rows)}


ANN = {"id": "u1", "userName": "ann", "active": "True", "emails": [{"value": "ann@example.com"}]}


async def test_a_server_that_does_not_filter_by_addresses_is_asked_for_all() -> None:
    other = {"id": "u2", "userName": "bob"}

    def users(request: httpx.Request) -> tuple[int, Any]:
        if "filter" in request.url.params and "emails" in request.url.params["filter"]:
            return 400, {"scimType": "invalidFilter", "status": "400"}
        return listed(ANN, other)  # and pays no heed to the others

    app = create(settings("http://scim.test"), clock=SystemClock(), transport=Dialect({"GET /Users": users}))
    assert [each.id for each in await app.accounts(Whom(email="ann@example.com"))] == ["u1"]
    assert [each.id for each in await app.accounts(Whom(user_name="ann"))] == ["u1"]


async def test_groups_that_do_not_show_members_in_lists_are_read_one_by_one() -> None:
    group = {"id": "g1", "displayName": "team"}
    told = {**ANN, "groups": [{"value": "g9", "display": "hidden"}, {"value": "g8", "type": "indirect"}]}
    answers = {
        f"GET {USERS}/u1": (200, told),
        "GET /Groups": listed(group, {"id": "g2"}),
        "GET /Groups/g1": (200, {**group, "members": [{"value": "u1"}]}),
        "GET /Groups/g2": (200, {"id": "g2"}),
    }
    app = create(settings("http://scim.test"), clock=SystemClock(), transport=Dialect(answers))
    held = await app.holdings("u1")
    groups = {each.id: bool(each.through) for each in held.grants if each.kind is GrantKind.GROUP}
    assert groups == {"g1": False, "g9": False, "g8": True}
    assert held.account is not None
    assert held.account.active, "some say it as a text (facts.md 4.3)"


async def test_a_404_of_whatever_stands_in_its_place_is_no_proof_that_somebody_is_gone() -> None:
    app = create(settings("http://scim.test"), clock=SystemClock(), transport=Dialect({}))
    with pytest.raises(Refused, match="answered 404"):
        await app.holdings("u1")


@pytest.mark.parametrize(
    ("options", "operation"),
    [
        ({}, {"op": "remove", "path": 'members[value eq "u1"]'}),
        ({"leave": "value"}, {"op": "remove", "path": "members", "value": [{"value": "u1"}]}),
    ],
)
async def test_a_member_is_named_as_the_server_understands_it_and_its_absence_is_no_error(
    options: dict[str, Any], operation: Any
) -> None:
    said = Dialect({"PATCH /Groups/g1": (400, {"scimType": "noTarget", "status": "400"})})
    app = create(settings("http://scim.test", **options), clock=SystemClock(), transport=said)
    grant = Grant(kind=GrantKind.GROUP, id="g1", name="team", detail={"group": "g1"})
    await app.end(ending(Account(id="u1", name="ann", active=True), grant))
    assert [body["Operations"] for _, _, body in said.sent] == [[operation]]


async def test_a_refusal_is_no_end() -> None:
    said = Dialect({f"PATCH {USERS}/u1": (400, {"scimType": "mutability", "detail": "read-only", "status": "400"})})
    app = create(settings("http://scim.test"), clock=SystemClock(), transport=said)
    grant = Grant(kind=GrantKind.ACCOUNT, id="u1", name="ann")
    with pytest.raises(Refused, match="mutability: read-only"):
        await app.end(ending(Account(id="u1", name="ann", active=True), grant))
    session = Grant(kind=GrantKind.SESSION, id="s1", name="here")
    with pytest.raises(Refused, match="no such thing"):
        await app.end(ending(Account(id="u1", name="ann", active=True), session))
