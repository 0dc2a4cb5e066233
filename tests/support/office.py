"""ServiceNow and Jira, an example's configuration between them, and people who work in both."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from connectors import sandbox
from gateway.demo.desks import Api
from tests.support.running import ACCESS, ENVIRONMENT, Running, free_port, started
from tests.support.waiting import until

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "examples"
TIMES = "    poll: {every: 200ms}\n    timeout: 2s\n    settles: 1s\n    rate: 1000/s\n"
TABLE = "/api/now/table/incident"
ITEMS, TASKS = "/api/now/table/sc_req_item", "/api/now/table/sc_task"


@dataclass
class Desks:
    """Both systems, as people see them."""

    snow: Api
    jira: Api

    async def arm(self, kind: str, **fault: Any) -> None:
        """The next answers to a create in Jira, and to one of a catalogue task, meet this."""
        for system, path in ((self.jira, "/issue$"), (self.snow, "/sc_task$")):
            match = {"actor": "gateway", "method": "POST", "path_regex": path}
            said = {"kind": kind, "match": match, "count": 1, **fault}
            async with system.http.post(f"{system.url}/_sandbox/faults", json=said) as answer:
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

    async def stands(self, item: str, state: str) -> None:
        async def shown() -> bool:
            row = await self.snow.call("ann", "GET", f"{ITEMS}/{item}?sysparm_fields=state")
            return bool(row["result"]["state"] == state)

        await until(shown, what=f"the requested item to be in state {state}")

    async def tasks(self, item: str) -> dict[str, dict[str, Any]]:
        """First word -> catalogue task of the item; two of one kind are an error."""
        found = (await self.snow.call("ann", "GET", f"{TASKS}?sysparm_query=request_item={item}"))["result"]
        named = {each["short_description"].partition(":")[0]: each for each in found}
        assert len(named) == len(found), [each["short_description"] for each in found]
        return named

    async def tasked(self, item: str, *names: str) -> None:
        """Waits for exactly these catalogue tasks."""

        async def shown() -> bool:
            return sorted(await self.tasks(item)) == sorted(names)

        await until(shown, what=f"the catalogue tasks {names}")


@dataclass
class Office(Desks):
    """With a gateway between them."""

    gateway: Running


@asynccontextmanager
async def working(directory: Path, example: str) -> AsyncIterator[Office]:
    """Both stand-ins and a gateway, on files in `directory`."""
    async with desks(directory) as there:
        file, url = configured(directory, example, there.snow.url, there.jira.url)
        async with started(file, url) as gateway:
            yield Office(there.snow, there.jira, gateway)


@asynccontextmanager
async def desks(directory: Path) -> AsyncIterator[Desks]:
    """Both stand-ins alone."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        apis = []
        for name, by_mail in (("servicenow", False), ("jira", True)):
            there = await sandbox.start(name, data=directory / f"{name}.db", time_scale=0.001)
            stack.push_async_callback(there.stop)
            apis.append(Api(there.url, http, email_signs_in=by_mail))
        yield Desks(*apis)


def configured(directory: Path, example: str, snow: str, jira: str) -> tuple[Path, str]:
    """The example as it stands, with short times and these addresses."""
    shutil.copytree(EXAMPLES / example, directory, dirs_exist_ok=True)
    port, file = free_port(), directory / "lockstep.yaml"
    text = file.read_text()
    for name, value in (("SNOW_URL", snow), ("JIRA_URL", jira)):
        text = text.replace(f'"${{{name}}}"', value)
    text = text.replace("${SNOW_PASSWORD}", "${PASSWORD}").replace("${JIRA_TOKEN}", "${PASSWORD}")
    text = re.sub(r"(    webhook: .*\n)", rf"\1{TIMES}", text)
    assert "PASSWORD" in ENVIRONMENT and text.count("poll:") == 2
    file.write_text(f"{text}\nname: test{port}\ndata: ./gateway\nlisten: 127.0.0.1:{port}\n{ACCESS}")
    return file, f"http://127.0.0.1:{port}"
