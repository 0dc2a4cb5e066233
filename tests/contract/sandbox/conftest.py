"""Stand-ins in process, each on its own file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from connectors.sandbox import start
from tests.contract.sandbox.calling import Receiver, World

HOOK_SECRET = "hook-secret"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps no cookies."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Where webhooks go."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hooks", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def snow(tmp_path: Path, session: aiohttp.ClientSession) -> AsyncIterator[World]:
    """A ServiceNow instance."""
    stand_in = await start("servicenow", data=tmp_path / "snow.db", time_scale=0.0001)
    yield World(stand_in, session)
    await stand_in.stop()


@pytest.fixture
async def jira(tmp_path: Path, session: aiohttp.ClientSession) -> AsyncIterator[World]:
    """A Jira Cloud site."""
    stand_in = await start("jira", data=tmp_path / "jira.db", time_scale=0.0001)
    yield World(stand_in, session, domain="@example.com")
    await stand_in.stop()


@pytest.fixture(params=["snow", "jira"])
def world(request: pytest.FixtureRequest, snow: World, jira: World) -> World:
    """Each stand-in in turn, for what both promise."""
    return {"snow": snow, "jira": jira}[request.param]
