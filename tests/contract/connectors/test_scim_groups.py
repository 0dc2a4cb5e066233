"""Members of groups: known to mappings by what other systems call them, and waited for where they are not there yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors import sandbox
from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import Retryable
from connectors.contract.values import Change, ChangeKind, Ref, Write, WriteKind
from connectors.scim.connector import Scim, create


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Scim]:
    server = await sandbox.start("scim", data=tmp_path / "scim.db")
    settings = ConnectionSettings(
        name="app",
        connector="scim",
        url=f"{server.url}/scim/v2",
        auth={"bearer": {"token": "lockstep-secret"}},
        objects={"user": {}, "group": {}},
    )
    made = create(settings, clock=SystemClock())
    yield made
    await made.close()
    await server.stop()


async def put(app: Scim, object: str, values: dict[str, Any], of: Ref | None = None) -> Ref:
    etag = (await app.read(of)).etag if of else None
    kind = WriteKind.UPDATE if of else WriteKind.CREATE
    write = Write(kind=kind, object=object, ref=of, etag=etag, operation="o", correlation=str(values), values=values)
    return (await app.apply(write)).ref


async def user(app: Scim, name: str, **more: Any) -> Ref:
    return await put(app, "user", {"userName": name, **more})


async def test_members_are_written_and_read_by_what_people_are_called(app: Scim) -> None:
    babs = await user(app, "babs", email="Babs@example.com")
    await user(app, "mandy")
    group = await put(app, "group", {"displayName": "Guides", "people": ["babs@example.com", "mandy"]})
    raw = (await app.read(group)).raw
    assert raw["people"] == ["babs@example.com", "mandy"]
    await put(app, "group", {"people": ["babs@example.com"]}, group)
    raw = (await app.read(group)).raw
    assert (raw["people"], [each["value"] for each in raw["members"]]) == (["babs@example.com"], [babs.id])
    await put(app, "group", {"people": []}, group)
    assert (await app.read(group)).raw["people"] == []


async def test_somebody_without_an_account_is_waited_for_and_nobody_is_left_out(app: Scim) -> None:
    await user(app, "babs")
    group = await put(app, "group", {"displayName": "Guides", "people": ["babs"]})
    with pytest.raises(Retryable, match="waits for 1 of its members, who are not known yet: zoe") as waits:
        await put(app, "group", {"people": ["babs", "zoe"]}, group)
    assert waits.value.retry_after_s
    assert (await app.read(group)).raw["people"] == ["babs"]
    await user(app, "zoe")
    await put(app, "group", {"people": ["babs", "zoe"]}, group)
    assert (await app.read(group)).raw["people"] == ["babs", "zoe"]


async def test_a_group_whose_member_cannot_be_read_is_not_read_without_it(app: Scim) -> None:
    group = await put(app, "group", {"displayName": "Guides", "members": [{"value": "nobody"}]})
    with pytest.raises(Retryable, match="nobody"):
        await app.read(group)


async def test_a_group_in_the_group_stays_and_is_no_person(app: Scim) -> None:
    await user(app, "babs")
    inner = await put(app, "group", {"displayName": "Inner"})
    nested = {"value": inner.id, "type": "Group"}
    group = await put(app, "group", {"displayName": "Guides", "members": [nested]})
    await put(app, "group", {"people": ["babs"]}, group)
    raw = (await app.read(group)).raw
    assert raw["people"] == ["babs"]
    assert inner.id in [each["value"] for each in raw["members"]]


async def test_a_poll_says_of_a_group_only_that_it_is_to_be_read(app: Scim) -> None:
    group = await put(app, "group", {"displayName": "Guides"})
    found: list[Change] = []
    cursor = None
    while True:
        page = await app.changes(cursor)
        found, cursor = [*found, *page.changes], page.cursor
        if not page.more:
            break
    [told] = [each for each in found if each.snapshot.object == "group"]
    assert (told.kind, told.snapshot.id, told.snapshot.partial) == (ChangeKind.HINT, group.id, True)
