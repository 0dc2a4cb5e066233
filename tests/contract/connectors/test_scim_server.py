"""The SCIM connector against scim2-server, which others wrote, in every way of sending changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors import sandbox
from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import Conflict, Refused
from connectors.contract.values import Ref, Snapshot, Write, WriteKind
from connectors.sandbox.server import StandIn
from connectors.scim.connector import Scim, create

BARBARA = {
    "userName": "bjensen@example.com",
    "displayName": "Babs Jensen",
    "name": {"givenName": "Barbara", "familyName": "Jensen"},
    "email": "bjensen@example.com",
    "active": True,
    "enterprise": {"department": "Tours", "employeeNumber": "701984"},
}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[StandIn]:
    made = await sandbox.start("scim", data=tmp_path / "scim.db")
    yield made
    await made.stop()


def connector(server: StandIn, *, person: str = "lockstep", objects: Any = None, **options: Any) -> Scim:
    settings = ConnectionSettings(
        name="app",
        connector="scim",
        url=f"{server.url}/scim/v2",
        auth={"bearer": {"token": f"{person}-secret"}},
        options=options,
        objects=objects or {"user": {}},
    )
    return create(settings, clock=SystemClock())


def write(kind: WriteKind, values: Any = None, *, of: Snapshot | None = None, object: str = "user") -> Write:
    return Write(
        kind=kind,
        object=object,
        operation="op",
        correlation="c-1",
        values=values or {},
        ref=Ref(object=object, id=of.id) if of else None,
        etag=of.etag if of else None,
    )


async def made(app: Scim, values: Any = None, object: str = "user") -> Snapshot:
    receipt = await app.apply(write(WriteKind.CREATE, values or BARBARA, object=object))
    assert receipt.snapshot is not None
    return receipt.snapshot


@pytest.mark.parametrize("patch", ["paths", "values", "put"])
async def test_what_is_written_is_read_back(server: StandIn, patch: str) -> None:
    app = connector(server, patch=patch)
    user = await made(app)
    assert (user.correlation, user.key, user.raw["email"]) == ("c-1", "bjensen@example.com", "bjensen@example.com")
    changed = {
        "active": False,
        "name": {"givenName": "Babs"},
        "email": "babs@example.com",
        "displayName": None,
        "enterprise": {"department": "Ops"},
    }
    await app.apply(write(WriteKind.UPDATE, changed, of=user))
    read = await app.read(Ref(object="user", id=user.id))
    assert read.raw["active"] is False
    assert read.raw["name"] == {"givenName": "Babs", "familyName": "Jensen"}, "what was not said stays"
    assert read.raw["email"] == "babs@example.com"
    assert [(each["type"], each.get("primary")) for each in read.raw["emails"]] == [("work", True)]
    assert read.raw.get("displayName") is None
    assert read.raw["enterprise"] == {"department": "Ops", "employeeNumber": "701984"}
    assert read.correlation == "c-1"
    with pytest.raises(Conflict):
        await app.apply(write(WriteKind.UPDATE, {"active": True}, of=user))
    await app.apply(write(WriteKind.DELETE, of=read))
    assert not (await app.read(Ref(object="user", id=user.id))).exists
    await app.close()


async def test_another_address_of_the_person_stays(server: StandIn) -> None:
    app = connector(server)
    both = [{"value": "b@home.example", "type": "home"}, {"value": "b@work.example", "type": "work"}]
    user = await made(app, {"userName": "b", "emails": both})
    await app.apply(write(WriteKind.UPDATE, {"email": "new@work.example"}, of=user))
    read = await app.read(Ref(object="user", id=user.id))
    assert sorted(each["value"] for each in read.raw["emails"]) == ["b@home.example", "new@work.example"]
    assert read.raw["email"] == "new@work.example"
    await app.close()


async def test_a_name_that_somebody_has_is_refused_and_one_of_ours_is_found(server: StandIn) -> None:
    app = connector(server)
    await made(app)
    with pytest.raises(Conflict):  # a create that landed late: it is there, with our key
        await app.apply(write(WriteKind.CREATE, BARBARA))
    other = Write(kind=WriteKind.CREATE, object="user", operation="o", correlation="c-2", values=BARBARA)
    with pytest.raises(Refused) as refused:
        await app.apply(other)
    assert list(refused.value.fields) == ["userName"]
    await app.close()


@pytest.mark.parametrize(
    "fragment",
    [
        {"userName": "BJENSEN@example.com"},
        {"email": "bjensen@example.com"},
        {"enterprise": {"employeeNumber": "701984"}},
    ],
)
async def test_a_person_is_found_by_a_natural_key(server: StandIn, fragment: Any) -> None:
    app = connector(server)
    user = await made(app)
    assert [each.id for each in await app.find_by("user", fragment)] == [user.id]
    assert [each.id for each in await app.find("user", "c-1")] == [user.id]
    await app.close()


@pytest.mark.parametrize("since", [True, False])
async def test_changes_are_told_once_whether_the_server_filters_or_not(server: StandIn, since: bool) -> None:
    app = connector(server, since=since, page_size=2, objects={"user": {}, "group": {}})
    for number in range(3):
        await app.apply(
            Write(
                kind=WriteKind.CREATE,
                object="user",
                operation="o",
                correlation=f"c{number}",
                values={"userName": f"u{number}"},
            )
        )
    told, cursor = await rounds(app, None)
    assert len(told) == (3 if since else 0), "where nothing but comparing tells, what is there at first is no news"
    assert (await rounds(app, cursor))[0] == []
    group = await made(app, {"displayName": "Ops"}, "group")
    user = (await app.find("user", "c1"))[0]
    read = await app.read(user)
    await app.apply(write(WriteKind.UPDATE, {"title": "Guide"}, of=read))
    await app.apply(write(WriteKind.UPDATE, {"members": [{"value": user.id}]}, of=group, object="group"))
    told, cursor = await rounds(app, cursor)
    assert sorted(told) == sorted([("user", user.id), ("group", group.id)])
    assert (await rounds(app, cursor))[0] == []
    members = (await app.read(Ref(object="group", id=group.id))).raw["members"]
    assert [each["value"] for each in members] == [user.id]
    await app.close()


async def rounds(app: Scim, cursor: Any) -> tuple[list[tuple[str, str]], Any]:
    told: list[tuple[str, str]] = []
    while True:
        page = await app.changes(cursor)
        told += [(each.snapshot.object, each.snapshot.id) for each in page.changes]
        cursor = page.cursor
        if not page.more:
            return told, cursor


async def test_the_check_proves_what_the_options_say(server: StandIn) -> None:
    app = connector(server)
    assert {each.proves: each.ok for each in await app.check()} == {
        "sign-in and read user": True,
        "marker of user": True,
        "user by time": True,
    }
    await app.close()
    stranger = connector(server, person="nobody")
    assert all(each.refused for each in await stranger.check())
    await stranger.close()
