"""Charts' numbers: shares of minutes with and without writes, and what waits, the oldest first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from gateway.console import drawings
from gateway.work.pages_now import Flow


def _flow(*went: int) -> Flow:
    padded = (0,) * (60 - len(went)) + went
    return Flow(began=0.0, came=(0,) * 60, went=padded)


def test_the_share_of_a_minute_without_writes_is_none_and_never_over_a_hundred() -> None:
    drawn = drawings.errors(_flow(0, 4, 0), (0,) * 57 + (0, 1, 2))
    assert drawn.shares[-3:] == (0.0, 25.0, 100.0)
    assert drawn.said == "In the last hour 3 of 6 writes failed or have no known outcome, 50 %."
    assert drawn.rows[-1] == ("00:50Z", 3, 6)
    assert drawings.errors(_flow(), (0,) * 60).said.endswith("0 of 0 writes failed or have no known outcome.")


def test_what_waits_is_told_oldest_first_and_only_that() -> None:
    sides = cast(
        Any, [SimpleNamespace(label="Jira", in_s=0.0, out_s=90.0), SimpleNamespace(label="Snow", in_s=200.0, out_s=0.0)]
    )
    waits = drawings.waits(sides)
    assert [(label, way) for label, way, _ in waits.rows] == [("Snow", "in"), ("Jira", "out")]
    assert waits.said == "Age of the oldest change that waits. Snow in 3 min, Jira out 1 min."
    assert drawings.waits([]).said == "No change waits."
