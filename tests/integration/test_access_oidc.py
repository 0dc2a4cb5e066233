"""Signing in at a provider that others wrote (oidc-provider-mock, on Authlib): a process beside a gateway's process."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.edges import SLOW_S, Program, environment, program
from tests.support.running import TOKEN, free_port, write_config
from tests.support.waiting import until

pytestmark = pytest.mark.slow

NOWHERE = "http://127.0.0.1:9"
CLIENT, SECRET = "lockstep", "the-client-s-secret"
BOB = {"sub": "bob-1", "preferred_username": "bob", "name": "Bob B.", "groups": ["ops"]}
EVE = {"sub": "eve-1", "preferred_username": "eve", "groups": ["others"]}
ACCESS = """
access:
  internal: [127.0.0.1]
  tokens: {{tests: {{secret: '${{TOKEN_OF_THE_TESTS}}', roles: [admin]}}}}
  oidc:
    issuer: {issuer}
    client_id: {client}
    client_secret: '${{OIDC_SECRET}}'
    scopes: [openid, profile, email]
    roles: {{map: {{ops: {{roles: [operator], connections: [snow]}}}}}}
"""


@pytest.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[str]:
    port = free_port()
    people = [word for each in (BOB, EVE) for word in ("--user-claims", json.dumps(each))]
    with (tmp_path / "provider.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "oidc_provider_mock",
            "--port",
            str(port),
            *people,
            stdout=log,
            stderr=log,
        )
        url = f"http://127.0.0.1:{port}"

        async def answers() -> bool:
            assert process.returncode is None, (tmp_path / "provider.log").read_text()
            try:
                async with aiohttp.request("GET", f"{url}/.well-known/openid-configuration") as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

        try:
            await until(answers, what="the provider", timeout_s=SLOW_S)
            yield url
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
async def gateway(tmp_path: Path, issuer: str) -> AsyncIterator[Program]:
    extra = ACCESS.format(issuer=issuer, client=CLIENT)
    site = write_config(tmp_path, snow=NOWHERE, jira=NOWHERE, extra=extra)
    async with (
        aiohttp.ClientSession() as http,
        program(*site, http, {**environment(), "OIDC_SECRET": SECRET}) as started,
    ):
        yield started


async def signed_in(browser: aiohttp.ClientSession, gateway: Program, person: str) -> str:
    """Goes through the provider's form as a person would; the path where the browser ends."""
    async with browser.get(f"{gateway.url}/sign-in/oidc?next=/now", allow_redirects=False) as away:
        assert away.status == 303, await away.text()
    async with browser.post(away.headers["Location"], data={"sub": person}, allow_redirects=False) as back:
        assert back.status in (302, 303), await back.text()
    assert back.headers["Location"].startswith(f"{gateway.url}/sign-in/oidc/callback?")
    async with browser.get(back.headers["Location"], allow_redirects=False) as done:
        assert done.status == 303
        return done.headers["Location"]


async def test_people_of_the_group_get_in_and_others_do_not(gateway: Program, tmp_path: Path) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        assert await signed_in(browser, gateway, "bob-1") == "/now"
        async with browser.get(f"{gateway.url}/session") as answer:
            told = await answer.json()
        assert (told["id"], told["roles"], told["connections"]) == ("user:bob", ["operator"], ["snow"])
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        assert await signed_in(browser, gateway, "eve-1") == "/sign-in?why=provider"
        async with browser.get(f"{gateway.url}/session") as answer:
            assert answer.status == 401
    kept = written(tmp_path)
    for secret in (SECRET, TOKEN, told["csrf_token"]):
        assert secret.encode() not in kept


def written(folder: Path) -> bytes:
    """Everything that was written to disk: databases and logs."""
    return b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file() and each.suffix != ".yaml")
