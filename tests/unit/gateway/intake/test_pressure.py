"""What is refused before there is no room for it, and that it is taken in again afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import AppKey, Application

from connectors.contract.clock import SystemClock
from connectors.contract.values import Received, Webhook
from gateway.config.values import Limits
from gateway.intake import hooks
from gateway.intake.hooks import Hooks
from gateway.intake.pressure import LEAST, Full, Pressure, Room, disk_reason
from gateway.streams.port import StreamHealth
from tests.support.unpressed import unpressed
from tests.support.waiting import until

HOOKS = AppKey("hooks", Hooks)
LIMITS = Limits(body=100_000, in_flight=150_000, disk_reserve=1 << 20, unhandled=10)


class Lagging:
    """A stream in which entries wait."""

    def __init__(self, *lag: int) -> None:
        self.lag = dict(enumerate(lag))
        self.kept: list[bytes] = []
        self.go = asyncio.Event()

    def health(self) -> StreamHealth:
        return StreamHealth(ready=True, lag=self.lag)

    async def append_many(self, entries: list[tuple[str, bytes]]) -> None:
        await self.go.wait()


class Sink:
    """A connector that understands every body and finds nothing in it."""

    def receive(self, webhook: Webhook) -> Received:
        return Received(changes=(), ignored="nothing")


def test_bodies_take_room_and_give_it_back() -> None:
    room = Room(10 * LEAST)
    with room.body() as first:
        first.grow(8 * LEAST)
        with pytest.raises(Full), room.body() as second:
            second.grow(LEAST)
        assert room.used == 9 * LEAST
    assert room.used == 0


def test_one_body_alone_always_fits() -> None:
    room = Room(1)
    with room.body():
        assert room.used == LEAST
        with pytest.raises(Full), room.body():
            pass
    assert room.used == 0


@pytest.mark.parametrize(("free", "refused"), [(99, True), (100, False)])
def test_the_reserve_of_the_disk(free: int, refused: bool) -> None:
    assert bool(disk_reason(Path("data"), 100, lambda _: free)) is refused


@pytest.mark.parametrize(("lag", "refused"), [((4, 6), False), ((5, 6), True)])
def test_entries_that_nobody_handles(lag: tuple[int, ...], refused: bool) -> None:
    assert bool(unpressed(LIMITS, Lagging(*lag)).reason()) is refused


def test_a_directory_that_is_not_there_yet_has_the_room_of_the_one_above(tmp_path: Path) -> None:
    assert disk_reason(tmp_path / "not" / "there", 1) == ""


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[TestClient[Any, Any]]:
    pressure: Pressure = request.param
    app = Application(client_max_size=pressure.limits.body)
    made: Any = Hooks({"a": Sink()}, pressure.stream, SystemClock(), pressure)  # type: ignore[dict-item]
    app.add_routes(made.routes())
    app[HOOKS] = made
    async with TestClient(TestServer(app)) as opened:
        yield opened


@pytest.mark.parametrize("client", [unpressed(LIMITS, free=0)], indirect=True)
async def test_a_pressed_intake_answers_503_and_says_when_to_come_again(client: TestClient[Any, Any]) -> None:
    answer = await client.post("/hooks/a", data=b"x")
    said = await answer.json(content_type=None)
    assert (answer.status, said["code"]) == (503, "pressed")
    assert int(answer.headers["Retry-After"]) > 0


async def _endless(started: asyncio.Event, end: asyncio.Event, size: int) -> AsyncIterator[bytes]:
    yield b"x" * size
    started.set()
    await end.wait()


@pytest.mark.parametrize("client", [unpressed(LIMITS)], indirect=True)
async def test_bodies_under_way_are_bounded(client: TestClient[Any, Any]) -> None:
    pressure: Pressure = client.server.app[HOOKS].pressure  # type: ignore[attr-defined]
    started, end = asyncio.Event(), asyncio.Event()
    slow = asyncio.create_task(client.post("/hooks/a", data=_endless(started, end, 90_000)))

    async def received() -> bool:
        return pressure.room.used >= 90_000

    await until(received, what="the slow body to be under way")
    answer = await client.post("/hooks/a", data=b"x" * 90_000)
    assert (answer.status, (await answer.json(content_type=None))["code"]) == (503, "busy")
    assert (await client.post("/hooks/a", data=b"x")).status == 200, "a small one still fits"
    end.set()
    assert (await slow).status == 200
    assert pressure.room.used == 0
    assert (await client.post("/hooks/a", data=b"x" * 90_000)).status == 200


@pytest.mark.parametrize("client", [unpressed(LIMITS)], indirect=True)
async def test_a_body_that_does_not_end_holds_its_room_for_a_limited_time(
    client: TestClient[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "BODY_S", 0.05)
    never = asyncio.Event()
    answer = await client.post("/hooks/a", data=_endless(asyncio.Event(), never, 10))
    assert answer.status == 408
    assert client.server.app[HOOKS].pressure.room.used == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("client", [unpressed(LIMITS)], indirect=True)
@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_above_the_limit_is_413_announced_or_not(client: TestClient[Any, Any], announced: bool) -> None:
    end = asyncio.Event()
    end.set()
    data: Any = b"x" * 100_001 if announced else _endless(asyncio.Event(), end, 100_001)
    assert (await client.post("/hooks/a", data=data)).status == 413
