"""One story on two equal gateways: typed beside the configuration of the one, and from elsewhere at the other."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web

from dead_letter.classify import Cause, class_of
from dead_letter.store import open_cases
from dead_letter.values import NewCase
from gateway.app.compose import compose
from gateway.app.consume import Consumer
from gateway.app.http import application
from gateway.cli.wishes import Wishes, keep
from gateway.config import load
from gateway.storage.database import Database
from tests.support.running import ENVIRONMENT, FLOW, write_config
from tests.unit.gateway.cli.conftest import Said, plain, run, template

__all__ = ["plain", "run", "template"]

T = TypeVar("T")
PEOPLE = {"ada": "admin", "bea": "admin", "vic": "viewer"}
SECRETS = {name: f"secret-of-{name}-0123456789abcdef" for name in PEOPLE}
TARGETS = "http://127.0.0.1:18991", "http://127.0.0.1:18992"
"""Nobody listens there: what looks at a system is told so, here as there."""
OPENED = 1_000.0


@pytest.fixture(autouse=True)
def nothing_typed() -> None:
    """A command of an earlier test had flags; in a process of its own they would be gone."""
    keep(Wishes())


def _variable(name: str) -> str:
    return f"TOKEN_OF_{name.upper()}"


def _access() -> str:
    tokens = [f"    {name}: {{secret: '${{{_variable(name)}}}', roles: [{role}]}}" for name, role in PEOPLE.items()]
    return "\n".join(["access:", "  tokens:", *tokens, ""])


@dataclass
class Away:
    """A gateway that is served, and the loop it lives in."""

    url: str
    loop: asyncio.AbstractEventLoop
    gateway: Any


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = {**ENVIRONMENT, **{_variable(name): secret for name, secret in SECRETS.items()}}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOGNAME", "ada")
    for name in ("LOCKSTEP_URL", "LOCKSTEP_TOKEN", "LOCKSTEP_ACTOR", "LOCKSTEP_CA_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path: Path, story: Path) -> Path:
    """A configuration whose database has the story in it."""
    return _home(tmp_path / "here", story)


@pytest.fixture
def away(tmp_path: Path, story: Path) -> Iterator[Away]:
    """The same, served."""
    yield from served(_home(tmp_path / "away", story))


def _home(directory: Path, story: Path) -> Path:
    directory.mkdir()
    file, _ = write_config(directory, snow=TARGETS[0], jira=TARGETS[1], extra=_access(), flow=FLOW)
    text = file.read_text()
    name = next(line for line in text.splitlines() if line.startswith("name:"))
    file.write_text(text.replace(name, "name: story"))
    (directory / "gateway").mkdir()
    shutil.copy(story, directory / "gateway" / "lockstep.db")
    return file


@pytest.fixture(scope="session")
def story(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of the other tests of the command line, with cases for every verb."""
    file = tmp_path_factory.mktemp("story") / "lockstep.db"
    shutil.copy(template, file)
    asyncio.run(_fill(Database(f"sqlite+aiosqlite:///{file}")))
    return file


async def _fill(database: Database) -> None:
    closable = [_case(f"OPS-{n}", Cause.WINDOW_UNREAD) for n in range(10, 16)]
    refused = [_case(f"OPS-{n}", Cause.FIELD_REFUSED) for n in range(20, 23)]
    async with database.begin() as tx:
        await open_cases(tx, [*closable, *refused], now=OPENED)
    await database.close()


def _case(name: str, cause: Cause) -> NewCase:
    cls = class_of(cause)
    return NewCase(
        key=f"{cls}:{name}:jira",
        cls=cls,
        cause=cause,
        title=f"jira and {name}",
        flow="incidents",
        connection="jira",
        object="issue",
        object_key=name,
        field="priority",
        evidence={"request": {"priority": "High"}, "answer": {"status": 400}},
        fingerprint=f"{cause}:jira:priority",
    )


def served(file: Path, *, ssl: Any = None) -> Iterator[Away]:
    """The HTTP side of a gateway whose workers stand still, until the iterator is closed."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="away", daemon=True)
    thread.start()
    stack = AsyncExitStack()

    def done(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    try:
        yield done(_serve(stack, file, loop, ssl))
    finally:
        done(stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _serve(stack: AsyncExitStack, file: Path, loop: asyncio.AbstractEventLoop, ssl: Any) -> Away:
    gateway = compose(load(file, dict(os.environ)))
    stack.push_async_callback(gateway.database.close)
    for connector in gateway.connectors.values():
        stack.push_async_callback(connector.close)
    await gateway.planner.start()
    stack.push_async_callback(gateway.planner.stop)
    runner = web.AppRunner(application(gateway, Consumer(gateway.decider)))
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl)
    await site.start()
    port = runner.addresses[0][1]
    return Away(f"{'https' if ssl else 'http'}://127.0.0.1:{port}", loop, gateway)


class Typist:
    """Types the same words here and at a gateway elsewhere, as one person or another."""

    def __init__(self, type_: Any, monkeypatch: pytest.MonkeyPatch, file: Path | None, url: str) -> None:
        self.type, self.monkeypatch, self.file, self.url = type_, monkeypatch, file, url

    def __call__(self, *words: str, by: str = "ada", env: dict[str, str] | None = None) -> Said:
        with self.monkeypatch.context() as patch:
            patch.setenv("LOGNAME", by)
            if self.file is not None:
                patch.setenv("LOCKSTEP_CONFIG", str(self.file))
            if self.url:
                patch.setenv("LOCKSTEP_URL", self.url)
                patch.setenv("LOCKSTEP_TOKEN", SECRETS[by])
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            said: Said = self.type(*words)
            return said


@pytest.fixture
def here(run: Any, monkeypatch: pytest.MonkeyPatch, home: Path) -> Typist:
    """Types beside the configuration."""
    return Typist(run, monkeypatch, home, "")


@pytest.fixture
def there(run: Any, monkeypatch: pytest.MonkeyPatch, away: Away, tmp_path: Path) -> Typist:
    """Types at a gateway elsewhere, where there is no configuration."""
    monkeypatch.chdir(tmp_path)
    return Typist(run, monkeypatch, None, away.url)
