"""What people are told about when a queue will be empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.contract.limits import Allowance
from gateway.delivery.breaker import Gate
from gateway.delivery.due import Depth
from gateway.delivery.meter import EVERY_S, WINDOW, Meter, Trend
from gateway.delivery.pace import Pace
from tests.support.world import FakeClock

BACKLOG = 60_000
RIGHT = 0.2


def seeing(*looks: tuple[float, int]) -> Trend:
    """A trend after a first look, which it leaves out."""
    trend = Trend()
    trend.saw(looks[0][0] - EVERY_S, 10 * looks[0][1])
    for at, writes in looks:
        trend.saw(at, writes)
    return trend


def test_a_steady_drain_is_told_right_from_the_third_look() -> None:
    trend = seeing((0.0, 812_000))
    assert trend.done_s() is None, "nobody can tell yet"
    trend.saw(5.0, 812_000 - 5 * 1150)
    assert trend.per_s() == pytest.approx(1150)
    assert trend.done_s() == pytest.approx((812_000 - 5 * 1150) / 1150)


def test_new_changes_count_against_the_speed() -> None:
    trend = seeing(*((float(second), 1000 - 100 * second + 60 * second) for second in range(4)))
    assert trend.per_s() == pytest.approx(40)


@pytest.mark.parametrize("later", [1000, 1200])
def test_a_queue_that_does_not_shrink_has_no_end(later: int) -> None:
    trend = seeing((0.0, 1000), (5.0, later))
    assert (trend.per_s(), trend.done_s()) == (None, None)


def test_the_past_is_forgotten() -> None:
    """A drain that became slower is told of within the window."""
    trend = seeing(*((look * 5.0, 100_000 - look * 1000) for look in range(WINDOW)))
    left = 100_000 - WINDOW * 1000
    for look in range(WINDOW):
        trend.saw((WINDOW + look) * 5.0, left - look * 10)
    assert trend.per_s() == pytest.approx(2)
    trend.forget()
    assert trend.per_s() is None


def _steady(at: float) -> float:
    return 500.0 * at


def _late(at: float) -> float:
    """The gate was tried again only at the end of the first interval."""
    return 500.0 * max(0.0, at - EVERY_S * 0.9)


def _bucket(at: float) -> float:
    """A full bucket goes at once, then the pace holds."""
    return 2_000.0 + 500.0 * at if at > 0 else 0.0


def _cold(at: float) -> float:
    """The first seconds fill the caches."""
    return 100.0 * min(at, EVERY_S) + 500.0 * max(0.0, at - EVERY_S)


@pytest.mark.parametrize("drained", [_steady, _late, _bucket, _cold])
@pytest.mark.parametrize("fresh", [0, 200])
def test_the_end_is_told_right_throughout_the_drain(drained: Callable[[float], float], fresh: int) -> None:
    """Fresh changes come and are written all the time. All estimates count, from the first that is given at all."""
    written, trend, told, at = 0.0, Trend(), list[tuple[float, float]](), 0.0
    while written < BACKLOG:
        trend.saw(at, BACKLOG - int(written) + fresh)
        if (done_s := trend.done_s()) is not None:
            told.append((at, done_s))
        at += EVERY_S
        written = drained(at)
    ended = next(tenth / 10 for tenth in range(100_000) if drained(tenth / 10) >= BACKLOG)
    errors = {at: (done_s - (ended - at)) / (ended - at) for at, done_s in told if at <= 0.9 * ended}
    assert min(errors) <= 3 * EVERY_S, "or it was told too late to be of use"
    assert max(abs(error) for error in errors.values()) <= RIGHT / 2


def test_the_first_look_after_a_start_would_spoil_it() -> None:
    """What is left out, and why: with it, the estimate is wrong for as long as the window holds it."""
    first, second, third = ((at, BACKLOG - int(_late(at))) for at in (0.0, EVERY_S, 2 * EVERY_S))
    spoiled = seeing(first, second, third)
    right = seeing(second, third)
    truth = third[1] / 500.0
    assert (spoiled.done_s() or 0) > truth * (1 + RIGHT)
    assert right.done_s() == pytest.approx(truth)


def told(meter: Meter, look: int) -> Any:
    """When the queue will be empty, after one more measurement; 100 writes are made between two."""
    return (meter.row("b", Depth("b", 9, 10_000 - 100 * look, 0.0), look * EVERY_S) or {})["done_s"]


def measuring() -> tuple[Meter, Gate]:
    clock = FakeClock()
    gate, database = Gate(clock), Any
    return Meter(database, clock, {"b": gate}), gate  # type: ignore[arg-type]


def test_a_system_that_is_away_has_no_end_and_no_past() -> None:
    meter, gate = measuring()
    assert [told(meter, look) is None for look in range(3)] == [True, True, False]
    gate.rejected("no")
    assert told(meter, 3) is None
    gate.succeeded()
    assert [told(meter, look) is None for look in range(4, 7)] == [True, True, False]


def test_waiting_because_the_system_asks_for_it_is_part_of_the_speed() -> None:
    meter, gate = measuring()
    for look in range(3):
        told(meter, look)
    gate.throttled(5.0)
    assert told(meter, 3) == pytest.approx((10_000 - 300) / 100 * EVERY_S)


class Hourly:
    """A system with a limit for each hour, which tells what is left of it."""

    LIMIT, HOUR_S = 5_000, 3_600.0

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.began, self.sent, self.used = clock, clock.monotonic(), 0, 0

    def ask(self) -> None:
        self._turn()
        self.sent, self.used = self.sent + 1, self.used + 1
        assert self.used <= self.LIMIT

    def allowance(self) -> Allowance:
        self._turn()
        left_s = self.began + self.HOUR_S - self.clock.monotonic()
        return Allowance(requests=self.sent, limit=self.LIMIT, remaining=self.LIMIT - self.used, resets_in_s=left_s)

    def _turn(self) -> None:
        while self.clock.monotonic() - self.began >= self.HOUR_S:
            self.began, self.used = self.began + self.HOUR_S, 0


@pytest.mark.parametrize("backlog", [1_500, 4_000, 20_000, 25_000])
def test_an_hourly_limit_is_foreseen(backlog: int) -> None:
    """In the first minutes twenty writes a second are made, later one in two seconds: both would be believed."""
    clock = FakeClock()
    system = Hourly(clock)
    pace = Pace(clock, None, system)
    meter = Meter(Any, clock, {"b": Gate(clock)}, {"b": pace})  # type: ignore[arg-type]
    written, told = 0, list[tuple[float, int, float]]()
    while written < backlog:
        row = meter.row("b", Depth("b", 9, backlog - written, 0.0), clock.monotonic()) or {}
        if (done_s := row["done_s"]) is not None:
            told.append((clock.monotonic(), written, float(str(done_s))))
            assert row["per_s"] == pytest.approx((backlog - written) / float(str(done_s))), "what people are shown"
        for _ in range(int(EVERY_S)):
            for _ in range(min(20, backlog - written)):
                if pace.admits(0):
                    pace.started()
                    system.ask()
                    pace.ended()
                    written += 1
            clock.advance(1.0)
    for moment in (0.1, 0.25, 0.5, 0.75):
        at, _, done_s = next(each for each in told if each[1] >= moment * backlog)
        took = clock.monotonic() - at
        assert done_s == pytest.approx(took, rel=RIGHT, abs=2 * EVERY_S), moment
