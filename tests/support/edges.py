"""Two real stand-ins, people who edit in them, signed webhooks, and the program as real processes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from connectors import sandbox
from gateway.audit.keys import VARIABLE
from gateway.demo.desks import Api, JiraDesk, ServiceNowDesk
from tests.support import warm
from tests.support.running import ENVIRONMENT, SIGNED_IN
from tests.support.waiting import until

REPOSITORY = Path(__file__).parents[2]
MODULE = "gateway.cli.main"
LOCKSTEP = [sys.executable, "-m", MODULE]
"""Started the slow way, as people do."""
SLOW_S = 60.0
"""Patience with a loaded machine; nothing waits this long when all is well."""


@dataclass
class Sites:
    """ServiceNow's and Jira's stand-ins in this process."""

    snow: sandbox.StandIn
    jira: sandbox.StandIn
    http: aiohttp.ClientSession
    incidents: ServiceNowDesk
    issues: JiraDesk

    def url(self, connection: str) -> str:
        return self.snow.url if connection == "snow" else self.jira.url

    async def objects(self, connection: str) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.url(connection)}/_sandbox/objects") as answer:
            return list((await answer.json())["objects"])

    async def texts(self, connection: str) -> set[str]:
        """The summaries of all objects."""
        shown = [each["raw"] for each in await self.objects(connection)]
        return {raw["short_description"] if connection == "snow" else raw["fields"]["summary"] for raw in shown}

    async def log(self, connection: str, *, actor: str = "gateway") -> list[dict[str, Any]]:
        """What this actor did there, oldest first."""
        async with self.http.get(f"{self.url(connection)}/_sandbox/log") as answer:
            return [entry for entry in (await answer.json())["entries"] if entry["actor"] == actor]

    async def arm(self, connection: str, kind: str, **options: Any) -> None:
        """A fault that meets the gateway, not people."""
        match = {"actor": "gateway", **options.pop("match", {})}
        async with self.http.post(
            f"{self.url(connection)}/_sandbox/faults", json={"kind": kind, "match": match, **options}
        ) as answer:
            assert answer.status == 201, await answer.text()

    async def hits(self, connection: str) -> int:
        """How many requests met what is armed."""
        async with self.http.get(f"{self.url(connection)}/_sandbox/faults") as answer:
            return sum(fault["hits"] for fault in (await answer.json())["faults"])

    async def heal(self, connection: str) -> None:
        async with self.http.delete(f"{self.url(connection)}/_sandbox/faults") as answer:
            assert answer.status == 204

    async def tell(self, gateway: str) -> None:
        """Their webhooks go to this gateway."""
        for connection in ("snow", "jira"):
            wanted = {"url": f"{gateway}/hooks/{connection}", "secret": f"{connection}-hook"}
            async with self.http.post(f"{self.url(connection)}/_sandbox/webhooks", json=wanted) as answer:
                assert answer.status == 201, await answer.text()

    async def told(self) -> tuple[int, int]:
        """How many webhooks of theirs are on their way, and how many were delivered."""
        shown = []
        for connection in ("snow", "jira"):
            async with self.http.get(f"{self.url(connection)}/_sandbox/webhooks") as answer:
                shown.append(await answer.json())
        return sum(each["pending"] for each in shown), sum(each["sent"] for each in shown)

    async def issue(self, summary: str) -> str:
        return await self.issues.create("ann", summary, "", 3)

    async def incident(self, summary: str) -> str:
        return await self.incidents.create("ann", summary, "", 3)

    async def edited(self, connection: str, number: str) -> list[str]:
        """The summaries that the gateway wrote to one object, in order; the one it was created with first."""
        name = "short_description" if connection == "snow" else "summary"
        entries = [entry for entry in await self.log(connection) if entry["id"] == number]
        return [entry["fields"][name][1] for entry in entries if name in entry["fields"]]


@asynccontextmanager
async def sites(directory: Path) -> AsyncIterator[Sites]:
    """Both stand-ins, on files in `directory`."""
    snow = await sandbox.start("servicenow", data=directory / "snow.db", time_scale=0.001)
    jira = await sandbox.start("jira", data=directory / "jira.db", time_scale=0.001)
    try:
        async with aiohttp.ClientSession() as http:
            incidents = ServiceNowDesk(Api(snow.url, http))
            yield Sites(snow, jira, http, incidents, JiraDesk(Api(jira.url, http, email_signs_in=True), "OPS"))
    finally:
        await snow.stop()
        await jira.stop()


def snow_headers(body: bytes, *, secret: str = "snow-hook", at: float | None = None) -> dict[str, str]:
    """As our business rule signs (facts.md 1.8)."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"x-lockstep-signature": f"sha256={digest}", "x-lockstep-timestamp": stamp}


def jira_headers(body: bytes, identifier: str = "", *, secret: str = "jira-hook") -> dict[str, str]:
    """As Jira signs (facts.md 2.5)."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    named = {"x-atlassian-webhook-identifier": identifier} if identifier else {}
    return {"x-hub-signature": f"sha256={digest}", **named}


def environment(**more: str) -> dict[str, str]:
    """For our own processes: the secrets, the key of databases that they share with the test, and nothing else of
    whoever runs the tests.
    """
    kept = {each: value for each, value in os.environ.items() if each == VARIABLE or not each.startswith("LOCKSTEP_")}
    return kept | ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY)} | more


@dataclass
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        return json.loads(self.out)


async def lockstep(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, typed: str = "", cold: bool = False
) -> Said:
    """Runs a command to its end, in a pipe; `typed` is its standard input. `cold`: by a Python of its own, which takes
    a second or two of processor time; one command of each noun is started so, in the test that uses it most.
    """
    if cold or warm.differs_at_the_start(env or {}):
        return await _cold(*arguments, cwd=cwd, env=env, typed=typed)
    code, out, err = await warm.run(
        MODULE, *arguments, cwd=cwd, env=env or environment(), typed=typed.encode(), patience_s=SLOW_S
    )
    return Said(code, out.decode(), err.decode())


async def _cold(*arguments: str, cwd: Path, env: Mapping[str, str] | None, typed: str) -> Said:
    process = await asyncio.create_subprocess_exec(
        *LOCKSTEP, *arguments, cwd=cwd, env=dict(env or environment()), stdout=-1, stderr=-1, stdin=-1 if typed else -3
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(typed.encode() or None), SLOW_S)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


@dataclass
class Program:
    """`lockstep run` as a process. Its log is a file, because a pipe that nobody empties would stop it."""

    file: Path
    url: str
    http: aiohttp.ClientSession
    env: Mapping[str, str] = field(default_factory=environment)
    process: asyncio.subprocess.Process | warm.Process | None = None

    @property
    def log(self) -> str:
        return (self.file.parent / "run.log").read_text()

    async def start(self) -> None:
        words, env = ("run", "--config", str(self.file)), dict(self.env)
        with (self.file.parent / "run.log").open("ab") as log, warm.nothing() as none:
            if warm.differs_at_the_start(env):
                self.process = await asyncio.create_subprocess_exec(
                    *LOCKSTEP, *words, env=env, stdout=log, stderr=log, stdin=none
                )
            else:
                streams = none.fileno(), log.fileno(), log.fileno()
                self.process = await warm.start(MODULE, *words, cwd=Path.cwd(), env=env, streams=streams)
        await until(self.ready, what="the gateway to be ready", timeout_s=SLOW_S)

    async def ready(self) -> bool:
        assert self.process is None or self.process.returncode is None, self.log
        try:
            async with self.http.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def now(self) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/v1/now", headers=SIGNED_IN) as answer:
            return dict(await answer.json())

    async def quiet(self) -> None:
        async def at_rest() -> bool:
            return bool((await self.now()).get("quiet"))

        await until(at_rest, what="the gateway to be quiet", timeout_s=SLOW_S)

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal and waits; the exit code."""
        process, self.process = self.process, None
        assert process is not None
        if process.returncode is None:
            process.send_signal(how)
        return await asyncio.wait_for(process.wait(), SLOW_S)


@asynccontextmanager
async def program(
    file: Path, url: str, http: aiohttp.ClientSession, env: Mapping[str, str] | None = None
) -> AsyncIterator[Program]:
    """A started `lockstep run`; killed at the end if it still runs."""
    made = Program(file, url, http, env or environment())
    try:
        await made.start()
        yield made
    finally:
        if made.process is not None:
            await made.end(signal.SIGKILL)
