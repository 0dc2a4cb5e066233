"""README's configuration and the commands of docs/reference/sandbox.md, followed word for word but for ports."""

from __future__ import annotations

import asyncio
import base64
import re
import shlex
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.edges import LOCKSTEP, REPOSITORY, SLOW_S, environment, lockstep
from tests.support.running import ACCESS, SIGNED_IN, free_port
from tests.support.waiting import until

PORTS = ("8001", "8002", "8080")


def configuration() -> str:
    """The whole `lockstep.yaml` of the README."""
    (block,) = re.findall(r"```yaml\n(lockstep: 1\n.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    return str(block)


def commands() -> list[list[str]]:
    """What is to be typed, in order."""
    page = (REPOSITORY / "docs/reference/sandbox.md").read_text()
    (part,) = re.findall(r"## With a gateway of your own\n(.*?)\n## ", page, re.DOTALL)
    ports = {port: str(free_port()) for port in PORTS}
    for port, other in ports.items():
        part = part.replace(f":{port}", f":{other}").replace(f"--port {port}", f"--port {other}")
    return [shlex.split(line) for line in re.findall(r"^\$ (.*)$", part, re.MULTILINE)]


@asynccontextmanager
async def process(command: list[str], env: dict[str, str], cwd: Path) -> AsyncIterator[None]:
    """A command that runs until it is stopped; it is up when it says so or, for the gateway, when it is asked."""
    with (cwd / f"{command[1]}.log").open("ab") as log:
        made = await asyncio.create_subprocess_exec(
            *LOCKSTEP, *command[1:], env=env, cwd=cwd, stdout=log, stderr=log, stdin=-3
        )
    try:
        yield
    finally:
        made.send_signal(signal.SIGTERM)
        await asyncio.wait_for(made.wait(), SLOW_S)


async def json_of(http: aiohttp.ClientSession, url: str) -> Any:
    try:
        async with http.get(url, headers=SIGNED_IN) as answer:
            return await answer.json() if answer.status == 200 else None
    except aiohttp.ClientError:
        return None


async def curl(http: aiohttp.ClientSession, command: list[str]) -> int:
    """What curl does with these arguments; the status."""
    given = {flag: command[command.index(flag) + 1] for flag in ("-u", "-H", "-d")}
    name, _, value = given["-H"].partition(": ")
    signed = base64.b64encode(given["-u"].encode()).decode()
    headers = {name: value, "Authorization": f"Basic {signed}"}
    async with http.post(command[-1], data=given["-d"], headers=headers) as answer:
        return answer.status


async def test_word_for_word(tmp_path: Path) -> None:
    # The README's first configuration has nobody who may ask the API yet; this test has to.
    (tmp_path / "lockstep.yaml").write_text(ACCESS + configuration())
    *stand_ins, snow, jira, check, run, edit = commands()
    gateway = re.sub(r"/hooks/.*", "", stand_ins[0][stand_ins[0].index("--hook") + 1])
    said = dict(pair.split("=", 1) for pair in [*snow[1:], *jira[1:]])
    env = environment(**said, LOCKSTEP_LISTEN=gateway.removeprefix("http://"))
    assert [snow[0], jira[0], check[0], run, edit[0]] == ["export", "export", "lockstep", ["lockstep", "run"], "curl"]
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        for command in stand_ins:
            await stack.enter_async_context(process(command, env, tmp_path))
        for url in (said["SNOW_URL"], said["JIRA_URL"]):
            await until(partial(json_of, http, f"{url}/_sandbox/health"), what=url, timeout_s=SLOW_S)
        checked = await lockstep(*check[1:], cwd=tmp_path, env=env)
        assert checked.code == 0, checked.out + checked.err
        await stack.enter_async_context(process(run, env, tmp_path))
        await until(partial(json_of, http, f"{gateway}/readyz"), what="the gateway", timeout_s=SLOW_S)
        assert await curl(http, edit) == 201

        async def issue() -> str | None:
            shown = await json_of(http, f"{said['JIRA_URL']}/_sandbox/objects")
            return next((each["raw"]["fields"]["summary"] for each in shown["objects"]), None)

        assert await until(issue, what="the issue", timeout_s=SLOW_S) == "mail is stuck"

        async def told() -> bool:
            accepted = (await json_of(http, f"{gateway}/v1/now"))["worker"]["accepted"]
            return bool(accepted.get("snow") and accepted.get("jira"))

        await until(told, what="webhooks of both", timeout_s=SLOW_S)
        assert (await json_of(http, f"{gateway}/v1/now"))["worker"]["refused"] == {}
