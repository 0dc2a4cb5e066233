"""The example `onboarding`, whole: a requested item of ServiceNow becomes tasks in Jira and catalogue tasks beside it,
and hears how they stand.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.office import ITEMS, TASKS, Office, working

WAY = ("In Progress", "In Review", "Done")
"""The way of the site's workflow."""
OPEN, WORK_IN_PROGRESS, CLOSED_COMPLETE = "1", "2", "3"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with working(tmp_path, "onboarding") as made:
        yield made


async def test_an_item_becomes_tasks_that_come_back_as_its_state(office: Office) -> None:
    """By conditions on what was asked for, in their order, by event and by clock; each once, although the first answer
    of each system was lost.
    """
    await office.arm("timeout_after")
    wanted = {"short_description": "Dana starts", "u_labels": "onboarding,laptop,parking", "priority": "3"}
    made = await office.snow.call("ann", "POST", ITEMS, {**wanted, "due_date": "2099-01-01 00:00:00"})
    item, number = made["result"]["sys_id"], made["result"]["number"]
    await office.there("Account", "Laptop")
    await office.tasked(item, "Badge")
    await office.stands(item, WORK_IN_PROGRESS)
    account = (await office.issues())["Account"]["raw"]["fields"]
    assert (account["summary"], account["priority"]["name"]) == ("Account: Dana starts", "Medium")
    assert number in str(account["description"])
    badge = (await office.tasks(item))["Badge"]
    assert (badge["state"], badge["due_date"]) == (OPEN, "2099-01-01 00:00:00")

    await office.snow.call("bob", "PATCH", f"{TASKS}/{badge['sys_id']}", {"state": CLOSED_COMPLETE})
    await office.tasked(item, "Badge", "Parking")
    await office.move("Account", *WAY)
    await office.move("Laptop", *WAY)
    await office.there("Account", "Laptop", "Welcome")
    await office.snow.call("ann", "PATCH", f"{ITEMS}/{item}", {"due_date": "2020-01-01 00:00:00"})
    await office.there("Account", "Desk", "Laptop", "Welcome")
    for name in ("Desk", "Welcome"):
        await office.move(name, *WAY)
    await office.stands(item, CLOSED_COMPLETE)
    await office.gateway.quiet()
    assert sorted(await office.issues()) == ["Account", "Desk", "Laptop", "Welcome"]
    assert sorted(await office.tasks(item)) == ["Badge", "Parking"]
