"""A gateway's whole HTTP side on a store of its own, in a thread beside the browser: real routes, sign-in and data.

Nothing runs behind it (no lanes, no polls), so that what a page shows stands still.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from aiohttp import web

from gateway.access import people, sessions
from gateway.access.people import Person
from gateway.access.rights import Principal, Role
from gateway.app.compose import Gateway, compose
from gateway.app.consume import Consumer
from gateway.app.http import application
from gateway.config import load
from gateway.work.mapping_versions import remember
from tests.support.edges import Sites, sites
from tests.support.migrated import migrated
from tests.support.running import ENVIRONMENT, started, write_config

T = TypeVar("T")
PEOPLE = {
    "nadia": frozenset({Role.OPERATOR}),
    "omar": frozenset({Role.OPERATOR, Role.APPROVER}),
    "vera": frozenset({Role.VIEWER}),
    "ada": frozenset({Role.ADMIN}),
    "hugo": frozenset({Role.PEOPLE_WATCH}),
}
COOKIE = "lockstep"
NO_SYSTEM = httpx.MockTransport(lambda request: httpx.Response(503, text="the stand-in is switched off"))


@dataclass
class Stage:
    """One gateway's HTTP side."""

    gateway: Gateway
    url: str
    cookies: dict[str, str] = field(default_factory=dict)
    """Person -> value of the session's cookie."""
    known: dict[str, str] = field(default_factory=dict)
    """Names of what was made, for tests that open it."""

    def principal(self, name: str) -> Principal:
        """The person as the verbs see them."""
        return people.principal_of_person(Person(name=name, roles=PEOPLE[name]))


class House:
    """The thread in which the stages live."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._ends: list[Callable[[], Awaitable[Any]]] = []
        self._thread = threading.Thread(target=self.loop.run_forever, name="stages", daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs it there and waits for what it gives."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    def stage(self, directory: Path, *, name: str = "prod-eu", extra: str = "") -> Stage:
        """A new one, with people who are signed in and nothing else. `extra` is added to its configuration."""
        return self.do(self._stage(directory, name, extra))

    async def _stage(self, directory: Path, name: str, extra: str) -> Stage:
        file, url = write_config(directory, snow="http://127.0.0.1:9", jira="http://127.0.0.1:9", extra=extra)
        text = file.read_text()
        file.write_text("\n".join(f"name: {name}" if line.startswith("name:") else line for line in text.splitlines()))
        gateway = compose(load(file, ENVIRONMENT), transports={"snow": NO_SYSTEM, "jira": NO_SYSTEM})
        await migrated(gateway.database)
        await gateway.clock.start()
        await remember(gateway.place, by=gateway.name)
        await gateway.decider.start()
        await gateway.pulse.start()
        self._ends += [gateway.database.close, gateway.clock.stop, gateway.decider.stop, gateway.pulse.stop]
        self._ends += [connector.close for connector in gateway.connectors.values()]
        runner = web.AppRunner(application(gateway, Consumer(gateway.decider)), access_log=None, shutdown_timeout=1)
        await runner.setup()
        self._ends.append(runner.cleanup)
        await web.TCPSite(runner, gateway.config.host, gateway.config.port).start()
        stage = Stage(gateway, url)
        for person, roles in PEOPLE.items():
            stage.cookies[person] = await signed_in(gateway, person, roles)
        return stage

    def running(self, directory: Path) -> tuple[Stage, Sites]:
        """A whole gateway that works, between two stand-ins."""
        return self.do(self._running(directory))

    async def _running(self, directory: Path) -> tuple[Stage, Sites]:
        stack = AsyncExitStack()
        self._ends.append(stack.aclose)
        both = await stack.enter_async_context(sites(directory))
        extra = "replay: {ramp: [1, 3], rate: 6000}\n"
        file, url = write_config(directory, snow=both.snow.url, jira=both.jira.url, extra=extra)
        run = await stack.enter_async_context(started(file, url))
        stage = Stage(run.gateway, url)
        stage.cookies["nadia"] = await signed_in(run.gateway, "nadia", PEOPLE["nadia"])
        return stage, both

    def end(self) -> None:
        """Stops everything, the newest first."""
        for each in reversed(self._ends):
            self.do(_awaited(each))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


async def _awaited(each: Callable[[], Awaitable[Any]]) -> None:
    await each()


async def signed_in(gateway: Gateway, name: str, roles: frozenset[Role]) -> str:
    now = time.time()
    async with gateway.database.begin("test.people") as tx:
        await people.add_person(tx, Person(name=name, roles=roles, created_at=now))
        _, secret = await sessions.begin(
            tx,
            f"user:{name}",
            how="link",
            address="127.0.0.1",
            agent="Chromium",
            now=now,
            settings=gateway.config.access,
        )
    return secret
