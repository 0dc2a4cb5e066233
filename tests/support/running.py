"""A whole gateway in this process, between real stand-ins or stubbed systems."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from aiohttp import ClientSession

from gateway.app.compose import Gateway, compose
from gateway.app.consume import Consumer
from gateway.app.run import running
from gateway.config import load
from tests.support.migrated import migrated
from tests.support.waiting import until

TOKEN = "token-of-the-tests-0123456789"
SIGNED_IN = {"Authorization": f"Bearer {TOKEN}"}
"""Headers of a request to a gateway whose configuration has `ACCESS`."""
ENVIRONMENT = {
    "PASSWORD": "lockstep-secret",
    "SNOW_HOOK": "snow-hook",
    "JIRA_HOOK": "jira-hook",
    "TOKEN_OF_THE_TESTS": TOKEN,
}
ACCESS = "access: {tokens: {tests: {secret: '${TOKEN_OF_THE_TESTS}', roles: [admin]}}}\n"

FLOW = """
flows:
  incidents:
    type: incident
    members:
      snow: {object: incident, mapping: servicenow-incident}
      jira: {object: issue, mapping: jira-issue, with: {project: OPS, issuetype: Incident}}
    create: {in: [jira, snow]}
    merge: {default: latest, status: {authority: [snow, jira]}, labels: union}
"""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_config(
    directory: Path, *, snow: str, jira: str, poll: str = "200ms", extra: str = "", flow: str = FLOW
) -> tuple[Path, str]:
    """A configuration with short times for stand-ins, and the gateway's address."""
    port = free_port()
    times = "timeout: 3s\n    settles: 1s\n    breaker: {failures: 3, retry: 200ms, cap: 1s}"
    connection = f"poll: {{every: {poll}}}\n    {times}"
    text = f"""
lockstep: 1
name: test{port}
data: ./gateway
listen: 127.0.0.1:{port}
{"" if "access:" in extra else ACCESS}{extra}
connections:
  snow:
    connector: servicenow
    label: ServiceNow
    url: {snow}
    auth: {{basic: {{user: lockstep, password: '${{PASSWORD}}'}}}}
    webhook: {{secret: '${{SNOW_HOOK}}'}}
    {connection}
  jira:
    connector: jira
    label: Jira
    url: {jira}
    auth: {{basic: {{user: lockstep@example.com, password: '${{PASSWORD}}'}}}}
    webhook: {{secret: '${{JIRA_HOOK}}'}}
    {connection}
{flow}"""
    file = directory / "lockstep.yaml"
    file.write_text(text)
    return file, f"http://127.0.0.1:{port}"


@dataclass
class Running:
    """A started gateway and a client to talk to it."""

    gateway: Gateway
    consumer: Consumer
    url: str
    http: ClientSession

    async def now(self) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/v1/now", headers=SIGNED_IN) as answer:
            return dict(await answer.json())

    async def quiet(self) -> None:
        await until(self._quiet, what="the gateway to be quiet")

    async def _quiet(self) -> bool:
        return bool((await self.now())["quiet"])


@asynccontextmanager
async def started(
    file: Path, url: str, *, transports: dict[str, httpx.AsyncBaseTransport] | None = None
) -> AsyncIterator[Running]:
    """The gateway of a configuration file."""
    gateway = compose(load(file, ENVIRONMENT), transports=transports)
    await migrated(gateway.database)
    async with running(gateway) as consumer, ClientSession() as http:
        yield Running(gateway, consumer, url, http)
