"""What a user of ServiceNow has and how it ends, against the stand-in's Table API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from connectors.contract.access import Account, Ending, EndsAccess, Grant, GrantKind, Holdings, Whom
from connectors.contract.errors import CredentialsError, Refused
from connectors.sandbox.people import by_name
from connectors.servicenow.connector import ServiceNow
from tests.contract.connectors.bench import Bench

LATER = "2099-01-01 00:00:00"
DESK = "5e41ce00c0ffee00b0a7000000000011"


def id_of(name: str) -> str:
    person = by_name(name)
    assert person is not None
    return person.sys_id


@pytest.fixture
async def app(servicenow: Bench) -> AsyncIterator[ServiceNow]:
    """Pages of two, so that whatever is listed takes several."""
    connector = servicenow.connect(options={"page_size": 2})
    assert isinstance(connector, ServiceNow)
    yield connector
    await connector.close()


async def put(bench: Bench, table: str, **values: str) -> str:
    return str((await bench.human("POST", f"/api/now/table/{table}", values))["result"]["sys_id"])


async def rows(bench: Bench, table: str, query: str) -> list[dict[str, Any]]:
    found = await bench.human("GET", f"/api/now/table/{table}?sysparm_query={quote(query)}")
    return list(found["result"])


async def furnish(bench: Bench, who: str, number: int = 3) -> None:
    """Some of everything."""
    id = id_of(who)
    roles = {each["name"]: each["sys_id"] for each in await rows(bench, "sys_user_role", "")}
    for table, values in (
        ("sys_user_grmember", {"user": id, "group": DESK}),
        ("sys_user_has_role", {"user": id, "role": roles["approver_user"]}),
        ("sys_user_has_role", {"user": id, "role": roles["user_admin"]}),
        ("sys_user_session", {"name": who, "id": f"{who}-1"}),
        ("oauth_credential", {"user": id, "type": "refresh_token", "expires": LATER}),
        ("oauth_credential", {"user": id, "type": "access_token", "expires": "2020-01-01 00:00:00"}),
        ("sysauto_script", {"name": f"{who}'s report", "run_as": id}),
        ("sysauto_script", {"name": f"{who}'s old report", "run_as": id, "active": "false"}),
    ):
        await put(bench, table, **values)
    for index in range(number):
        await put(bench, "incident", short_description=f"of {who} {index}", assigned_to=id)
    change = await put(bench, "change_request", short_description="a change", assigned_to=id)
    await put(bench, "incident", short_description="over", assigned_to=id, state="8")
    for state in ("requested", "approved"):
        await put(bench, "sysapproval_approver", approver=id, sysapproval=change, state=state)


def counted(held: Holdings) -> dict[str, int]:
    kinds = [each.kind for each in held.grants]
    return {kind.value: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def ending(account: Account, grant: Grant, to: Account | None = None, note: str = "") -> Ending:
    return Ending(account=account, grant=grant, operation="o1", to=to, note=note)


async def known(app: ServiceNow, name: str) -> Account:
    (found,) = await app.accounts(Whom(user_name=name))
    return found


async def test_people_are_found_by_each_field_and_all_of_them_are_told(app: ServiceNow, servicenow: Bench) -> None:
    twin = await put(servicenow, "sys_user", user_name="dev2", email="DEV@example.com", employee_number="E1")
    found = await app.accounts(Whom(email="Dev@Example.com", user_name="DEV"))
    assert {each.id: each.matched for each in found} == {id_of("dev"): ("email", "user_name"), twin: ("email",)}
    assert [each.id for each in await app.accounts(Whom(employee_number="e1"))] == [twin]
    assert [(each.name, each.privileged) for each in await app.accounts(Whom(account=id_of("admin")))] == [
        ("admin", True)
    ]
    assert await app.accounts(Whom()) == ()
    with pytest.raises(Refused, match="cannot be searched for"):
        await app.accounts(Whom(email="x^ORactive=true"))
    assert isinstance(app, EndsAccess)


async def test_all_that_somebody_has_ends_and_nothing_of_anybody_else(app: ServiceNow, servicenow: Bench) -> None:
    await furnish(servicenow, "dev", 5)
    await furnish(servicenow, "bob", 1)
    dev, bob, cara = [await known(app, name) for name in ("dev", "bob", "cara")]
    held, theirs = await app.holdings(dev.id), await app.holdings(bob.id)
    assert counted(held) == {
        "session": 1,
        "token": 1,
        "role": 4,
        "group": 1,
        "job": 1,
        "approval": 1,
        "work": 6,
        "account": 1,
    }
    through = {each.name: each.through for each in held.grants if each.kind is GrantKind.ROLE}
    assert through == {
        "approver_user": "",
        "user_admin": "",
        "itil": "the group Service Desk",
        "sn_incident_write": "the role itil",
    }
    assert [each.name for each in held.grants if each.privileged] == ["user_admin"]
    assert (held.account is not None and held.account.privileged, held.unseen) == (True, {})
    for grant in held.grants:
        if not grant.through:
            await app.end(ending(dev, grant, cara, "Handed over by Lockstep: it was Dev Das's."))
    after = await app.holdings(dev.id)
    assert (after.account is not None and after.account.active, after.grants) == (False, ())
    assert counted(await app.holdings(bob.id)) == counted(theirs)
    taken = counted(await app.holdings(cara.id))
    assert (taken["work"], taken["approval"], taken["job"]) == (6, 1, 1)
    (one,) = await rows(servicenow, "change_request", f"assigned_to={cara.id}")
    noted = [each["value"] for each in await rows(servicenow, "sys_journal_field", f"element_id={one['sys_id']}")]
    assert noted == ["Handed over by Lockstep: it was Dev Das's."]
    before = await rows(servicenow, "sys_audit", "")
    for grant in held.grants:
        if not grant.through:
            await app.end(ending(dev, grant, cara, "again"))
    assert len(await rows(servicenow, "sys_audit", "")) == len(before), "the same again had an effect"


async def test_who_is_switched_off_cannot_sign_in_and_the_sessions_are_over(app: ServiceNow, servicenow: Bench) -> None:
    """The instance ends sessions with the lock; a token without its row is good no more."""
    form = {"grant_type": "password", "username": "dev", "password": "dev-secret", "client_id": "lockstep-client"}
    theirs = httpx.AsyncClient(base_url=servicenow.url)
    where = "/api/now/table/incident?sysparm_limit=1"
    dev = await known(app, "dev")
    async with theirs:
        given = await theirs.post("/oauth_token.do", data={**form, "client_secret": "lockstep-client-secret"})
        theirs.headers["Authorization"] = f"Bearer {given.json()['access_token']}"
        assert (await theirs.get(where)).status_code == 200
        for grant in (await app.holdings(dev.id)).grants:
            if grant.kind is GrantKind.TOKEN:
                await app.end(ending(dev, grant))
        assert (await theirs.get(where)).status_code == 401
    await put(servicenow, "sys_user_session", name="dev", id="s1")
    connector = servicenow.connect(auth={"basic": {"user": "dev", "password": "dev-secret"}})
    assert (await connector.check())[0].ok
    (account,) = (each for each in (await app.holdings(dev.id)).grants if each.kind is GrantKind.ACCOUNT)
    await app.end(ending(dev, account))
    with pytest.raises(CredentialsError):
        await connector.find("incident", "x")
    await connector.close()
    assert (await app.holdings(dev.id)).grants == ()


async def test_work_that_is_not_the_persons_any_more_is_left_alone(app: ServiceNow, servicenow: Bench) -> None:
    await furnish(servicenow, "dev")
    dev, bob, cara = [await known(app, name) for name in ("dev", "bob", "cara")]
    work = [each for each in (await app.holdings(dev.id)).grants if each.kind in {GrantKind.WORK, GrantKind.APPROVAL}]
    for grant in work:
        table, column = str(grant.detail["table"]), "approver" if grant.kind is GrantKind.APPROVAL else "assigned_to"
        await servicenow.human("PATCH", f"/api/now/table/{table}/{grant.id}", {column: bob.id})
        await app.end(ending(dev, grant, cara))
    assert counted(await app.holdings(bob.id)) == {"work": 4, "approval": 1, "account": 1}
    assert counted(await app.holdings(cara.id)).get("work", 0) == 0


async def test_without_somebody_who_takes_it_work_is_nobodys_a_job_stops_and_an_approval_waits(
    app: ServiceNow, servicenow: Bench
) -> None:
    """A job without a person would run as the system: more than the person ever could."""
    await furnish(servicenow, "dev")
    dev = await known(app, "dev")
    for grant in (await app.holdings(dev.id)).grants:
        if grant.kind is GrantKind.APPROVAL:
            with pytest.raises(Refused, match="waits for somebody's word"):
                await app.end(ending(dev, grant))
        elif grant.kind in {GrantKind.WORK, GrantKind.JOB}:
            await app.end(ending(dev, grant))
    left = counted(await app.holdings(dev.id))
    assert (left.get("work"), left.get("job"), left["approval"]) == (None, None, 1)
    (job,) = await rows(servicenow, "sysauto_script", "name=dev's report")
    assert (job["active"], job["run_as"]["value"]) == ("false", dev.id)


async def test_what_comes_by_a_group_or_a_session_is_not_ended_by_itself(app: ServiceNow, servicenow: Bench) -> None:
    await furnish(servicenow, "dev")
    dev = await known(app, "dev")
    before = await servicenow.log()
    for grant in (await app.holdings(dev.id)).grants:
        if grant.through:
            with pytest.raises(Refused, match="by way of"):
                await app.end(ending(dev, grant))
    assert await servicenow.log() == before


async def test_nothing_is_handed_over_to_somebody_who_is_off(app: ServiceNow, servicenow: Bench) -> None:
    await furnish(servicenow, "dev")
    dev, bob = await known(app, "dev"), await known(app, "bob")
    await servicenow.human("PATCH", f"/api/now/table/sys_user/{bob.id}", {"active": "false"})
    (grant, *_) = (each for each in (await app.holdings(dev.id)).grants if each.kind is GrantKind.WORK)
    with pytest.raises(Refused, match="whose account is off"):
        await app.end(ending(dev, grant, await known(app, "bob")))


async def test_what_is_hidden_from_us_is_told_and_not_taken_for_absent(app: ServiceNow, servicenow: Bench) -> None:
    await furnish(servicenow, "dev", 3)
    await servicenow.options(acl_hidden_query="short_descriptionLIKEof dev")
    held = await app.holdings(id_of("dev"))
    assert held.unseen == {GrantKind.WORK: "3 rows of task are hidden from the integration user"}
    assert [each.name[:3] for each in held.grants if each.kind is GrantKind.WORK] == ["CHG"]


async def test_a_table_that_cannot_be_read_is_told_and_the_rest_is_read(app: ServiceNow, servicenow: Bench) -> None:
    await furnish(servicenow, "dev")
    refusal = {"status": 403, "message": "Insufficient rights to query records"}
    await servicenow.fault("status", write=False, path="/table/sys_user_session", **refusal)
    held = await app.holdings(id_of("dev"))
    assert set(held.unseen) == {GrantKind.SESSION}
    assert "Insufficient rights" in held.unseen[GrantKind.SESSION]
    assert counted(held)["work"] == 4


async def test_somebody_who_is_gone_is_no_error_and_has_nothing(app: ServiceNow, servicenow: Bench) -> None:
    await furnish(servicenow, "dev", 1)
    dev = await known(app, "dev")
    held = await app.holdings(dev.id)
    for table in ("sys_user_grmember", "sys_user_has_role", "oauth_credential"):
        for row in await rows(servicenow, table, f"user={dev.id}^inherited!=true"):
            await servicenow.http.delete(f"/api/now/table/{table}/{row['sys_id']}", headers={"Content-Type": "a/b"})
    await servicenow.http.delete(f"/api/now/table/sys_user/{dev.id}", headers={"Content-Type": "a/b"})
    for grant in held.grants:
        if not grant.through and grant.kind is not GrantKind.APPROVAL:
            await app.end(ending(dev, grant))
    assert await app.holdings(dev.id) == Holdings(account=None, grants=())
