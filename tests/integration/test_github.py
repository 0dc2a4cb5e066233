"""GitHub through the whole gateway: issues two-way with Jira, deployments as records, with webhooks lost and found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connectors import sandbox
from gateway.demo.desks import Api, JiraDesk
from tests.support.desk import Desks
from tests.support.running import ACCESS, Running, free_port, started
from tests.support.waiting import until

REPO = "/repos/lockstep/desk"


MAPPING = """
mapping: jira-deployment
version: 1
system: jira
object: issue
type: deployment
fields:
  environment: {path: fields.summary, max_length: 255, single_line: true, strip: true}
  note: {path: fields.description, strip: lines}
"""


INCIDENTS = """
  incidents:
    type: incident
    members:
      desk: {object: issue, mapping: github-issue}
      jira: {object: issue, mapping: jira-issue, with: {project: OPS, issuetype: Incident}}
    create: {in: [desk, jira]}
    merge: {default: latest, labels: union}
"""
DEPLOYMENTS = """
  deployments:
    type: deployment
    members:
      desk: {object: deployment, mapping: github-deployment}
      jira: {object: issue, mapping: jira-deployment.yaml, with: {project: OPS, issuetype: Task}, where: "false"}
    create: {in: [jira]}
"""


class GitHubApi(Api):
    """People sign in with tokens."""

    async def call(self, who: str, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {who}-secret"}
        async with self.http.request(method, self.url + path, json=body, headers=headers) as answer:
            assert answer.ok, await answer.text()
            return await answer.json()


@pytest.fixture
async def between(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Desks, Running]]:
    """GitHub and Jira, and a gateway between them that holds one flow."""
    hub = await sandbox.start("github", data=tmp_path / "hub.db", time_scale=0.001)
    jira = await sandbox.start("jira", data=tmp_path / "jira.db", time_scale=0.001)
    async with aiohttp.ClientSession() as http:
        api = Api(jira.url, http, email_signs_in=True)
        made = Desks(hub, jira, http, GitHubApi(hub.url, http), JiraDesk(api, "OPS"), api)
        file, url = configured(tmp_path, made, request.param)
        try:
            async with started(file, url) as gateway:
                await made.tell(url)
                yield made, gateway
        finally:
            await hub.stop()
            await jira.stop()


def configured(directory: Path, made: Desks, flow: str) -> tuple[Path, str]:
    port = free_port()
    times = "poll: {every: 200ms}\n    timeout: 3s\n    settles: 1s\n    rate: 1000/s"
    text = f"""
lockstep: 1
name: test{port}
data: ./gateway
listen: 127.0.0.1:{port}
{ACCESS}
connections:
  desk:
    connector: github
    label: GitHub
    url: {made.desk.url}
    auth: {{bearer: {{token: '${{PASSWORD}}'}}}}
    webhook: {{secret: desk-hook}}
    options: {{owner: lockstep, repo: desk}}
    {times}
  jira:
    connector: jira
    label: Jira
    url: {made.jira.url}
    auth: {{basic: {{user: lockstep@example.com, password: '${{PASSWORD}}'}}}}
    webhook: {{secret: '${{JIRA_HOOK}}'}}
    {times}
flows:
{flow}"""
    (directory / "jira-deployment.yaml").write_text(MAPPING)
    file = directory / "lockstep.yaml"
    file.write_text(text)
    return file, f"http://127.0.0.1:{port}"


async def issues(made: Desks) -> list[dict[str, Any]]:
    return [each for each in await made.objects("desk") if each["object"] == "issue"]


@pytest.mark.parametrize("between", [INCIDENTS], indirect=True)
async def test_an_issue_goes_both_ways_and_a_lost_answer_makes_no_second_one(
    between: tuple[Desks, Running],
) -> None:
    made, gateway = between
    await made.arm("desk", "timeout_after", count=1, match={"method": "POST", "path_regex": "/issues$"})
    number = await made.issues.create("cara", "Disk is full", "", 3)

    async def shows(title: str) -> bool:
        return [each["raw"]["title"] for each in await issues(made)] == [title]

    await until(lambda: shows("Disk is full"), what="the issue in GitHub")
    await gateway.quiet()
    await made.issues.summary("cara", number, "Disk is fine")
    await until(lambda: shows("Disk is fine"), what="the new title in GitHub")
    (issue,) = await issues(made)
    await made.tickets.call("ann", "POST", f"{REPO}/issues/{issue['id']}/comments", {"body": "Mended"})
    await made.tickets.call("ann", "PATCH", f"{REPO}/issues/{issue['id']}", {"state": "closed"})

    async def done() -> bool:
        found = (await made.objects("jira"))[0]
        return found["raw"]["fields"]["status"]["name"] == "Done" and len(found["comments"]) == 1

    await until(done, what="the issue to be done, with its comment")
    await gateway.quiet()
    assert await made.armed("desk") == 0, "nothing was lost, so nothing was tested"
    assert [entry["kind"] for entry in await made.log("desk")] == ["create", "update"], "once, and nothing came back"


@pytest.mark.parametrize("between", [DEPLOYMENTS], indirect=True)
async def test_a_failed_deployment_is_told_where_people_work_though_its_webhook_was_lost(
    between: tuple[Desks, Running],
) -> None:
    """GitHub repeats no webhook, and the list of deployments is sorted by when they were made: the poll reads back."""
    made, gateway = between
    asked = {"ref": "main", "environment": "production"}
    number = (await made.tickets.call("ann", "POST", f"{REPO}/deployments", asked))["id"]
    statuses = f"{REPO}/deployments/{number}/statuses"

    async def noted(said: str) -> bool:
        shown = [(each["summary"], each["description"]) for each in await made.raws("jira")]
        return shown == [("production", said)]

    await made.tickets.call("ann", "POST", statuses, {"state": "in_progress", "description": "on its way"})
    await until(lambda: noted("on its way"), what="the deployment's issue")
    await gateway.quiet()
    lost = {"kind": "hook_lose", "match": {"event": "deployment_status"}}
    async with made.http.post(f"{made.desk.url}/_sandbox/faults", json=lost) as answer:
        assert answer.status == 201
    await made.tickets.call("ann", "POST", statuses, {"state": "failure", "description": "no disk left"})
    await until(lambda: noted("no disk left"), what="the failure in the issue")
