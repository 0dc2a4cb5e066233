"""The example `onboarding`, whole: a request in ServiceNow becomes tasks in Jira and hears how they stand."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connectors import sandbox
from gateway.demo.desks import Api
from tests.support.running import ENVIRONMENT, Running, free_port, started
from tests.support.waiting import until

EXAMPLE = Path(__file__).parents[2] / "examples" / "onboarding"
TIMES = "    poll: {every: 200ms}\n    timeout: 2s\n    settles: 1s\n    rate: 1000/s\n"
WAY = ("In Progress", "In Review", "Done")
"""The way of the site's workflow."""
TABLE = "/api/now/table/incident"
ACCESS = "access: {tokens: {tests: {secret: '${TOKEN_OF_THE_TESTS}', roles: [admin]}}}\n"


@dataclass
class Office:
    snow: Api
    jira: Api
    gateway: Running

    async def arm(self, kind: str, **fault: Any) -> None:
        """The next answer to a create in Jira meets this."""
        match = {"actor": "gateway", "method": "POST", "path_regex": "/issue$"}
        async with self.jira.http.post(
            f"{self.jira.url}/_sandbox/faults", json={"kind": kind, "match": match, "count": 1, **fault}
        ) as answer:
            assert answer.status == 201, await answer.text()

    async def issues(self) -> dict[str, dict[str, Any]]:
        """First word of the summary -> issue; two of one kind are an error."""
        async with self.jira.http.get(f"{self.jira.url}/_sandbox/objects") as answer:
            found = (await answer.json())["objects"]
        named = {each["raw"]["fields"]["summary"].partition(":")[0]: each for each in found}
        assert len(named) == len(found), [each["raw"]["fields"]["summary"] for each in found]
        return named

    async def there(self, *names: str) -> None:
        """Waits for exactly these tasks."""

        async def shown() -> bool:
            return sorted(await self.issues()) == sorted(names)

        await until(shown, what=f"the tasks {names}")

    async def move(self, name: str, *ways: str) -> None:
        """Ann moves a task through these states."""
        path = f"/rest/api/3/issue/{(await self.issues())[name]['id']}/transitions"
        for to in ways:
            found = await self.jira.call("ann", "GET", path)
            step = next(each for each in found["transitions"] if each["to"]["name"] == to)
            body: dict[str, Any] = {"transition": {"id": step["id"]}}
            if to == "Done":
                body["fields"] = {"resolution": {"name": "Done"}}
            await self.jira.call("ann", "POST", path, body)

    async def stands(self, request: str, state: str) -> None:
        async def shown() -> bool:
            row = await self.snow.call("ann", "GET", f"{TABLE}/{request}?sysparm_fields=state")
            return bool(row["result"]["state"] == state)

        await until(shown, what=f"the request to be in state {state}")


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        apis = []
        for name, by_mail in (("servicenow", False), ("jira", True)):
            there = await sandbox.start(name, data=tmp_path / f"{name}.db", time_scale=0.001)
            stack.push_async_callback(there.stop)
            apis.append(Api(there.url, http, email_signs_in=by_mail))
        snow, jira = apis
        file, url = configured(tmp_path, snow.url, jira.url)
        gateway = await stack.enter_async_context(started(file, url))
        yield Office(snow, jira, gateway)


def configured(directory: Path, snow: str, jira: str) -> tuple[Path, str]:
    """The example as it stands, with short times and these addresses."""
    shutil.copytree(EXAMPLE, directory, dirs_exist_ok=True)
    port, file = free_port(), directory / "lockstep.yaml"
    text = file.read_text()
    for name, value in (("SNOW_URL", snow), ("JIRA_URL", jira)):
        text = text.replace(f'"${{{name}}}"', value)
    text = text.replace("${SNOW_PASSWORD}", "${PASSWORD}").replace("${JIRA_TOKEN}", "${PASSWORD}")
    text = re.sub(r"(    webhook: .*\n)", rf"\1{TIMES}", text)
    assert "PASSWORD" in ENVIRONMENT and text.count("poll:") == 2
    file.write_text(f"{text}\nname: test{port}\ndata: ./gateway\nlisten: 127.0.0.1:{port}\n{ACCESS}")
    return file, f"http://127.0.0.1:{port}"


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
