"""The example `onboarding`, whole: a request in ServiceNow becomes tasks in Jira and hears how they stand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.office import TABLE, Office, working

WAY = ("In Progress", "In Review", "Done")
"""The way of the site's workflow."""


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with working(tmp_path, "onboarding") as made:
        yield made


async def test_a_request_becomes_tasks_that_come_back_as_its_state(office: Office) -> None:
    await office.arm("timeout_after")
    wanted = {"short_description": "Dana starts", "u_labels": "onboarding,laptop", "impact": "2", "urgency": "2"}
    made = await office.snow.call("ann", "POST", TABLE, {**wanted, "due_date": "2099-01-01 00:00:00"})
    request = made["result"]["sys_id"]
    await office.there("Account", "Laptop")
    await office.stands(request, "2")
    account = (await office.issues())["Account"]["raw"]["fields"]
    assert (account["summary"], account["priority"]["name"]) == ("Account: Dana starts", "Medium")
    await office.move("Account", *WAY)
    await office.move("Laptop", *WAY)
    await office.there("Account", "Laptop", "Welcome")
    await office.snow.call("ann", "PATCH", f"{TABLE}/{request}", {"due_date": "2020-01-01 00:00:00"})
    await office.there("Account", "Desk", "Laptop", "Welcome")
    for name in ("Desk", "Welcome"):
        await office.move(name, *WAY)
    await office.stands(request, "6")
    await office.gateway.quiet()
    assert sorted(await office.issues()) == ["Account", "Desk", "Laptop", "Welcome"]
