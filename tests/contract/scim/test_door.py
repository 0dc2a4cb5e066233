"""The SCIM endpoint: who may push, what is refused and how, and that nothing accepted is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract.access import Ending, GrantKind, Whom
from connectors.contract.errors import Refused
from connectors.contract.values import ChangeKind, Ref
from gateway.access.rights import Principal, Role
from gateway.config.values import Limits
from gateway.intake.scim import tables as t
from tests.support.pushing import TOKEN, Provider, pushing
from tests.support.unpressed import unpressed

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
BARBARA = {"schemas": [USER], "userName": "bjensen@example.com", "externalId": "00u1", "active": True}
USERS = "/Users"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    async with pushing(tmp_path) as made:
        yield made


async def made(provider: Provider, **more: Any) -> Any:
    status, said, _ = await provider.ask("POST", "/Users", {**BARBARA, **more})
    assert status == 201, said
    return said


async def test_a_tester_that_others_wrote_finds_nothing(provider: Provider) -> None:
    """scim2-tester: discovery, and every attribute created, read, asked for, replaced, patched and taken away."""
    from tests.contract.scim.tester import checked

    tested, bad = await asyncio.to_thread(checked, provider.base, TOKEN)
    assert not bad, "\n".join(bad)
    assert tested > 100, "hardly anything was tested"
    assert len(provider.stream.changes) > 100, "what was accepted was told of"


@pytest.mark.parametrize(
    ("roles", "connections", "status"),
    [
        ({Role.PROVISIONER}, {"okta"}, 200),
        ({Role.VIEWER, Role.OPERATOR, Role.INTEGRATOR}, None, 403),
        ({Role.PROVISIONER}, {"other"}, 404),
    ],
)
async def test_a_token_pushes_to_its_connection_and_others_do_not(
    provider: Provider, roles: set[Role], connections: set[str] | None, status: int
) -> None:
    scope = None if connections is None else frozenset(connections)
    provider.who[0] = Principal(id="token:x", name="x", roles=frozenset(roles), connections=scope)
    answered, said, _ = await provider.ask("GET", "/Users")
    assert answered == status, said
    if status != 200:
        assert (said["schemas"], said["status"]) == ([ERROR], str(status))


async def test_a_session_of_a_person_pushes_nothing(provider: Provider) -> None:
    async with provider.http.get(f"{provider.base}/Users") as answer:
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="SCIM"')


async def test_what_a_pause_or_a_full_disk_refuses_is_asked_for_again(tmp_path: Path) -> None:
    async with pushing(tmp_path, pressure=unpressed(free=0)) as provider:
        status, said, headers = await provider.ask("POST", "/Users", BARBARA)
        assert (status, headers["Retry-After"], said["status"]) == (503, "30", "503")
        assert (await provider.ask("GET", "/Users"))[1]["totalResults"] == 0, "reading needs no room"
        provider.door.pressure = unpressed()
        provider.door.paused = lambda connection: f"{connection} is paused"
        assert (await provider.ask("POST", "/Users", BARBARA))[0] == 503
        provider.door.paused = lambda connection: ""
        await made(provider)
        assert len(provider.stream.changes) == 1


async def test_a_body_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    limits = Limits(body=2000, in_flight=1 << 20, disk_reserve=1, unhandled=10)
    async with pushing(tmp_path, pressure=unpressed(limits)) as provider:
        status, said, _ = await provider.ask("POST", "/Users", {**BARBARA, "title": "x" * 3000})
        assert (status, said["status"]) == (413, "413")


async def test_what_the_stream_could_not_take_is_brought_by_the_poll(provider: Provider) -> None:
    """Accepted is what the database has: the provider is not asked to repeat what would be refused as a duplicate."""
    provider.stream.away = True
    user = await made(provider)
    await provider.patch(f"/Users/{user['id']}", {"op": "replace", "path": "active", "value": False})
    assert provider.stream.changes == []
    page = await provider.connector.changes(None)
    told = [(each.snapshot.version, each.snapshot.raw["active"]) for each in page.changes]
    assert (told, page.more) == ([(1, True), (2, False)], False), "each change, in its order"
    again = await provider.connector.changes(None)
    assert again.changes == page.changes, "until the cursor has moved nothing is forgotten"
    assert (await provider.connector.changes(page.cursor)).changes == ()
    async with provider.database.read() as tx:
        assert not (await tx.execute(select(t.scim_change))).all()


async def test_a_stream_that_takes_it_leaves_nothing_to_the_poll(provider: Provider) -> None:
    user = await made(provider)
    assert [each.delivery_key for each in provider.stream.changes] == [f"user:{user['id']}:1"]
    assert (await provider.connector.changes(None)).changes == ()


async def test_what_was_pushed_is_read_back_by_the_connector(provider: Provider) -> None:
    user = await made(provider, emails=[{"value": "b@home.example"}, {"value": "b@work.example", "primary": True}])
    ref = Ref(object="user", id=user["id"])
    read = await provider.connector.read(ref)
    assert (read.version, read.key, read.raw["email"]) == (1, "bjensen@example.com", "b@work.example")
    assert read.raw == provider.stream.changes[0].snapshot.raw
    assert [each.id for each in await provider.connector.find_by("user", {"userName": "BJensen@example.com"})] == [
        user["id"]
    ]
    assert [each.id for each in (await provider.connector.ids("user", None)).listed] == [user["id"]]
    await provider.ask("DELETE", f"/Users/{user['id']}")
    assert not (await provider.connector.read(ref)).exists
    assert provider.stream.changes[-1].kind is ChangeKind.DELETED
    assert provider.stream.changes[-1].delivery_key == f"user:{user['id']}:deleted"


async def test_an_etag_that_is_not_the_present_one_changes_nothing(provider: Provider) -> None:
    user = await made(provider)
    path = f"/Users/{user['id']}"
    operation = {"op": "replace", "path": "title", "value": "Guide"}
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    assert (await provider.ask("PATCH", path, body, **{"If-Match": 'W/"1"'}))[2]["ETag"] == 'W/"2"'
    assert (await provider.ask("PATCH", path, body, **{"If-Match": 'W/"1"'}))[0] == 412
    assert (await provider.ask("DELETE", path, **{"If-Match": 'W/"1"'}))[0] == 412
    assert (await provider.ask("GET", path, **{"If-None-Match": 'W/"2"'}))[0] == 304
    assert len(provider.stream.changes) == 2


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_several_at_once_make_one_user(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = "" if store == "sqlite" else str(request.getfixturevalue("postgres_url"))
    async with pushing(tmp_path, url=url) as provider:
        answers = await asyncio.gather(*(provider.ask("POST", "/Users", BARBARA) for _ in range(5)))
        assert sorted(status for status, _, _ in answers) == [201, 409, 409, 409, 409]
        assert len(provider.stream.changes) == 1
        id = next(said["id"] for status, said, _ in answers if status == 201)
        title = [provider.patch(f"/Users/{id}", {"op": "replace", "path": "title", "value": str(n)}) for n in range(5)]
        versions = sorted(said["meta"]["version"] for said in await asyncio.gather(*title))
        assert versions == [f'W/"{number}"' for number in range(2, 7)], "none went over another unseen"
        assert (await provider.ask("GET", '/Users?filter=userName eq "BJENSEN@example.com"'))[1]["totalResults"] == 1
        assert (await provider.ask("DELETE", f"/Users/{id}"))[0] == 204
        assert (await provider.connector.changes(None)).changes == ()


async def test_pages_are_counted_from_one(provider: Provider) -> None:
    for number in range(5):
        await made(provider, userName=f"user{number}")
    pages = [(await provider.ask("GET", f"/Users?startIndex={at}&count=2"))[1] for at in (1, 3, 5, 6)]
    assert [(page["totalResults"], page["startIndex"], len(page.get("Resources", []))) for page in pages] == [
        (5, 1, 2),
        (5, 3, 2),
        (5, 5, 1),
        (5, 6, 0),
    ]
    ids = [each["id"] for page in pages for each in page.get("Resources", [])]
    assert len(set(ids)) == 5
    found = (await provider.ask("GET", '/Users?filter=userName eq "USER3" and active eq true'))[1]
    assert [each["userName"] for each in found["Resources"]] == ["user3"]


ENTRA: list[tuple[Any, dict[str, Any]]] = [
    ({"op": "Replace", "path": "active", "value": "False"}, {"active": False}),
    ({"op": "Add", "path": 'emails[type eq "work"].value', "value": "b@x.org"}, {"emails": [("work", "b@x.org")]}),
    ({"op": "Replace", "path": f"{ENTERPRISE}:department", "value": "Ops"}, {"department": "Ops"}),
    ({"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": "m1"}, {"manager": "m1"}),
    (
        {"op": "Replace", "value": {"name.givenName": "Barbara", f"{ENTERPRISE}:department": "Ops"}},
        {"given": "Barbara"},
    ),
    ({"op": "replace", "value": {"active": False}}, {"active": False}),
    ({"op": "replace", "value": {"active": "false", "urn:example:ours": {"badge": 7}}}, {"active": False}),
    ({"op": "Remove", "path": "title"}, {}),
]


@pytest.mark.parametrize(("operation", "shown"), ENTRA, ids=[str(number) for number in range(len(ENTRA))])
async def test_the_dialects_of_providers_are_understood(
    provider: Provider, operation: Any, shown: dict[str, Any]
) -> None:
    """facts.md 4.3 [M]: Entra's capitals, texts and ids, Okta's operations without a path."""
    user = await made(provider)
    said = await provider.patch(f"/Users/{user['id']}", operation)
    extension = said.get(ENTERPRISE, {})
    seen = {
        "active": said["active"],
        "emails": [(each["type"], each["value"]) for each in said.get("emails", [])],
        "department": extension.get("department"),
        "manager": extension.get("manager", {}).get("value"),
        "given": said.get("name", {}).get("givenName"),
    }
    assert shown.items() <= seen.items()


async def test_members_come_and_go_in_every_dialect(provider: Provider) -> None:
    _, group, _ = await provider.ask("POST", "/Groups", {"schemas": [GROUP], "displayName": "Ops"})
    path = f"/Groups/{group['id']}"
    await provider.patch(path, {"op": "Add", "path": "members", "value": [{"value": "a"}, {"value": "b"}]})
    await provider.patch(path, {"op": "Remove", "path": "members", "value": [{"value": "a"}]})
    said = await provider.patch(path, {"op": "remove", "path": 'members[value eq "c"]'})
    assert [each["value"] for each in said["members"]] == ["b"]
    assert provider.stream.changes[-1].snapshot.object == "group"
    said = await provider.patch(path, {"op": "remove", "path": "members"})
    assert "members" not in said


async def test_an_attribute_nobody_knows_does_not_keep_a_leaver_in(provider: Provider) -> None:
    user = await made(provider, shoeSize=44)
    said = {**BARBARA, "active": False, "shoeSize": 44}
    assert (await provider.ask("PUT", f"/Users/{user['id']}", said))[1]["active"] is False
    assert provider.stream.changes[-1].snapshot.raw["active"] is False
    assert provider.stream.changes[-1].snapshot.raw["shoeSize"] == 44


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind"),
    [
        ("POST", "/Users", b"{", 400, "invalidSyntax"),
        ("POST", "/Users", b"[]", 400, "invalidSyntax"),
        ("POST", "/Users", {"schemas": [USER]}, 400, "invalidValue"),
        ("GET", "/Users?filter=userName eq", None, 400, "invalidFilter"),
        ("GET", f"{USERS}/nobody", None, 404, None),
        ("PUT", f"{USERS}/nobody", BARBARA, 404, None),
        ("GET", "/Nonsense", None, 404, None),
        ("GET", "/Me", None, 501, None),
        ("POST", "/Bulk", {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]}, 501, None),
        ("DELETE", "/Users", None, 405, None),
    ],
)
async def test_a_refusal_is_a_scim_error_that_says_why(
    provider: Provider, method: str, path: str, body: Any, status: int, kind: str | None
) -> None:
    answered, said, headers = await provider.ask(method, path, body)
    assert (answered, said["schemas"], said["status"]) == (status, [ERROR], str(status)), said
    assert said.get("scimType") == kind
    assert said["detail"]
    assert headers["Content-Type"].startswith("application/scim+json")
    assert provider.stream.changes == []


async def test_a_media_type_that_is_no_json_is_refused(provider: Provider) -> None:
    assert (await provider.ask("POST", "/Users", b"<user/>", **{"Content-Type": "text/xml"}))[0] == 415


async def test_what_somebody_has_at_the_provider_is_told_and_ends_there(provider: Provider) -> None:
    user = await made(provider, emails=[{"value": "B@work.example"}])
    _, inner, _ = await provider.ask(
        "POST", "/Groups", {"schemas": [GROUP], "displayName": "Admins", "members": [{"value": user["id"]}]}
    )
    nested = [{"value": inner["id"], "type": "Group"}]
    await provider.ask("POST", "/Groups", {"schemas": [GROUP], "displayName": "All", "members": nested})
    (found,) = await provider.connector.accounts(Whom(email="b@WORK.example"))
    assert (found.id, found.matched) == (user["id"], ("email",))
    held = await provider.connector.holdings(found.id)
    assert held.account is not None
    told = {each.name: (each.kind, each.privileged, each.through) for each in held.grants}
    assert told == {
        "Admins": (GrantKind.GROUP, True, ""),
        "All": (GrantKind.GROUP, False, "Admins"),
        "bjensen@example.com": (GrantKind.ACCOUNT, False, ""),
    }
    for grant in held.grants:
        with pytest.raises(Refused, match=r"identity provider|by way of"):
            await provider.connector.end(Ending(account=held.account, grant=grant, operation="o"))
    await provider.patch(f"/Users/{user['id']}", {"op": "replace", "path": "active", "value": False})
    await provider.ask("DELETE", f"/Groups/{inner['id']}")
    after = await provider.connector.holdings(found.id)
    assert (after.account is not None and after.account.active, after.grants) == (False, ())
    await provider.ask("DELETE", f"/Users/{user['id']}")
    assert (await provider.connector.holdings(found.id)).account is None
    assert list(await provider.connector.accounts(Whom(account=found.id))) == []
