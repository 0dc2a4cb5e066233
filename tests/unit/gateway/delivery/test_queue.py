"""The lanes of one connection in memory: how many at once, how many remembered, and none forgotten."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.delivery import dispatcher as dispatching
from gateway.delivery.breaker import Gate
from gateway.delivery.dispatcher import Queue
from tests.support.world import FakeClock


def queue(concurrency: int) -> Queue:
    runner: Any = SimpleNamespace(gate=Gate(FakeClock()), connection="b")
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
    monkeypatch.setattr(dispatching, "BACKLOG", 3)
    lanes = queue(9)
    for number in range(5):
        lanes.add(str(number))
    assert [lanes.next() for _ in range(4)] == ["0", "1", "2", None]
