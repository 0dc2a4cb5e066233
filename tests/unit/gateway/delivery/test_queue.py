"""The lanes of one connection in memory: how many at once, how many remembered, and none forgotten."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from connectors.contract.limits import Purpose
from gateway.delivery import queue as queueing
from gateway.delivery.breaker import Gate
from gateway.delivery.pace import Pace
from gateway.delivery.queue import FRESH_S, PROMPT, Queue, Turn, turn_of
from gateway.sync.state import Lane
from tests.support.world import FakeClock


def queue(concurrency: int) -> Queue:
    clock = FakeClock()
    runner: Any = SimpleNamespace(gate=Gate(clock), connection="b", clock=clock)
    return Queue(runner, concurrency)


def test_no_more_requests_are_in_flight_than_allowed() -> None:
    lanes = queue(2)
    for record in ("one", "two", "three"):
        lanes.add(record)
    assert [lanes.next() for _ in range(3)] == ["one", "two", None]


def test_a_lane_waits_once_however_often_it_is_named() -> None:
    lanes = queue(9)
    for _ in range(3):
        lanes.add("one")
    assert [lanes.next(), lanes.next()] == ["one", None]


def test_a_lane_that_is_being_worked_is_looked_at_again_afterwards() -> None:
    """News that comes while a lane is worked may come too late for it."""
    lanes = queue(9)
    lanes.add("one")
    assert lanes.next() == "one"
    lanes.add("one")
    assert lanes.next() is None, "one at a time"
    lanes.leave("one")
    assert lanes.next() == "one"
    lanes.leave("one")
    assert lanes.next() is None, "and not again without news"


def test_memory_stays_flat_in_a_long_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lanes above the limit wait in their table, where the sweep finds them."""
    monkeypatch.setattr(queueing, "BACKLOG", 3)
    lanes = queue(9)
    for number in range(5):
        lanes.add(str(number))
    assert [lanes.next() for _ in range(4)] == ["0", "1", "2", None]


def test_fresh_lanes_and_looks_are_not_starved_by_the_backlog_nor_it_by_them() -> None:
    lanes = queue(9)
    for number in range(5):
        lanes.add(f"old {number}")
    for number in range(2):
        lanes.add(f"fresh {number}", Turn.FRESH)
        lanes.add(f"look {number}", Turn.LOOK)
    order = [str(lanes.next()).split()[0] for _ in range(9)]
    assert order == ["fresh", "look", "old", "fresh", "look", "old", "old", "old", "old"]


def test_the_next_write_of_a_record_waits_in_its_own_line() -> None:
    lanes = queue(9)
    lanes.add("one", Turn.FRESH)
    assert lanes.next() == "one"
    lanes.add("one", Turn.FRESH)
    lanes.leave("one")
    assert lanes.waiting == {"one": Turn.FRESH}


def test_more_fresh_lanes_than_are_remembered_are_backlog() -> None:
    lanes = queue(9)
    for number in range(PROMPT + 1):
        lanes.add(str(number), Turn.FRESH)
    assert lanes.waiting[str(PROMPT)] is Turn.OLD


@pytest.mark.parametrize(
    ("dirty", "age_s", "turn"),
    [(True, 0.0, Turn.FRESH), (True, FRESH_S + 1, Turn.OLD), (True, -FRESH_S - 1, Turn.OLD), (False, 0.0, Turn.LOOK)],
)
def test_what_a_lane_waits_for(dirty: bool, age_s: float, turn: Turn) -> None:
    assert turn_of(dirty=dirty, dirty_since=1000.0 - age_s, now=1000.0) is turn


def test_what_comes_while_the_system_is_away_is_backlog() -> None:
    lanes = queue(9)
    fresh = Lane("r", "b", dirty=True, dirty_since=1000.0)
    assert lanes.turn(fresh, 1000.0) is Turn.FRESH
    lanes.gate.rejected("no")
    assert lanes.turn(fresh, 1000.0) is Turn.OLD


def test_what_came_while_the_system_was_away_stays_backlog_when_it_is_back() -> None:
    """Otherwise the last minute of an outage stands in the line of what is fresh, and keeps it full."""
    lanes = queue(9)
    lanes.gate.rejected("no")
    lanes.turn(Lane("r", "b", dirty=True, dirty_since=1000.0), 1000.0)
    lanes.gate.succeeded()
    assert lanes.turn(Lane("r", "b", dirty=True, dirty_since=1000.0), 1001.0) is Turn.OLD
    assert lanes.turn(Lane("s", "b", dirty=True, dirty_since=1001.0), 1001.0) is Turn.FRESH
    assert lanes.turn(Lane("s", "b", dirty=False), 1001.0) is Turn.LOOK
    assert lanes.turn(Lane("s", "b", dirty=True, dirty_since=900.0), 900.0) is Turn.FRESH, "a clock that was set back"


def test_what_was_fresh_when_the_system_went_away_is_backlog_when_it_is_back() -> None:
    lanes = queue(9)
    for number in range(PROMPT):
        lanes.add(str(number), Turn.FRESH)
    lanes.gate.rejected("no")
    assert lanes.next() is None
    lanes.gate.succeeded()
    lanes.add("new", Turn.FRESH)
    assert lanes.waiting["new"] is Turn.FRESH, "the line has room"
    assert lanes.backlog == PROMPT
    assert sorted(str(lanes.next()) for _ in range(2)) == ["0", "new"]


def test_a_system_that_asks_us_to_wait_is_not_away() -> None:
    """In a paced drain it may do so every few seconds; what is fresh keeps its place."""
    lanes = queue(9)
    lanes.gate.throttled(5.0)
    assert lanes.turn(Lane("r", "b", dirty=True, dirty_since=1000.0), 1000.0) is Turn.FRESH


def test_a_lane_beyond_the_pace_waits() -> None:
    clock = FakeClock()
    runner: Any = SimpleNamespace(gate=Gate(clock), connection="b", clock=clock)
    lanes = Queue(runner, 9, Pace(clock, 1.0))
    for number in range(3):
        lanes.add(str(number))
    started = lanes.next()
    assert started is not None
    lanes.leave(started)
    assert lanes.next() is None
    wait_s = lanes.wait_s()
    assert wait_s > 0
    clock.advance(wait_s)
    assert lanes.next() is not None


def test_a_leaver_goes_before_all_others_also_one_that_waits_already() -> None:
    lanes = queue(9)
    for number in range(3):
        lanes.add(f"fresh{number}", Turn.FRESH)
    lanes.add("old", Turn.OLD)
    lanes.add("leaver", Turn.OLD)
    lanes.add("leaver", Turn.LEAVER)
    assert lanes.next() == "leaver"
    assert lanes.purpose("leaver") is Purpose.LEAVER
    rest = [lanes.next() for _ in range(5)]
    assert sorted(map(str, rest)) == ["None", "fresh0", "fresh1", "fresh2", "old"], "and once only"


def test_a_leaver_does_not_wait_for_the_pace() -> None:
    clock = FakeClock()
    runner: Any = SimpleNamespace(gate=Gate(clock), connection="b", clock=clock)
    lanes = Queue(runner, 9, Pace(clock, None, None, lambda: 60.0))
    lanes.add("live", Turn.FRESH)
    assert (lanes.next(), lanes.wait_s()) == (None, 60.0)
    lanes.add("leaver", Turn.LEAVER)
    assert [lanes.next(), lanes.next()] == ["leaver", None]


def test_what_a_replay_run_has_is_sent_on_its_share() -> None:
    lanes = queue(9)
    lanes.add("one")
    lanes.replayed.add("one")
    assert lanes.next() == "one" and lanes.purpose("one") is Purpose.REPLAY
    lanes.leave("one")
    assert not lanes.replayed
