"""GitLab, which only its connector file describes, two-way with Jira through the whole gateway."""

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

ISSUES = "/api/v4/projects/14/issues"


class GitLabApi(Api):
    """People sign in with tokens."""

    async def call(self, who: str, method: str, path: str, body: Any = None) -> Any:
        headers = {"PRIVATE-TOKEN": f"{who}-secret"}
        async with self.http.request(method, self.url + path, json=body, headers=headers) as answer:
            assert answer.ok, await answer.text()
            return await answer.json()


@pytest.fixture
async def between(tmp_path: Path) -> AsyncIterator[tuple[Desks, Running]]:
    """GitLab and Jira, and a gateway between them."""
    lab = await sandbox.start("gitlab", data=tmp_path / "lab.db", time_scale=0.001)
    jira = await sandbox.start("jira", data=tmp_path / "jira.db", time_scale=0.001)
    async with aiohttp.ClientSession() as http:
        api = Api(jira.url, http, email_signs_in=True)
        made = Desks(lab, jira, http, GitLabApi(lab.url, http), JiraDesk(api, "OPS"), api)
        file, url = configured(tmp_path, made)
        try:
            async with started(file, url) as gateway:
                await made.tell(url)
                yield made, gateway
        finally:
            await lab.stop()
            await jira.stop()


def configured(directory: Path, made: Desks) -> tuple[Path, str]:
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
    connector: gitlab
    label: GitLab
    url: {made.desk.url}
    auth: {{api_key: {{key: '${{PASSWORD}}'}}}}
    webhook: {{secret: desk-hook}}
    options: {{project: lockstep/desk}}
    {times}
  jira:
    connector: jira
    label: Jira
    url: {made.jira.url}
    auth: {{basic: {{user: lockstep@example.com, password: '${{PASSWORD}}'}}}}
    webhook: {{secret: '${{JIRA_HOOK}}'}}
    {times}
flows:
  incidents:
    type: incident
    members:
      desk: {{object: issue, mapping: gitlab-issue}}
      jira: {{object: issue, mapping: jira-issue, with: {{project: OPS, issuetype: Incident}}}}
    create: {{in: [desk, jira]}}
    merge: {{default: latest, labels: union}}
"""
    file = directory / "lockstep.yaml"
    file.write_text(text)
    return file, f"http://127.0.0.1:{port}"


async def shown(made: Desks, connection: str, **wanted: Any) -> dict[str, Any]:
    """Waits until the only object there shows these values."""

    async def shows() -> bool:
        raws = await made.raws(connection)
        return len(raws) == 1 and wanted.items() <= raws[0].items()

    await until(shows, what=f"{connection} to show {wanted}")
    return (await made.objects(connection))[0]


async def test_an_issue_goes_both_ways_and_is_closed_there(between: tuple[Desks, Running]) -> None:
    made, gateway = between
    there = await made.tickets.call("ann", "POST", ISSUES, {"title": "Mail is down", "labels": ["mail"]})
    issue = await shown(made, "jira", summary="Mail is down", labels=["mail"])
    await made.issues.summary("cara", issue["id"], "Mail is slow")
    await shown(made, "desk", title="Mail is slow", labels=["mail"])
    await made.tickets.call("ann", "POST", f"{ISSUES}/{there['iid']}/notes", {"body": "Looking into it"})
    await made.tickets.call("ann", "PUT", f"{ISSUES}/{there['iid']}", {"state_event": "close"})
    await until(lambda: _done(made), what="the issue to be done, with its comment")
    await gateway.quiet()
    assert [entry["kind"] for entry in await made.log("desk")] == ["update"], "nothing came back"
    assert [entry["kind"] for entry in await made.log("jira")].count("comment") == 1


async def _done(made: Desks) -> bool:
    issue = (await made.objects("jira"))[0]
    return issue["raw"]["fields"]["status"]["name"] == "Done" and len(issue["comments"]) == 1


@pytest.mark.parametrize("fault", ["timeout_after", "drop_after", "truncated", "drop_before", "late_commit"])
async def test_a_create_and_a_close_whose_answers_are_lost_have_one_effect(
    between: tuple[Desks, Running], fault: str
) -> None:
    made, gateway = between
    await made.arm("desk", fault, count=1, delay_s=0.2, match={"method": "POST", "path_regex": "/issues$"})
    number = await made.issues.create("ann", "Disk is full", "", 3)
    await shown(made, "desk", title="Disk is full")
    await gateway.quiet()
    await made.arm("desk", fault, count=1, delay_s=0.2, match={"method": "PUT"})
    await made.moved(number, "In Progress")
    await made.issues.summary("ann", number, "Disk is fine")
    await shown(made, "desk", title="Disk is fine")
    await gateway.quiet()
    assert await made.armed("desk") == 0, "nothing was lost, so nothing was tested"
    told = [(entry["kind"], entry["fields"].get("title")) for entry in await made.log("desk")]
    assert told == [("create", [None, "Disk is full"]), ("update", ["Disk is full", "Disk is fine"])]
