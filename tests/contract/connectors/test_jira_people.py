"""Jira: people, groups and properties, where Jira Cloud says less than one would like."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors import registry
from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings, Connector
from connectors.contract.errors import OutcomeUnknown, Refused
from connectors.contract.values import Change, ChangeKind, Ref, Write, WriteKind
from connectors.sandbox import start

API = "/rest/api/3"
OBJECTS = {"user": {}, "group": {}, "issue": {"project": "OPS", "properties": ["lockstep"]}}


class Site:
    """A stand-in, our connector, and an administrator."""

    def __init__(self, url: str, http: httpx.AsyncClient, connector: Connector) -> None:
        self.url, self.http, self.connector = url, http, connector

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def invite(self, name: str) -> str:
        given = {"emailAddress": f"{name}@example.com", "products": []}
        return str((await self.ask("POST", f"{API}/user", given))["accountId"])

    async def group(self, name: str, *accounts: str) -> Ref:
        id = (await self.ask("POST", f"{API}/group", {"name": name}))["groupId"]
        for account in accounts:
            await self.ask("POST", f"{API}/group/user?groupId={id}", {"accountId": account})
        return Ref(object="group", id=id, key=name)

    async def round(self, cursor: Any) -> tuple[list[Change], Any]:
        found: list[Change] = []
        while True:
            page = await self.connector.changes(cursor)
            found, cursor = [*found, *page.changes], page.cursor
            if not page.more:
                return found, cursor

    async def members(self, ref: Ref) -> list[str]:
        return list((await self.connector.read(ref)).raw["members"])

    async def update(self, ref: Ref, values: dict[str, Any]) -> None:
        await self.connector.apply(write(WriteKind.UPDATE, ref=ref, values=values))

    async def log(self, after: int = 0) -> list[Any]:
        return list((await self.ask("GET", f"/_sandbox/log?after={after}"))["entries"])


def write(kind: WriteKind, object: str = "", ref: Ref | None = None, **given: Any) -> Write:
    named = ref.object if ref else object
    return Write(kind=kind, object=named, ref=ref, operation="op", correlation="c", timeout_s=5.0, **given)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    stand_in = await start("jira", data=tmp_path / "jira.db", time_scale=0.0001)
    settings = ConnectionSettings(
        name="jira",
        connector="jira",
        url=stand_in.url,
        auth={"basic": {"user": "lockstep@example.com", "password": "lockstep-secret"}},
        objects=OBJECTS,
    )
    connector = registry.create(settings, clock=SystemClock())
    async with httpx.AsyncClient(base_url=stand_in.url, auth=("ann@example.com", "ann-secret")) as http:
        yield Site(stand_in.url, http, connector)
    await connector.close()
    await stand_in.stop()


async def test_a_round_tells_of_people_and_groups_and_only_of_what_changed(site: Site) -> None:
    eve, _ = await site.invite("eve"), await site.invite("fay")
    team = await site.group("night shift")
    _, cursor = await site.round(None)
    assert (await site.round(cursor))[0] == []
    await site.ask("POST", f"/users/{eve}/manage/lifecycle/disable")
    await site.ask("POST", f"{API}/group/user?groupId={team.id}", {"accountId": eve})
    found, cursor = await site.round(cursor)
    assert [(each.snapshot.object, each.snapshot.id, each.kind) for each in found] == [
        ("user", eve, ChangeKind.HINT),
        ("group", team.id, ChangeKind.HINT),
    ]
    assert (await site.connector.read(Ref(object="user", id=eve))).raw["active"] is False
    assert await site.members(team) == ["eve@example.com"]
    await site.ask("DELETE", f"{API}/user?accountId={eve}")
    found, _ = await site.round(cursor)
    assert {each.snapshot.id for each in found} == {eve, team.id}
    assert not (await site.connector.read(Ref(object="user", id=eve))).exists


async def test_a_cursor_of_issues_alone_goes_on(site: Site) -> None:
    """Connections that ran before there were people keep their place."""
    _, cursor = await site.round(None)
    alone = cursor["objects"]["issue"]
    await site.ask(
        "POST", f"{API}/issue", {"fields": {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "s"}}
    )
    found, after = await site.round(alone)
    assert [each.snapshot.object for each in found] == ["issue"]
    assert set(after["objects"]) == {"issue", "user", "group"}


@pytest.mark.parametrize("values", [{"active": False}, {"displayName": "E"}, {"emailAddress": "e@example.com"}])
async def test_nobody_changes_a_profile(site: Site, values: dict[str, Any]) -> None:
    eve = Ref(object="user", id=await site.invite("eve"))
    with pytest.raises(Refused) as refused:
        await site.update(eve, values)
    assert refused.value.fields.keys() == values.keys()
    assert "organisation" in str(refused.value) or "admin.atlassian.com" in str(refused.value)
    more = {"emailAddress": "x@example.com", "displayName": "X"}
    with pytest.raises(Refused, match="profile"):
        await site.connector.apply(write(WriteKind.CREATE, "user", values=more))


async def test_members_come_and_go_one_by_one_and_nobody_is_doubled(site: Site) -> None:
    eve, fay = await site.invite("eve"), await site.invite("fay")
    team = await site.group("night shift", eve)
    assert await site.members(team) == ["eve@example.com"]
    wanted = {"members": ["fay@example.com", "bob@example.com"]}
    before = len(await site.log())
    await site.update(team, wanted)
    await site.update(team, wanted)
    assert await site.members(team) == ["bob@example.com", "fay@example.com"]
    assert [entry["kind"] for entry in (await site.log())[before:]] == ["update"] * 3
    await site.ask("POST", f"/users/{fay}/manage/lifecycle/hide")
    assert await site.members(team) == [fay, "bob@example.com"]


async def test_who_came_since_we_looked_stays_and_who_went_is_not_let_in_again(site: Site) -> None:
    eve, fay = await site.invite("eve"), await site.invite("fay")
    team = await site.group("night shift", eve)
    await site.members(team)
    await site.ask("POST", f"{API}/group/user?groupId={team.id}", {"accountId": fay})
    await site.ask("DELETE", f"{API}/group/user?groupId={team.id}&accountId={eve}")
    await site.update(team, {"members": ["eve@example.com", "bob@example.com"]})
    assert await site.members(team) == ["bob@example.com", "fay@example.com"]


async def test_who_came_since_we_saw_nobody_stays_too(site: Site) -> None:
    _, cal = await site.invite("bea"), await site.invite("cal")
    crew = await site.group("empty-crew")
    assert await site.members(crew) == []
    await site.ask("POST", f"{API}/group/user?groupId={crew.id}", {"accountId": cal})
    await site.update(crew, {"members": ["bea@example.com"]})
    assert await site.members(crew) == ["bea@example.com", "cal@example.com"]


async def test_somebody_unknown_stops_the_whole_write_before_it_begins(site: Site) -> None:
    team = await site.group("night shift")
    await site.members(team)
    with pytest.raises(Refused, match="nobody has the e-mail zoe") as refused:
        await site.update(team, {"members": ["bob@example.com", "zoe@example.com"]})
    assert set(refused.value.fields) == {"members"}
    assert await site.members(team) == []


async def test_half_of_the_members_is_no_refusal(site: Site) -> None:
    """Passes wrongly if the first join were the one that fails: then there was no effect, and it may say so."""
    team = await site.group("night shift")
    await site.members(team)
    match = {"actor": "gateway", "write": True}
    await site.ask("POST", "/_sandbox/faults", {"kind": "status", "status": 403, "skip": 1, "count": 1, "match": match})
    with pytest.raises(OutcomeUnknown, match="1 changes of the group stand"):
        await site.update(team, {"members": ["ann@example.com", "bob@example.com"]})
    assert await site.members(team) == ["ann@example.com"]
    await site.update(team, {"members": ["ann@example.com", "bob@example.com"]})
    assert len(await site.members(team)) == 2


async def test_a_group_is_made_once_and_nobody_elses_is_taken_over(site: Site) -> None:
    made = write(WriteKind.CREATE, "group", values={"name": "night shift", "members": ["bob@example.com"]})
    first, again = await site.connector.apply(made), await site.connector.apply(made)
    assert first.ref == again.ref
    assert await site.members(first.ref) == ["bob@example.com"]
    theirs = write(WriteKind.CREATE, "group", values={"name": "site-admins", "members": ["bob@example.com"]})
    with pytest.raises(Refused, match="already exists"):
        await site.connector.apply(theirs)
    with pytest.raises(Refused, match="renames no group"):
        await site.update(first.ref, {"name": "day shift"})


async def test_people_and_groups_are_found_by_their_natural_keys(site: Site) -> None:
    [bob] = await site.connector.find_by("user", {"emailAddress": "Bob@example.com"})
    assert (await site.connector.find_by("user", {"accountId": bob.id})) == [bob]
    [admins] = await site.connector.find_by("group", {"name": "site-admins"})
    assert admins.key == "site-admins"
    assert await site.connector.find_by("group", {"name": "nobody"}) == []
    assert (await site.connector.find("user", "c"), await site.connector.find("group", "c")) == ((), ())


async def test_a_property_is_laid_over_what_was_there(site: Site) -> None:
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "s"}
    issue = Ref(object="issue", id=(await site.ask("POST", f"{API}/issue", {"fields": fields}))["id"])
    path = f"{API}/issue/{issue.id}/properties/lockstep"
    await site.ask("PUT", path, {"theirs": 1, "stage": "dev", "gone": 1})
    assert (await site.connector.read(issue)).raw["properties"]["lockstep"]["stage"] == "dev"
    await site.update(issue, {"properties": {"lockstep": {"stage": "test", "gone": None}}})
    assert (await site.ask("GET", path))["value"] == {"theirs": 1, "stage": "test"}
    await site.update(issue, {"fields": {"summary": "t"}, "properties": {"lockstep": {"stage": "prod"}}})
    snapshot = await site.connector.read(issue)
    assert (snapshot.raw["fields"]["summary"], snapshot.raw["properties"]["lockstep"]["stage"]) == ("t", "prod")
    with pytest.raises(Refused, match="is not read"):
        await site.update(issue, {"properties": {"other": {"a": 1}}})
