"""An event loop whose time moves only when somebody moves it, or when nobody has anything else to do.

Leases, time-outs and pauses of the gateway pass in no time, and in the same order each time. Nothing may ask a socket.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from tests.support.world import FakeClock

T = TypeVar("T")


class Deadlock(Exception):
    """Everybody waits for somebody, and no timer runs."""


class _Passing(selectors.SelectSelector):
    """Waiting is moving the clock."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock
        if timeout > 0:
            self.clock.advance(timeout)
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """`clock` is the time of the world."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        super().__init__(_Passing(self.clock))

    def time(self) -> float:
        return self.clock.monotonic()


def world_clock() -> FakeClock:
    """The clock of the loop that runs."""
    return cast(SimulatedLoop, asyncio.get_running_loop()).clock


def run(story: Coroutine[Any, Any, T]) -> T:
    """Runs to the end in a loop of its own. Raises Deadlock where a wait would never end."""
    loop = SimulatedLoop()
    try:
        return loop.run_until_complete(story)
    finally:
        _end(loop)


def _end(loop: SimulatedLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


class Watch:
    """The clock of one worker: it may be wrong, and it may jump. The monotonic one never does."""

    def __init__(self, world: FakeClock) -> None:
        self.world, self.wrong_by_s = world, 0.0

    def now(self) -> float:
        return self.world.now() + self.wrong_by_s

    def monotonic(self) -> float:
        return self.world.monotonic()

    def advance(self, seconds: float) -> None:
        self.world.advance(seconds)
