"""What a user of a Salesforce organisation has and how it ends, against the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors import sandbox
from connectors.contract.access import GrantKind, Whom
from connectors.contract.errors import Refused
from connectors.declared.ending import Ends
from tests.contract.connectors.departing import (
    Hand,
    connected,
    end,
    end_all,
    ends_once_whatever_becomes_of_the_answer,
    granted,
    hostile_names_find_nobody,
    named,
    no_failure_is_taken_for_an_absence,
    the_account,
)

DATA = "/services/data/v60.0"


class Admin(Hand):
    """The administrator."""

    async def make(self, kind: str, **fields: Any) -> str:
        return str((await self("POST", f"{DATA}/sobjects/{kind}", fields))["id"])

    async def one(self, kind: str, id: str) -> Any:
        return await self("GET", f"{DATA}/sobjects/{kind}/{id}")


@pytest.fixture
async def stand_in(tmp_path: Path) -> AsyncIterator[sandbox.StandIn]:
    made = await sandbox.start("salesforce", data=tmp_path / "salesforce.db")
    yield made
    await made.stop()


@pytest.fixture
async def admin(stand_in: sandbox.StandIn) -> AsyncIterator[Admin]:
    made = Admin(stand_in.url, "admin-secret")
    yield made
    await made.close()


@pytest.fixture
async def salesforce(stand_in: sandbox.StandIn) -> AsyncIterator[Ends]:
    made = connected("salesforce", stand_in.url)
    yield made
    await made.close()


async def _signed_in(url: str, name: str) -> str:
    """A session of somebody who signed in."""
    async with httpx.AsyncClient(base_url=url) as client:
        form = {"grant_type": "client_credentials", "client_id": name, "client_secret": f"{name}-secret"}
        return str((await client.post("/services/oauth2/token", data=form)).json()["access_token"])


async def _rights(admin: Admin, user: str, **of_set: Any) -> str:
    right = await admin.make("PermissionSet", Name="Extra", Label="Extra", **of_set)
    return await admin.make("PermissionSetAssignment", AssigneeId=user, PermissionSetId=right)


async def test_somebody_is_found_by_address_and_name_and_who_is_meant_is_not_guessed(salesforce: Ends) -> None:
    ann = await the_account(salesforce, email="Ann@Example.com", user_name="ann@example.com")
    assert (ann.name, ann.active, ann.privileged, ann.matched) == (
        "ann@example.com",
        True,
        False,
        ("email", "user_name"),
    )
    assert (await the_account(salesforce, account=ann.id)).name == "ann@example.com"
    assert (await the_account(salesforce, email="admin@example.com")).privileged
    assert len(await salesforce.accounts(Whom(email="ann@example.com", user_name="bob@example.com"))) == 2
    assert (await salesforce.holdings("005Do0000000099AAA")).account is None


async def test_hostile_names_find_nobody(salesforce: Ends) -> None:
    await hostile_names_find_nobody(salesforce, "email", "user_name", "employee_number")
    assert await salesforce.accounts(Whom(email="o'neil\\@example.com")) == []


async def test_all_a_user_has_ends_and_nobody_else_loses_anything(
    salesforce: Ends, admin: Admin, stand_in: sandbox.StandIn
) -> None:
    ann, bob, cara = [await the_account(salesforce, email=f"{name}@example.com") for name in ("ann", "bob", "cara")]
    queue = await admin.make("Group", Name="Second line", Type="Queue")
    role = await admin.make("UserRole", Name="Head of sales")
    case = await admin.make("Case", Subject="Mail is down", OwnerId=ann.id)
    closed = await admin.make("Case", Subject="Done", OwnerId=ann.id, Status="Closed")
    tasks = [await admin.make("Task", Subject=f"Call {number}", OwnerId=ann.id) for number in range(203)]  # a page: 200
    for user in (ann, bob):
        person = Hand(stand_in.url, await _signed_in(stand_in.url, user.name.partition("@")[0]))
        await person("POST", "/setup/tokens", {"app": "Data Loader"})
        await person.close()
        await _rights(admin, user.id, PermissionsModifyAllData=True)
        await admin.make("GroupMember", GroupId=queue, UserOrGroupId=user.id)
    await admin("PATCH", f"{DATA}/sobjects/User/{ann.id}", {"UserRoleId": role})
    await admin(
        "POST", f"{DATA}/process/approvals", {"requests": [{"contextId": case, "nextApproverIds": [ann.id, bob.id]}]}
    )
    work = [f"task:{each}" for each in tasks]
    before = (await salesforce.holdings(bob.id)).grants
    has = (await salesforce.holdings(ann.id)).grants
    assert [(each.kind.value, each.name, each.privileged) for each in has][:7] == [
        ("session", "Oauth2 session from 127.0.0.1", False),
        ("token", "Data Loader", False),
        ("role", "Extra", True),
        ("role", "Role Head of sales", False),
        ("group", "Queue Second line", False),
        ("account", "ann@example.com", False),
        ("approval", f"Approval of {case}", False),
    ]
    assert [each.id for each in has if each.kind is GrantKind.WORK] == [f"case:{case}", *work]
    for grant in has:
        if grant.id not in work[2:]:
            await end(salesforce, ann, grant, cara, "Was with Ann Archer until today.")
    left = await salesforce.holdings(ann.id)
    assert (left.account and left.account.active, left.unseen) == (False, {})
    assert [each.id for each in left.grants] == work[2:]
    assert (await admin.one("Case", case))["OwnerId"] == cara.id
    assert (await admin.one("Case", closed))["OwnerId"] == ann.id, "who had done it is not rewritten"
    said = await admin(
        "GET", f"{DATA}/query?q=SELECT CommentBody,IsPublished FROM CaseComment WHERE ParentId = '{case}'"
    )
    told = [(each["CommentBody"], each["IsPublished"]) for each in said["records"]]
    assert told == [("Was with Ann Archer until today.", False)]
    assert (await salesforce.holdings(bob.id)).grants == before


async def test_a_session_that_ends_is_one(salesforce: Ends, stand_in: sandbox.StandIn) -> None:
    """The stand-in's sessions are real: with its AuthSession gone a token opens nothing."""
    person = Hand(stand_in.url, await _signed_in(stand_in.url, "ann"))
    await person("GET", f"{DATA}/limits")
    ann = await the_account(salesforce, email="ann@example.com")
    (session,) = await granted(salesforce, ann, GrantKind.SESSION)
    await end(salesforce, ann, session)
    with pytest.raises(AssertionError, match="401"):
        await person("GET", f"{DATA}/limits")
    await person.close()


async def test_a_token_is_revoked_by_what_nobody_is_told(salesforce: Ends, stand_in: sandbox.StandIn) -> None:
    person = Hand(stand_in.url, "ann-secret")
    for app in ("Data Loader", "Data Loader"):
        await person("POST", "/setup/tokens", {"app": app})
    ann = await the_account(salesforce, email="ann@example.com")
    first, second = await granted(salesforce, ann, GrantKind.TOKEN)
    secret = await person("GET", f"{DATA}/query?q=SELECT DeleteToken FROM OauthToken")
    assert not any(each["DeleteToken"] in repr((first, second)) for each in secret["records"])
    await end(salesforce, ann, second)
    await end(salesforce, ann, second)
    assert await granted(salesforce, ann, GrantKind.TOKEN) == [first]
    await person.close()


async def test_what_our_user_is_not_shown_is_named(salesforce: Ends, admin: Admin, stand_in: sandbox.StandIn) -> None:
    await _signed_in(stand_in.url, "ann")
    await admin.options(manages_users=False)
    ann = await the_account(salesforce, email="ann@example.com")
    unseen = (await salesforce.holdings(ann.id)).unseen
    assert "Manage Users" in unseen[GrantKind.SESSION]
    assert "Customize Application" in unseen[GrantKind.TOKEN]


async def test_a_right_ends_once_whatever_becomes_of_the_answer(salesforce: Ends, admin: Admin) -> None:
    ann = await the_account(salesforce, email="ann@example.com")
    await _rights(admin, ann.id)
    (right,) = await granted(salesforce, ann, GrantKind.ROLE)

    async def again() -> None:
        await _rights(admin, ann.id)

    await ends_once_whatever_becomes_of_the_answer(salesforce, admin, ann, right, again)


async def test_a_user_is_inactive_once_whatever_becomes_of_the_answer(salesforce: Ends, admin: Admin) -> None:
    ann = await the_account(salesforce, email="ann@example.com")
    (user,) = await granted(salesforce, ann, GrantKind.ACCOUNT)

    async def again() -> None:
        await admin("PATCH", f"{DATA}/sobjects/User/{ann.id}", {"IsActive": True})

    await ends_once_whatever_becomes_of_the_answer(salesforce, admin, ann, user, again)


async def test_who_is_a_default_owner_stays_and_salesforce_says_why(salesforce: Ends, admin: Admin) -> None:
    await admin.options(default_owner="ann")
    ann = await the_account(salesforce, email="ann@example.com")
    (user,) = await granted(salesforce, ann, GrantKind.ACCOUNT)
    with pytest.raises(Refused, match="default owner of cases") as refused:
        await end(salesforce, ann, user)
    assert refused.value.said.startswith("You cannot deactivate")
    assert await granted(salesforce, ann, GrantKind.ACCOUNT) == [user]


async def test_a_job_is_shown_and_ends_by_hand(salesforce: Ends, stand_in: sandbox.StandIn) -> None:
    person = Hand(stand_in.url, "ann-secret")
    await person("POST", "/setup/jobs", {"name": "Nightly"})
    await person.close()
    ann = await the_account(salesforce, email="ann@example.com")
    (job,) = await granted(salesforce, ann, GrantKind.JOB)
    assert job.name == "Nightly"
    with pytest.raises(Refused, match="Setup > Scheduled Jobs"):
        await end(salesforce, ann, job)


async def test_work_goes_only_to_somebody_active_and_only_from_whoever_leaves(salesforce: Ends, admin: Admin) -> None:
    ann, bob, dev = [await the_account(salesforce, email=f"{name}@example.com") for name in ("ann", "bob", "dev")]
    case = await admin.make("Case", Subject="Mail is down", OwnerId=ann.id)
    (work,) = await granted(salesforce, ann, GrantKind.WORK)
    await end_all(salesforce, dev)
    with pytest.raises(Refused, match="takes it over"):
        await end(salesforce, ann, work)
    with pytest.raises(Refused, match="inactive user"):
        await end(salesforce, ann, work, to=dev)
    assert await named(salesforce, ann, GrantKind.WORK) == [work.name]
    await admin("PATCH", f"{DATA}/sobjects/Case/{case}", {"OwnerId": bob.id})
    await end(salesforce, ann, work, to=await the_account(salesforce, email="cara@example.com"))
    assert (await admin.one("Case", case))["OwnerId"] == bob.id


async def test_no_failure_is_taken_for_an_absence(salesforce: Ends, admin: Admin, stand_in: sandbox.StandIn) -> None:
    ann = await the_account(salesforce, email="ann@example.com")
    await _rights(admin, ann.id)
    await _signed_in(stand_in.url, "ann")
    await admin.make("Case", Subject="Mail is down", OwnerId=ann.id)
    await no_failure_is_taken_for_an_absence(lambda transport: connected("salesforce", stand_in.url, transport), ann)
