"""A stall is: values wait, and nothing has moved for the whole time."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.streams.watchdog import Watchdog, Watchdogs


@dataclass
class HandClock:
    at: float = 100.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


def test_waiting_without_progress_stalls_after_the_time_and_not_before() -> None:
    clock = HandClock()
    watchdog = Watchdog(clock, 60)
    assert not watchdog.stalled(mark=1, waiting=True)
    clock.at += 59
    assert not watchdog.stalled(mark=1, waiting=True)
    clock.at += 1
    assert watchdog.stalled(mark=1, waiting=True)


def test_progress_begins_the_time_anew() -> None:
    clock = HandClock()
    watchdog = Watchdog(clock, 60)
    watchdog.stalled(mark=1, waiting=True)
    clock.at += 59
    watchdog.stalled(mark=2, waiting=True)
    clock.at += 59
    assert not watchdog.stalled(mark=2, waiting=True)


def test_an_idle_stream_never_stalls() -> None:
    clock = HandClock()
    watchdog = Watchdog(clock, 60)
    for _ in range(5):
        clock.at += 1000
        assert not watchdog.stalled(mark=1, waiting=False)
    # The first value after a long pause has its full time.
    assert not watchdog.stalled(mark=1, waiting=True)


def test_a_reset_begins_the_time_anew() -> None:
    clock = HandClock()
    watchdog = Watchdog(clock, 60)
    watchdog.stalled(mark=1, waiting=True)
    clock.at += 59
    watchdog.reset()
    clock.at += 59
    assert not watchdog.stalled(mark=1, waiting=True)


def test_the_progress_of_others_does_not_hide_a_partition_that_nobody_reads() -> None:
    clock = HandClock()
    watchdogs = Watchdogs[int](clock, 60)
    for second in range(60):
        assert watchdogs.stalled({0: 7, 1: second}, {0: True, 1: True}) == []
        clock.at += 1
    assert watchdogs.stalled({0: 7, 1: 60}, {0: True, 1: True}) == [0]


def test_a_partition_that_was_given_up_meanwhile_has_its_full_time() -> None:
    clock = HandClock()
    watchdogs = Watchdogs[int](clock, 60)
    watchdogs.stalled({0: 7}, {0: True})
    clock.at += 59
    assert watchdogs.stalled({}, {}) == []
    clock.at += 59
    assert watchdogs.stalled({0: 7}, {0: True}) == []
