"""A reader that takes nothing is cut, and room is given back whatever happens."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.access.rights import local
from gateway.api import streaming
from gateway.api.streaming import Follower
from gateway.api.streams import MOST_OF_ONE, Streams, StreamsFull
from tests.unit.gateway.api.test_reading import Still

ANN = local("ann")


class Transport:
    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


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
