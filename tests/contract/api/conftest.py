"""A real gateway between real stand-ins, in a thread of its own, with a record, cases, and a token for every role."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from connectors.rest.transport import trusted
from dead_letter import store
from dead_letter.classify import Cause, class_of
from dead_letter.values import NewCase
from gateway.access.rights import Role, local
from gateway.work.operations import get_operation
from tests.support.edges import Sites, sites
from tests.support.running import ENVIRONMENT, Running, started, write_config
from tests.support.waiting import until

T = TypeVar("T")
NARROW = "narrow"
"""An operator of ServiceNow alone."""
SECRETS = {name: f"secret-of-{name}-0123456789abcdef" for name in (*Role, NARROW)}
CASES = 12


def _access() -> str:
    tokens = [f"    {role}: {{secret: '${{{_variable(role)}}}', roles: [{role}]}}" for role in Role]
    tokens.append(f"    {NARROW}: {{secret: '${{{_variable(NARROW)}}}', roles: [operator], connections: [snow]}}")
    return "\n".join(["access:", "  tokens:", *tokens, ""])


def _variable(name: str) -> str:
    return f"TOKEN_OF_{name.upper().replace('-', '_')}"


@dataclass
class Place:
    """The gateway and what is in it."""

    url: str
    loop: asyncio.AbstractEventLoop
    run: Running
    both: Sites
    issue: str
    """Key of the one issue that both systems have."""
    numbers: list[str] = field(default_factory=list)
    """Open cases at Jira."""
    plan: str = ""
    """Id of a plan of some of them."""

    def await_(self, work: Coroutine[Any, Any, T]) -> T:
        """Does something in the gateway's loop."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return future.result(60)

    def client(self, role: str = Role.ADMIN, **headers: str) -> httpx.Client:
        """Asks with the token of a role."""
        shown = {"Authorization": f"Bearer {SECRETS[role]}"} if role else {}
        return httpx.Client(base_url=self.url, headers={**shown, **headers}, timeout=30.0, verify=trusted())

    def over(self, id: str) -> dict[str, Any]:
        """The operation, once it is over."""

        async def ended() -> bool:
            found = await get_operation(self.run.gateway.place, local("tests"), id)
            return found is not None and found.over

        self.await_(until(ended, what=f"{id} to be over"))
        with self.client() as client:
            return dict(client.get(f"/v1/operations/{id}").json())

    def open_case(self, name: str, *, cause: Cause = Cause.WINDOW_UNREAD, title: str = "") -> str:
        """A new case at Jira, or one that moved on; its number. The usual one can be closed by a word."""
        return self.await_(_open(self.run, [_wish(name, cause, title)]))[0]


def _wish(name: str, cause: Cause, title: str = "") -> NewCase:
    cls = class_of(cause)
    return NewCase(
        key=f"{cls}:{name}:jira",
        cls=cls,
        cause=cause,
        title=title or f"jira and {name}",
        flow="incidents",
        connection="jira",
        object="issue",
        object_key=name,
        field="priority",
        evidence={"request": {"priority": "High"}, "answer": {"status": 400, "error": "not allowed"}},
        fingerprint=f"{cause}:jira:priority",
    )


async def _open(run: Running, wishes: list[NewCase]) -> list[str]:
    database = run.gateway.database
    async with database.begin("tests.case") as tx:
        found = await store.open_cases(tx, wishes, now=run.gateway.clock.now())
    return [found[wish.key] for wish in wishes]


async def _furnish(stack: AsyncExitStack, directory: Path, extra: str) -> tuple[str, Running, Sites, str, list[str]]:
    both = await stack.enter_async_context(sites(directory))
    file, url = write_config(directory, snow=both.snow.url, jira=both.jira.url, extra=_access() + extra)
    run = await stack.enter_async_context(started(file, url))
    issue = await both.issue("the printer is on fire")

    async def arrived() -> bool:
        return "the printer is on fire" in await both.texts("snow")

    await until(arrived, what="the record in both systems")
    wishes = [_wish(f"OPS-{n}", Cause.FIELD_REFUSED) for n in range(100, 100 + CASES)]
    return url, run, both, issue, await _open(run, wishes)


def _plan(place: Place) -> str:
    with place.client(**{"Idempotency-Key": "plan-of-the-place"}) as client:
        selection = client.post("/v1/selections", json={"numbers": place.numbers[:3]}).json()["selection"]
    with place.client(**{"Idempotency-Key": "its-plan"}) as client:
        asked = client.post("/v1/replay-plans", json={"selection": selection}).json()
    return str(place.over(asked["id"])["id"])


def serve(directory: Path, extra: str = "") -> Iterator[Place]:
    """The place, until the iterator is closed."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="gateway", daemon=True)
    thread.start()
    stack = AsyncExitStack()

    def done(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(90)

    try:
        url, run, both, issue, numbers = done(_furnish(stack, directory, extra))
        made = Place(url, loop, run, both, issue, numbers)
        made.plan = _plan(made)
        yield made
    finally:
        done(stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all tests of this folder: they make what they change."""
    ENVIRONMENT.update({_variable(name): secret for name, secret in SECRETS.items()})
    yield from serve(tmp_path_factory.mktemp("api"))
