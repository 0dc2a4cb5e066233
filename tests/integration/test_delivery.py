"""The example `delivery`, whole: commits are checked for a task, deployments move it, failures ask for a rollback."""

from __future__ import annotations

import base64
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
from tests.support.office import EXAMPLES
from tests.support.running import ACCESS, ENVIRONMENT, Running, free_port, started
from tests.support.waiting import until

REPO = "/repos/lockstep/desk"
STAGE = "customfield_10050"
TIMES = "    poll: {every: 300ms}\n    timeout: 3s\n    settles: 1s\n    rate: 1000/s\n"


class HubApi(Api):
    """People sign in with tokens."""

    async def call(self, who: str, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {who}-secret"}
        async with self.http.request(method, self.url + path, json=body, headers=headers) as answer:
            assert answer.ok, await answer.text()
            return await answer.json()


@dataclass
class Works:
    hub: HubApi
    jira: Api
    snow: Api
    gateway: Running

    async def commit(self, message: str) -> str:
        """Ann pushes one; gives its sha."""
        content = base64.b64encode(message.encode()).decode()
        made = await self.hub.call("ann", "PUT", f"{REPO}/contents/a.txt", {"message": message, "content": content})
        return str(made["commit"]["sha"])

    async def statuses(self, sha: str) -> list[tuple[str, str]]:
        """Of our name, oldest first."""
        found = await self.hub.call("ann", "GET", f"{REPO}/commits/{sha}/statuses")
        return [(each["state"], each["description"]) for each in found[::-1] if each["context"] == "lockstep"]

    async def check(self, sha: str, state: str) -> str:
        """Waits until the last word on it is this; gives the reason."""

        async def said() -> str:
            found = await self.statuses(sha)
            return found[-1][1] if found and found[-1][0] == state else ""

        return str(await until(said, what=f"the status {state} of {sha}"))

    async def task(self, summary: str) -> str:
        """Dev opens one; gives its key."""
        fields = {"project": {"key": "OPS"}, "summary": summary, "issuetype": {"name": "Task"}}
        return str((await self.jira.call("dev", "POST", "/rest/api/3/issue", {"fields": fields}))["key"])

    async def issue(self, key: str) -> dict[str, Any]:
        shown = await self.jira.call("dev", "GET", f"/rest/api/3/issue/{key}")
        return dict(shown["fields"])

    async def stands(self, key: str, stage: str) -> None:
        async def shown() -> bool:
            return bool((await self.issue(key)).get(STAGE) == stage)

        await until(shown, what=f"{key} to be at {stage}")

    async def comments(self, key: str) -> list[str]:
        """First words of each."""
        async with self.jira.http.get(f"{self.jira.url}/_sandbox/objects") as answer:
            found = (await answer.json())["objects"]
        (issue,) = [each for each in found if each["key"] == key]
        return sorted(str(each["body"]) for each in issue["comments"])

    async def deploy(self, sha: str, environment: str, **more: Any) -> str:
        body = {"ref": sha, "environment": environment, "auto_merge": False, "required_contexts": [], **more}
        return str((await self.hub.call("bob", "POST", f"{REPO}/deployments", body))["id"])

    async def ended(self, deployment: str, state: str, note: str) -> None:
        await self.hub.call(
            "bob", "POST", f"{REPO}/deployments/{deployment}/statuses", {"state": state, "description": note}
        )

    async def rollbacks(self) -> list[str]:
        found = await self.snow.call("ann", "GET", "/api/now/table/incident?sysparm_fields=short_description")
        return sorted(each["short_description"] for each in found["result"])

    async def arm(self, kind: str, **fault: Any) -> None:
        """What becomes of GitHub's next webhooks."""
        async with self.hub.http.post(f"{self.hub.url}/_sandbox/faults", json={"kind": kind, **fault}) as answer:
            assert answer.status == 201, await answer.text()


@pytest.fixture
async def works(tmp_path: Path) -> AsyncIterator[Works]:
    """Three stand-ins and a gateway between them."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        urls = {}
        for name, kind in (("hub", "github"), ("jira", "jira"), ("snow", "servicenow")):
            there = await sandbox.start(kind, data=tmp_path / f"{name}.db", time_scale=0.001)
            stack.push_async_callback(there.stop)
            urls[name] = there.url
        file, url = _configured(tmp_path, urls)
        gateway = await stack.enter_async_context(started(file, url))
        for name in ("hub", "jira"):
            wanted = {"url": f"{url}/hooks/{name}", "secret": f"{name}-hook"}
            async with http.post(f"{urls[name]}/_sandbox/webhooks", json=wanted) as answer:
                assert answer.status == 201, await answer.text()
        yield Works(
            HubApi(urls["hub"], http), Api(urls["jira"], http, email_signs_in=True), Api(urls["snow"], http), gateway
        )


def _configured(directory: Path, urls: dict[str, str]) -> tuple[Path, str]:
    """The example as it stands, with short times and these addresses."""
    shutil.copytree(EXAMPLES / "delivery", directory, dirs_exist_ok=True)
    port, file = free_port(), directory / "lockstep.yaml"
    text = file.read_text()
    values = {f"{name.upper()}_URL": url for name, url in urls.items()} | {"HUB_OWNER": "lockstep", "HUB_REPO": "desk"}
    for name, value in values.items():
        text = text.replace(f'"${{{name}}}"', value)
    for name in ("HUB_TOKEN", "JIRA_TOKEN", "SNOW_PASSWORD"):
        text = text.replace(f"${{{name}}}", "${PASSWORD}")
    text = text.replace('"${HUB_HOOK}"', "hub-hook")
    text = re.sub(r"(    webhook: .*\n)", rf"\1{TIMES}", text)
    assert "PASSWORD" in ENVIRONMENT and text.count("poll:") == 3
    file.write_text(f"{text}\nname: test{port}\ndata: ./gateway\nlisten: 127.0.0.1:{port}\n{ACCESS}")
    return file, f"http://127.0.0.1:{port}"


async def test_a_commit_is_checked_for_its_task_and_checked_again_when_that_is_there(works: Works) -> None:
    nameless, early = await works.commit("mend it"), await works.commit("OPS-1: mend it")
    assert await works.check(nameless, "failure") == (
        "No tracked task is named: put its key, e.g. OPS-12, into the message"
    )
    await works.check(early, "failure")
    assert await works.task("Mend it") == "OPS-1"
    assert await works.check(early, "success") == "References OPS-1"
    amended = await works.commit("OPS-1: mend it (amended)")
    await works.check(amended, "success")
    await works.gateway.quiet()
    assert [len(await works.statuses(each)) for each in (nameless, early, amended)] == [1, 2, 1]


async def test_a_deployment_moves_its_task_on_and_a_failed_one_asks_for_a_rollback(works: Works) -> None:
    key = await works.task("Mend it")
    sha = await works.commit(f"{key}: mend it")
    await works.check(sha, "success")
    await works.arm("hook_duplicate", count=20, match={"event": "deployment"})
    dev, prod = await works.deploy(sha, "dev"), await works.deploy(sha, "production")
    await works.ended(dev, "success", "All is green.")
    await works.stands(key, "Development")
    await works.ended(prod, "success", "All is green.")
    await works.stands(key, "Production")
    await works.arm("hook_reorder", count=2, delay_s=0.05)
    await works.ended(dev, "inactive", "")
    await works.ended(dev, "success", "All is green.")
    broken = await works.deploy(sha, "staging")
    await works.ended(broken, "failure", "The smoke test fails.")
    await until(_made(works, f"Roll back staging: {key}"), what="the rollback task")
    await works.ended(broken, "error", "The smoke test fails.")
    await until(_told(works, key, 3), what="three comments")
    await works.gateway.quiet()
    assert (await works.issue(key))[STAGE] == "Production", "neither late nor failed ones take it back"
    assert [each.splitlines()[1] for each in await works.comments(key)] == [
        "Deployed to dev. All is green.",
        "Deployed to production. All is green.",
        "Deployment to staging failed: The smoke test fails.",
    ]
    assert await works.rollbacks() == [f"Roll back staging: {key}"]
    back = await works.deploy(sha, "staging", task="rollback")
    await works.ended(back, "success", "Rolled back.")
    await works.stands(key, "Staging")


def _made(works: Works, summary: str) -> Any:
    async def shown() -> bool:
        return summary in await works.rollbacks()

    return shown


def _told(works: Works, key: str, comments: int) -> Any:
    async def shown() -> bool:
        return len(await works.comments(key)) == comments

    return shown
