"""How much of a connection a sweep takes, and how many objects may be gone at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from gateway.delivery.breaker import Gate
from gateway.sweeps.book import Book, Cursor, Round
from gateway.sweeps.ids import Guard
from gateway.sweeps.sweeper import Step, Sweeper
from tests.support.world import FakeClock


class Paper:
    """A book that has one round and keeps nothing."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.kept, self.finished = clock, 0, 0

    async def due(self, connection: str, every_s: Any) -> list[str]:
        return list(every_s)

    async def claim(self, connection: str, kind: str) -> Round:
        return Round(connection, kind, since=0.0, started_at=0.0)

    async def keep(self, round: Round, cursor: Cursor) -> bool:
        self.kept += 1
        return True

    async def finish(self, round: Round, report: Any, every_s: float) -> bool:
        self.finished += 1
        return True


class Slow:
    """Three steps of two seconds each, then an end. `meanwhile` happens in the second one."""

    name, every_s = "slow", 60.0

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.meanwhile: Callable[[], None] = lambda: None

    async def step(self, round: Round, cursor: Cursor) -> Step:
        steps = cursor.get("steps", 0) + 1
        self.clock.advance(2.0)
        if steps == 2:
            self.meanwhile()
        return Step({"steps": steps}, done=steps > 3)


@pytest.mark.parametrize(("in_flight", "pause_s"), [(1.0, 0.0), (0.5, 2.0), (0.25, 6.0)])
async def test_a_step_takes_up_its_share_of_the_time(in_flight: float, pause_s: float) -> None:
    clock, pauses = FakeClock(), []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    book = Paper(clock)
    sweeper = Sweeper("a", [Slow(clock)], cast(Book, book), Gate(clock), in_flight, sleep)
    assert await sweeper.once() == ["slow"]
    assert pauses == [pause_s] * 3
    assert (book.kept, book.finished) == (3, 1)


async def test_a_round_pauses_when_its_system_gets_into_trouble() -> None:
    clock = FakeClock()
    book, gate, kind = Paper(clock), Gate(clock), Slow(clock)
    kind.meanwhile = lambda: gate.throttled(30.0)  # a lane was told to wait
    assert await Sweeper("a", [kind], cast(Book, book), gate).once() == []
    assert (book.kept, book.finished) == (2, 0)


@pytest.mark.parametrize(
    ("known", "asked", "limit"),
    [(0, {}, 10), (100, {}, 10), (1000, {}, 50), (1000, {"most_gone": 3}, 3), (10, {"most_gone": 500}, 500)],
)
def test_the_guard_takes_the_larger_of_number_and_share(known: int, asked: dict[str, Any], limit: int) -> None:
    assert Guard(most_gone=10, share=0.05).limit(known, "issue", asked) == limit
