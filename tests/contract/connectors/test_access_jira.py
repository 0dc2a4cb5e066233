"""What an account has on a Jira site and how it ends, against the stand-in's REST API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from connectors.contract.access import Account, Ending, EndsAccess, Grant, GrantKind, Holdings, Whom
from connectors.contract.errors import CredentialsError, Refused
from connectors.jira.connector import Jira
from connectors.sandbox.people import by_name
from tests.contract.connectors.bench import Bench

API = "/rest/api/3"
SMALL = {"page_size": 2}
NOTE = "Handed over by Lockstep: it was Dev Das's."


def id_of(name: str) -> str:
    person = by_name(name)
    assert person is not None
    return person.account_id


@pytest.fixture
async def app(jira: Bench) -> AsyncIterator[Jira]:
    """Pages of two, so that whatever is listed takes several."""
    connector = jira.connect(options=SMALL)
    assert isinstance(connector, Jira)
    yield connector
    await connector.close()


async def issues(jira: Bench, who: str, count: int) -> list[str]:
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "assignee": {"accountId": id_of(who)}}
    made = [await jira.human("POST", f"{API}/issue", {"fields": {**fields, "summary": f"{n}"}}) for n in range(count)]
    return [each["id"] for each in made]


async def group(jira: Bench, name: str, *members: str) -> str:
    made = await jira.human("POST", f"{API}/group", {"name": name})
    for each in members:
        await jira.human("POST", f"{API}/group/user?groupId={made['groupId']}", {"accountId": id_of(each)})
    return str(made["groupId"])


async def acts(jira: Bench, project: str, role: int, **actors: Sequence[str]) -> None:
    await jira.human("POST", f"{API}/project/{project}/role/{role}", actors)


def ending(account: Account, grant: Grant, to: Account | None = None, note: str = "") -> Ending:
    return Ending(account=account, grant=grant, operation="o1", to=to, note=note)


async def known(app: Jira, name: str) -> Account:
    (found,) = await app.accounts(Whom(account=id_of(name)))
    return found


def names(held: Holdings, kind: GrantKind) -> list[str]:
    return [each.name for each in held.grants if each.kind is kind]


async def furnish(jira: Bench, who: str) -> None:
    await group(jira, f"org-admins-{who}", who)
    team = await group(jira, f"team-{who}", who)
    await acts(jira, "OPS", 10100, user=[id_of(who)])
    await acts(jira, "HR", 10002, user=[id_of(who)])
    await acts(jira, "HR", 10101, groupId=[team])
    await issues(jira, who, 5)


async def test_an_account_is_found_by_its_address_shown_or_not(app: Jira, jira: Bench) -> None:
    dev = id_of("dev")
    assert [(each.id, each.matched) for each in await app.accounts(Whom(email="DEV@example.com"))] == [
        (dev, ("email",))
    ]
    both = await app.accounts(Whom(email="dev@example.com", user_name="bob@example.com"))
    assert {each.id: each.matched for each in both} == {dev: ("email",), id_of("bob"): ("user_name",)}
    await jira.human("POST", f"/users/{dev}/manage/lifecycle/hide")
    (hidden,) = await app.accounts(Whom(email="dev@example.com"))
    assert (hidden.id, hidden.email, hidden.name) == (dev, "", "Dev Das")
    assert await app.accounts(Whom(email="nobody@example.com", user_name="dev")) == (), "there are no user names here"
    assert [each.privileged for each in await app.accounts(Whom(email="admin@example.com"))] == [True]
    assert isinstance(app, EndsAccess)


async def test_a_dead_token_finds_nobody_and_that_is_not_believed(jira: Bench) -> None:
    await jira.options(bad_token_is_anonymous=True)
    connector = jira.connect(auth={"basic": {"user": "lockstep@example.com", "password": "wrong"}})
    assert isinstance(connector, Jira)
    with pytest.raises(CredentialsError):
        await connector.accounts(Whom(email="dev@example.com"))
    with pytest.raises(CredentialsError):
        await connector.holdings(id_of("dev"))
    await connector.close()


async def test_all_that_somebody_has_ends_and_nothing_of_anybody_else(app: Jira, jira: Bench) -> None:
    await furnish(jira, "dev")
    await furnish(jira, "bob")
    dev, cara = await known(app, "dev"), await known(app, "cara")
    held, theirs = await app.holdings(dev.id), await app.holdings(id_of("bob"))
    assert sorted(names(held, GrantKind.GROUP)) == ["jira-users", "org-admins-dev", "team-dev"]
    roles = {each.name: each.through for each in held.grants if each.kind is GrantKind.ROLE}
    assert roles == {
        "Administrators in HR": "",
        "Viewers in HR": "the group team-dev",
        "Developers in OPS": "",
    }
    assert len(names(held, GrantKind.WORK)) == 5
    assert [each.name for each in held.grants if each.privileged] == ["Administrators in HR", "org-admins-dev"]
    assert set(held.unseen) == {GrantKind.SESSION, GrantKind.TOKEN, GrantKind.JOB}
    for grant in held.grants:
        if grant.kind is GrantKind.ACCOUNT:
            with pytest.raises(Refused, match=r"admin\.atlassian\.com"):
                await app.end(ending(dev, grant))
        elif not grant.through:
            await app.end(ending(dev, grant, cara, NOTE))
    after = await app.holdings(dev.id)
    assert [each.kind for each in after.grants] == [GrantKind.ACCOUNT], "a person switches it off"
    assert (await app.holdings(id_of("bob"))).grants == theirs.grants
    taken = await app.holdings(cara.id)
    assert sorted(names(taken, GrantKind.WORK)) == sorted(names(held, GrantKind.WORK))
    one = next(each for each in held.grants if each.kind is GrantKind.WORK)
    comments = (await jira.human("GET", f"{API}/issue/{one.id}/comment"))["comments"]
    assert [each["body"]["content"][0]["content"][0]["text"] for each in comments] == [NOTE]
    before = await jira.log()
    for grant in held.grants:
        if not grant.through and grant.kind is not GrantKind.ACCOUNT:
            await app.end(ending(dev, grant, cara, NOTE))
    assert await jira.log() == before, "the same again had an effect"


async def test_work_that_is_not_the_persons_any_more_is_left_alone(app: Jira, jira: Bench) -> None:
    (id,) = await issues(jira, "dev", 1)
    dev = await known(app, "dev")
    (grant,) = (each for each in (await app.holdings(dev.id)).grants if each.kind is GrantKind.WORK)
    await jira.human("PUT", f"{API}/issue/{id}/assignee", {"accountId": id_of("bob")})
    before = await jira.log()
    await app.end(ending(dev, grant, await known(app, "cara"), NOTE))
    assert await jira.log() == before
    await jira.human("DELETE", f"{API}/issue/{id}")
    await app.end(ending(dev, grant))


async def test_a_search_that_lags_behind_does_not_tell_of_what_is_handed_over(app: Jira, jira: Bench) -> None:
    await issues(jira, "dev", 3)
    dev = await known(app, "dev")
    held = await app.holdings(dev.id)
    await jira.options(index_lag_s=3600.0)
    for grant in held.grants:
        if grant.kind is GrantKind.WORK:
            await app.end(ending(dev, grant))
    assert names(await app.holdings(dev.id), GrantKind.WORK) == []


async def test_where_it_is_said_the_access_to_the_site_is_taken_away(jira: Bench) -> None:
    connector: Any = jira.connect(options={"takes_access": True, "project_roles": False})
    dev = await known(connector, "dev")
    held = await connector.holdings(dev.id)
    assert GrantKind.ROLE in held.unseen
    (grant,) = (each for each in held.grants if each.kind is GrantKind.ACCOUNT)
    assert connector.ends[GrantKind.ACCOUNT] == ""
    await connector.end(ending(dev, grant))
    await connector.end(ending(dev, grant))
    assert await connector.holdings(dev.id) == Holdings(account=None, grants=())
    assert await connector.accounts(Whom(account=dev.id)) == ()
    for each in held.grants:
        await connector.end(ending(dev, each))  # gone with the account: no error
    await connector.close()


async def test_a_refusal_to_leave_a_group_is_no_end(app: Jira, jira: Bench) -> None:
    await group(jira, "team", "dev")
    dev = await known(app, "dev")
    (grant,) = (each for each in (await app.holdings(dev.id)).grants if each.name == "team")
    await jira.fault("status", status=400, message="The group is managed by a directory")
    with pytest.raises(Refused, match="managed by a directory"):
        await app.end(ending(dev, grant))
