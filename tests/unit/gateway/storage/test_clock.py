"""The database's time: asked for, carried on while nobody answers, and not asked for where nobody shares the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connectors.contract.errors import StorageError
from gateway.storage.clock import ASK_EVERY_S, SLOW_S, DatabaseClock
from tests.support.waiting import until
from tests.support.world import FakeClock

AHEAD_S = 3600.0


class Server:
    """A database whose clock is ahead of ours, and whose answer takes its time, half of it on the way back."""

    sqlite = False

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.ahead_s, self.takes_s, self.asked, self.away = clock, AHEAD_S, 0.0, 0, False

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        if self.away:
            raise StorageError("away")
        yield self

    async def execute(self, _: Any) -> Any:
        self.asked += 1
        self.clock.advance(self.takes_s / 2)
        self._told = self.clock.now() + self.ahead_s
        self.clock.advance(self.takes_s / 2)
        return self

    def scalar_one(self) -> float:
        return self._told


@pytest.fixture
async def parts(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[DatabaseClock, Server, FakeClock]]:
    """It asks again at once whenever the loop is free."""
    monkeypatch.setattr("gateway.storage.clock.ASK_EVERY_S", 0)
    own = FakeClock()
    server = Server(own)
    clock = DatabaseClock(server, own)  # type: ignore[arg-type]
    yield clock, server, own
    await clock.stop()


async def asked_again(server: Server) -> None:
    before = server.asked
    await until(lambda: server.asked >= before + 2, what="the next asking")


async def test_the_servers_time_counts(parts: tuple[DatabaseClock, Server, FakeClock]) -> None:
    clock, server, own = parts
    assert clock.now() == own.now(), "before the first answer there is only the own one"
    server.takes_s = 0.2
    await clock.start()
    assert clock.now() == pytest.approx(own.now() + AHEAD_S)
    own.advance(5)
    assert clock.now() == pytest.approx(own.now() + AHEAD_S)
    assert clock.monotonic() == own.monotonic()


async def test_it_goes_on_while_the_server_is_away(parts: tuple[DatabaseClock, Server, FakeClock]) -> None:
    clock, server, own = parts
    await clock.start()
    server.away = True
    own.advance(600)
    assert clock.now() == pytest.approx(own.now() + AHEAD_S)


async def test_an_answer_that_took_long_does_not_count(parts: tuple[DatabaseClock, Server, FakeClock]) -> None:
    clock, server, own = parts
    await clock.start()
    server.takes_s, server.ahead_s = SLOW_S * 2, 0.0
    await asked_again(server)
    assert clock.now() == pytest.approx(own.now() + AHEAD_S)
    server.takes_s = 0.0
    await asked_again(server)
    assert clock.now() == pytest.approx(own.now())


async def test_a_start_without_an_answer_fails(parts: tuple[DatabaseClock, Server, FakeClock]) -> None:
    clock, server, _ = parts
    server.away = True
    with pytest.raises(StorageError):
        await clock.start()
    assert clock.tasks == []


async def test_on_sqlite_nobody_is_asked() -> None:
    own = FakeClock()
    server = Server(own)
    server.sqlite = True
    clock = DatabaseClock(server, own)  # type: ignore[arg-type]
    await clock.start()
    assert (server.asked, clock.tasks) == (0, [])
    own.advance(ASK_EVERY_S)
    assert clock.now() == own.now()
