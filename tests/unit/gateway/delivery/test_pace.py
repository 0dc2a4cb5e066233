"""Requests stay within the budget that the configuration and the system's rate headers give."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from connectors.contract.limits import Allowance
from gateway.delivery.pace import AMPLE, BURST_S, LEAST_PER_S, Pace, spread
from tests.support.world import FakeClock


@dataclass
class Teller:
    """Counts what is sent; `told` is what the system said last."""

    told: Allowance = Allowance(requests=0)  # noqa: RUF009 - it is frozen
    sent: int = 0

    def allowance(self) -> Allowance:
        return Allowance(
            requests=self.sent,
            limit=self.told.limit,
            remaining=self.told.remaining,
            resets_in_s=self.told.resets_in_s,
        )


def drained(pace: Pace, clock: FakeClock, teller: Teller, *, seconds: float, cost: int) -> int:
    """Lanes that start in that time, one after the other, each with so many requests."""
    lanes, end = 0, clock.monotonic() + seconds
    while clock.monotonic() < end:
        if pace.admits(0):
            pace.started()
            teller.sent += cost
            pace.ended()
            lanes += 1
        else:
            clock.advance(max(0.001, pace.wait_s(0)))
    return lanes


@pytest.mark.parametrize("cost", [1, 3, 7])
def test_a_configured_rate_is_kept_whatever_a_lane_costs(cost: int) -> None:
    clock, teller = FakeClock(), Teller()
    drained(Pace(clock, 10.0, teller), clock, teller, seconds=100, cost=cost)
    assert 10 * 100 * 0.95 <= teller.sent <= 10 * (100 + BURST_S) + cost


def test_what_polls_and_sweeps_send_is_taken_from_the_same_budget() -> None:
    clock, teller = FakeClock(), Teller()
    pace = Pace(clock, 10.0, teller)
    assert pace.admits(0)
    teller.sent += 60  # a poll
    assert pace.wait_s(0) == pytest.approx((60 - 10 * BURST_S + pace.cost) / 10)


def test_lanes_that_are_asking_already_are_counted_before_they_have_sent() -> None:
    pace = Pace(FakeClock(), 10.0, Teller())
    assert pace.admits(0)
    assert not pace.admits(100)


def test_without_limits_nothing_is_held_up() -> None:
    pace = Pace(FakeClock(), None, Teller())
    assert pace.admits(1_000_000)
    assert pace.wait_s(1_000_000) == 0.0


def test_where_nobody_counts_requests_a_lane_is_thought_to_take_some() -> None:
    clock = FakeClock()
    pace = Pace(clock, 10.0)
    lanes = drained(pace, clock, Teller(), seconds=100, cost=0)
    assert lanes <= 10 * (100 + BURST_S) / pace.cost + 1


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (Allowance(requests=0), None),
        (Allowance(requests=0, limit=1000, remaining=int(1000 * AMPLE) + 1, resets_in_s=60.0), None),
        (Allowance(requests=0, limit=1000, remaining=400, resets_in_s=60.0), (400 - 100) / 60),
        (Allowance(requests=0, limit=1000, remaining=50, resets_in_s=60.0), 0.0),
        (Allowance(requests=0, limit=1000, remaining=0, resets_in_s=0.0), None),
        (Allowance(requests=0, limit=1000, remaining=0, resets_in_s=None), None),
        (Allowance(requests=0, remaining=90, resets_in_s=30.0), 3.0),
    ],
)
def test_what_remains_is_spread_over_the_time_until_it_starts_afresh(told: Allowance, wanted: float | None) -> None:
    found = spread(told)
    assert found == (None if wanted is None else pytest.approx(wanted))


def test_the_stricter_of_both_limits_counts_and_neither_stops_everything() -> None:
    teller = Teller(Allowance(requests=0, limit=1000, remaining=0, resets_in_s=3600.0))
    assert Pace(FakeClock(), 5.0, teller).rate_s() == pytest.approx(LEAST_PER_S)
    teller.told = Allowance(requests=0, limit=1000, remaining=400, resets_in_s=10.0)
    assert Pace(FakeClock(), 5.0, teller).rate_s() == 5.0
