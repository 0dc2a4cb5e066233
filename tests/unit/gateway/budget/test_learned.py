"""What one worker hears of a system's limits, the others know, with the time that is left of it."""

from __future__ import annotations

from connectors.contract.limits import Allowance, Told
from gateway.budget.learned import PAUSE, TELL_S, Knowing, Learned
from tests.support.world import FakeClock


class Connector:
    def allowance(self) -> Allowance:
        return Allowance(requests=5)


def test_what_another_worker_heard_later_goes_before_what_this_one_knows() -> None:
    clock, other = FakeClock(), FakeClock()
    mine, theirs = Learned(clock), Learned(other)
    mine.answered([Told(name="x", limit=100, remaining=80, resets_in_s=60.0)], None)
    for each in (clock, other):
        each.advance(10)
    theirs.answered([Told(name="x", limit=100, remaining=20, resets_in_s=50.0)], None)
    for each in (clock, other):
        each.advance(2)
    mine.heard(theirs.news(other.now()), clock.now())
    found = Knowing(Connector(), mine).allowance()
    assert (found.requests, found.limit, found.remaining) == (5, 100, 20)
    assert found.resets_in_s is not None and abs(found.resets_in_s - 48) < 0.01
    clock.advance(60)
    assert Knowing(Connector(), mine).allowance() == Allowance(requests=5), "over when it starts afresh"


def test_a_pause_that_a_system_asked_one_worker_for_holds_all() -> None:
    clock = FakeClock()
    mine, theirs = Learned(clock), Learned(clock)
    theirs.answered([], 30.0)
    (said,) = theirs.news(clock.now())
    assert said.name == PAUSE
    clock.advance(5)
    mine.heard([said], clock.now())
    assert abs(mine.held_s() - 25) < 0.01
    clock.advance(26)
    assert mine.held_s() == 0.0


def test_what_is_of_no_concern_is_written_down_now_and_then_only() -> None:
    clock = FakeClock()
    mine = Learned(clock)
    for remaining in range(99, 60, -1):
        mine.answered([Told(name="x", limit=100, remaining=remaining)], None)
        mine.wrote(news := mine.news(clock.now()))
        assert len(news) == (remaining == 99)
        clock.advance(TELL_S / 100)
    mine.answered([Told(name="x", limit=100, remaining=9)], None)
    assert [each.remaining for each in mine.news(clock.now())] == [9]
