"""When a last day ends, where the person is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from gateway.offboarding.days import day_of, ends_at


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("value", "zone", "ends"),
    [
        ("2026-11-30", "UTC", "2026-12-01T00:00+00:00"),
        ("2026-11-30", "Europe/Berlin", "2026-12-01T00:00+01:00"),
        ("2026-11-30", "America/Los_Angeles", "2026-12-01T00:00-08:00"),
        ("2026-11-30", "Pacific/Auckland", "2026-12-01T00:00+13:00"),
        ("2026-10-24", "Europe/Berlin", "2026-10-25T00:00+02:00"),  # the night before the clocks go back
        ("2026-10-25", "Europe/Berlin", "2026-10-26T00:00+01:00"),  # a day of 25 hours
        ("2026-11-30T00:00:00Z", "Europe/Berlin", "2026-12-01T00:00+01:00"),  # a day, as some systems write it
        ("2026-11-30T17:30:00Z", "Europe/Berlin", "2026-11-30T17:30+00:00"),  # a moment is that moment
        ("2026-11-30T17:30:00-05:00", "Europe/Berlin", "2026-11-30T17:30-05:00"),
    ],
)
def test_the_end_of_a_day(value: str, zone: str, ends: str) -> None:
    assert ends_at(value, zone) == at(ends)


@pytest.mark.parametrize("value", ["", None, "soon", "30.11.2026", 17, "2026-13-01", True])
def test_what_is_no_day(value: Any) -> None:
    assert ends_at(value, "UTC") is None and day_of(value) == ""
