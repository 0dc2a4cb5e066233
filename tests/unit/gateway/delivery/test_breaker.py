"""The gate of a connection: when it opens, whom it lets try, and what it never does."""

from __future__ import annotations

from gateway.delivery.breaker import Gate, GateSettings
from tests.support.world import FakeClock


def gate(**settings: float) -> tuple[Gate, FakeClock]:
    clock = FakeClock()
    return Gate(clock, GateSettings(failures=3, retry_s=2.0, cap_s=10.0)), clock


def test_it_opens_after_failures_in_a_row() -> None:
    it, _ = gate()
    for _ in range(2):
        it.failed("down")
    assert str(it.state) == "closed"
    it.failed("down")
    assert str(it.state) == "open" and not it.admits()


def test_a_success_between_failures_keeps_it_closed() -> None:
    it, _ = gate()
    for _ in range(10):
        it.failed("down")
        it.failed("down")
        it.succeeded()
    assert str(it.state) == "closed"


def test_one_lane_tries_after_the_wait_and_its_failure_doubles_it() -> None:
    it, clock = gate()
    for _ in range(3):
        it.failed("down")
    waits = []
    for _ in range(5):
        waits.append(it.wait_s())
        clock.advance(it.wait_s())
        assert it.admits()
        assert not it.admits(), "only one lane tries"
        it.failed("down")
    assert waits == [2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_trial_that_succeeds_closes_it() -> None:
    it, clock = gate()
    for _ in range(3):
        it.failed("down")
    clock.advance(2.0)
    assert it.admits()
    it.succeeded()
    assert str(it.state) == "closed" and it.admits() and it.admits()


def test_a_trial_that_asked_nothing_gives_its_place_back() -> None:
    it, clock = gate()
    for _ in range(3):
        it.failed("down")
    clock.advance(2.0)
    assert it.admits()
    it.released()
    assert it.admits()


def test_wall_clock_jumps_do_not_matter() -> None:
    it, clock = gate()
    for _ in range(3):
        it.failed("down")
    clock.wall += 86_400
    assert not it.admits()
    clock.wall -= 2 * 86_400
    clock.ticks += 2.0
    assert it.admits()


def test_throttling_waits_as_long_as_asked() -> None:
    it, clock = gate()
    it.throttled(17.0)
    assert str(it.state) == "throttled"
    clock.advance(16.9)
    assert not it.admits()
    clock.advance(0.1)
    assert it.admits()


def test_dead_credentials_hold_at_once() -> None:
    it, _ = gate()
    it.rejected("401")
    assert str(it.state) == "credentials" and not it.admits()
