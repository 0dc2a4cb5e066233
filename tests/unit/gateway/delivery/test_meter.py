"""What people are told about when a queue will be empty."""

from __future__ import annotations

import pytest

from gateway.delivery.meter import WINDOW, Trend


def test_a_steady_drain_is_told_right_from_the_second_look() -> None:
    trend = Trend()
    trend.saw(0.0, 812_000)
    assert trend.done_s() is None, "nobody can tell yet"
    trend.saw(5.0, 812_000 - 5 * 1150)
    assert trend.per_s() == pytest.approx(1150)
    assert trend.done_s() == pytest.approx((812_000 - 5 * 1150) / 1150)


def test_new_changes_count_against_the_speed() -> None:
    trend = Trend()
    for second in range(4):
        trend.saw(float(second), 1000 - 100 * second + 60 * second)
    assert trend.per_s() == pytest.approx(40)


@pytest.mark.parametrize("later", [1000, 1200])
def test_a_queue_that_does_not_shrink_has_no_end(later: int) -> None:
    trend = Trend()
    trend.saw(0.0, 1000)
    trend.saw(5.0, later)
    assert (trend.per_s(), trend.done_s()) == (None, None)


def test_the_past_is_forgotten() -> None:
    """A drain that became slower is told of within the window."""
    trend = Trend()
    for look in range(WINDOW):
        trend.saw(look * 5.0, 100_000 - look * 1000)
    left = 100_000 - WINDOW * 1000
    for look in range(WINDOW):
        trend.saw((WINDOW + look) * 5.0, left - look * 10)
    assert trend.per_s() == pytest.approx(2)
    trend.forget()
    assert trend.per_s() is None
