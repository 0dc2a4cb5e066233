"""Brambledesk's stand-in beside Jira's, the connector file of the examples, and people who edit in both."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from connectors import sandbox
from gateway.demo.desks import Api, JiraDesk
from tests.support.running import ACCESS, free_port

EXAMPLE = Path(__file__).parents[2] / "examples" / "brambledesk"
OAUTH = "{oauth2_client_credentials: {client_id: lockstep, client_secret: '${PASSWORD}'}}"


@dataclass
class Desks:
    """Both stand-ins in this process."""

    desk: sandbox.StandIn
    jira: sandbox.StandIn
    http: aiohttp.ClientSession
    tickets: Api
    issues: JiraDesk
    jira_api: Api

    def url(self, connection: str) -> str:
        return self.desk.url if connection == "desk" else self.jira.url

    async def objects(self, connection: str) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.url(connection)}/_sandbox/objects") as answer:
            return list((await answer.json())["objects"])

    async def raws(self, connection: str) -> list[dict[str, Any]]:
        """What each object holds: a ticket, or the fields of an issue."""
        shown = [each["raw"] for each in await self.objects(connection)]
        return [raw["fields"] if connection == "jira" else raw for raw in shown]

    async def log(self, connection: str, *, actor: str = "gateway") -> list[dict[str, Any]]:
        """What this actor did there, oldest first."""
        async with self.http.get(f"{self.url(connection)}/_sandbox/log") as answer:
            return [entry for entry in (await answer.json())["entries"] if entry["actor"] == actor]

    async def arm(self, connection: str, kind: str, **options: Any) -> None:
        """A fault that meets the gateway, not people."""
        match = {"actor": "gateway", **options.pop("match", {})}
        fault = {"kind": kind, "match": match, **options}
        async with self.http.post(f"{self.url(connection)}/_sandbox/faults", json=fault) as answer:
            assert answer.status == 201, await answer.text()

    async def armed(self, connection: str) -> int:
        """How many faults have not met all that they are for."""
        async with self.http.get(f"{self.url(connection)}/_sandbox/faults") as answer:
            return len((await answer.json())["faults"])

    async def tell(self, gateway: str) -> None:
        """Their webhooks go to this gateway."""
        for connection in ("desk", "jira"):
            wanted = {"url": f"{gateway}/hooks/{connection}", "secret": f"{connection}-hook"}
            async with self.http.post(f"{self.url(connection)}/_sandbox/webhooks", json=wanted) as answer:
                assert answer.status == 201, await answer.text()

    async def ticket(self, title: str, **more: Any) -> dict[str, Any]:
        """Ann raises a ticket."""
        return dict(await self.tickets.call("ann", "POST", "/api/v3/tickets", {"title": title, **more}))

    async def edit(self, number: Any, **values: Any) -> None:
        """Ann edits a ticket."""
        await self.tickets.call("ann", "PATCH", f"/api/v3/tickets/{number}", values)

    async def moved(self, number: str, to: str) -> None:
        """Ann moves an issue."""
        path = f"/rest/api/3/issue/{number}/transitions"
        found = await self.jira_api.call("ann", "GET", path)
        step = next(each for each in found["transitions"] if each["to"]["name"] == to)
        await self.jira_api.call("ann", "POST", path, {"transition": {"id": step["id"]}})


@asynccontextmanager
async def desks(directory: Path) -> AsyncIterator[Desks]:
    """Both stand-ins, on files in `directory`."""
    desk = await sandbox.start("brambledesk", data=directory / "desk.db", time_scale=0.001)
    jira = await sandbox.start("jira", data=directory / "jira.db", time_scale=0.001)
    try:
        async with aiohttp.ClientSession() as http:
            api = Api(jira.url, http, email_signs_in=True)
            yield Desks(desk, jira, http, Api(desk.url, http), JiraDesk(api, "OPS"), api)
    finally:
        await desk.stop()
        await jira.stop()


def write_config(directory: Path, desks: Desks, *, auth: str = OAUTH, poll: str = "200ms") -> tuple[Path, str]:
    """The example with short times, and the gateway's address."""
    shutil.copytree(EXAMPLE, directory, dirs_exist_ok=True)
    port = free_port()
    times = "{failures: 3, retry: 200ms, cap: 1s}"
    connection = f"poll: {{every: {poll}}}\n    timeout: 3s\n    settles: 1s\n    breaker: {times}"
    text = f"""
lockstep: 1
name: test{port}
data: ./gateway
listen: 127.0.0.1:{port}
{ACCESS}
connections:
  desk:
    connector: brambledesk
    label: Brambledesk
    url: {desks.desk.url}
    auth: {auth}
    webhook: {{secret: desk-hook}}
    rate: 1000/s
    {connection}
  jira:
    connector: jira
    label: Jira
    url: {desks.jira.url}
    auth: {{basic: {{user: lockstep@example.com, password: '${{PASSWORD}}'}}}}
    webhook: {{secret: '${{JIRA_HOOK}}'}}
    {connection}
flows:
  incidents:
    type: incident
    members:
      desk: {{object: ticket, mapping: brambledesk-ticket.yaml}}
      jira: {{object: issue, mapping: jira-issue, with: {{project: OPS, issuetype: Incident}}}}
    create: {{in: [desk, jira]}}
    merge: {{default: latest, labels: union}}
"""
    file = directory / "lockstep.yaml"
    file.write_text(text)
    return file, f"http://127.0.0.1:{port}"
