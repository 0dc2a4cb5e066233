"""Geometry of the charts."""

from __future__ import annotations

import pytest

from gateway.console.charts import area, bars, line, shares, top_of


@pytest.mark.parametrize(("most", "top"), [(0, 1), (1, 1), (3, 5), (17, 20), (51, 100), (100, 100), (4999, 5000)])
def test_the_scale_ends_at_a_round_number(most: float, top: float) -> None:
    assert top_of([most, 0]) == top


def test_a_line_goes_from_edge_to_edge_and_stays_inside() -> None:
    assert line([0, 10, 5], 100, 50, 10) == "M0.0 50.0 L50.0 0.0 L100.0 25.0"
    assert line([0, 99], 100, 50, 10).endswith("L100.0 0.0")
    assert line([4], 100, 50, 10) == area([4], 100, 50, 10) == ""


def test_a_small_bar_can_be_seen_and_none_is_none() -> None:
    found = bars([0, 1, 1000], 30, 60)
    assert [bar.height for bar in found] == [0, 1.5, 60]
    assert bars([], 30, 60) == []


def test_shares_leave_room_for_the_smallest() -> None:
    found = shares([1, 9999, 0], 1000)
    assert found[0].width == 2.0
    assert found[2].width == 0
    assert shares([0, 0], 1000)[0].width == 0
