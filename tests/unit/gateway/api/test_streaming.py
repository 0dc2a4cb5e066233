"""A reader that takes nothing is cut, and room is given back whatever happens."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientConnectionResetError, web
from aiohttp.test_utils import TestClient, TestServer

from gateway.access.rights import local
from gateway.api import streaming
from gateway.api.declare import Ask
from gateway.api.resources.stream import Follow, stream
from gateway.api.streaming import Follower
from gateway.api.streams import MOST_OF_ONE, Streams, StreamsFull
from tests.unit.gateway.api.test_reading import Still

ANN = local("ann")


class Transport:
    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class Torn:
    """Was there when it began."""

    async def prepare(self, request: object) -> None:
        return None

    async def write(self, data: bytes) -> None:
        raise ClientConnectionResetError("Cannot write to closing transport")


class Deaf:
    """Takes nothing."""

    async def write(self, data: bytes) -> None:
        await asyncio.Event().wait()


async def test_a_reader_that_takes_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "WRITE_S", 0.01)
    desk: Any = SimpleNamespace(place=SimpleNamespace(now=lambda: 0.0))
    request: Any = SimpleNamespace(transport=Transport())
    follower = Follower(desk, ANN, request, {})
    follower.response = Deaf()  # type: ignore[assignment]
    with pytest.raises(ConnectionResetError):
        await follower._say(": still here\n\n")
    assert request.transport.aborted


def test_room_is_given_back_whatever_happens() -> None:
    streams = Streams(Still())
    for _ in range(2 * MOST_OF_ONE):
        with pytest.raises(ConnectionResetError), streams.place(ANN):
            raise ConnectionResetError
    held = [streams.place(ANN) for _ in range(MOST_OF_ONE)]
    for each in held:
        each.__enter__()
    with pytest.raises(StreamsFull), streams.place(ANN):
        raise AssertionError("there was no room")
    with streams.place(local("bob")):
        pass
    streams.closing = True
    with pytest.raises(StreamsFull), streams.place(local("bob")):
        raise AssertionError("nobody is let in any more")


class Quiet:
    """A pulse that nothing comes from, with the turns that followers wait."""

    settled = 0

    def __init__(self) -> None:
        self.following = 0
        self.left = asyncio.Event()

    def follow(self) -> None:
        self.following += 1

    def leave(self) -> None:
        self.following -= 1
        if not self.following:
            self.left.set()

    async def wait(self, position: int | None, timeout_s: float) -> None:
        await asyncio.sleep(0.01)


async def test_who_has_gone_holds_no_place_and_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(streaming, "QUIET_S", float("inf"))  # nothing that is written tells that nobody is there
    pulse, streams, clock = Quiet(), Streams(Still()), Still()
    desk: Any = SimpleNamespace(place=SimpleNamespace(now=clock.now), pulse=pulse, streams=streams)

    async def follow(request: web.Request) -> web.StreamResponse:
        return await stream(Ask(desk=desk, who=ANN, request=request, path={}, query=Follow(topics="cases"), body=None))

    app = web.Application()
    app.router.add_get("/", follow)
    server = TestServer(app, access_log=None)
    client: TestClient[web.Request, web.Application] = TestClient(server)
    async with server, client:
        opened = [await client.get("/") for _ in range(MOST_OF_ONE)]
        for answer in opened:
            assert b"retry" in await answer.content.readline()
        with pytest.raises(StreamsFull), streams.place(ANN):
            raise AssertionError("there was no room")
        for answer in opened:
            answer.close()
        await pulse.left.wait()
        with ExitStack() as held:
            for _ in range(MOST_OF_ONE):
                held.enter_context(streams.place(ANN))
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_a_place_whose_reader_has_gone_is_taken_before_its_turn_is_over() -> None:
    streams, gone = Streams(Still()), set[int]()
    with ExitStack() as held:
        for n in range(MOST_OF_ONE):
            held.enter_context(streams.place(ANN, lambda n=n: n not in gone))  # type: ignore[misc]
        with pytest.raises(StreamsFull), streams.place(ANN):
            raise AssertionError("there was no room")
        gone.add(3)
        with streams.place(ANN):
            pass


async def test_a_line_that_breaks_while_something_is_said_ends_quietly() -> None:
    pulse, clock = Quiet(), Still()
    desk: Any = SimpleNamespace(place=SimpleNamespace(now=clock.now), pulse=pulse, streams=Streams(clock))
    request: Any = SimpleNamespace(transport=Transport())
    follower = Follower(desk, ANN, request, {})
    follower.response = Torn()  # type: ignore[assignment]
    await follower.run(None, cases=True)


async def test_those_who_see_the_same_are_told_the_same_for_a_moment() -> None:
    clock, asked = Still(), []
    streams = Streams(clock)

    async def state() -> int:
        asked.append(1)
        return len(asked)

    assert [await streams.once("now", ANN, state) for _ in range(3)] == ["1", "1", "1"]
    clock.at += 1.0
    assert await streams.once("now", ANN, state) == "2"
    assert await streams.once("connections", ANN, state) == "3"
