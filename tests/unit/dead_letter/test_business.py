"""Working time, where the clocks change, at weekends and on holidays."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import holidays
import pytest

from dead_letter.business import Calendar, Deadlines

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600.0


def calendar(**changes: object) -> Calendar:
    said = {"zone": BERLIN, "days": frozenset(range(5)), "opens": time(9), "closes": time(17), **changes}
    return Calendar(**said)  # type: ignore[arg-type]


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("since", "hours", "due"),
    [
        ("2026-11-18T10:00", 4, "2026-11-18T14:00"),
        ("2026-11-18T03:00", 4, "2026-11-18T13:00"),  # at night: from the morning on
        ("2026-11-18T15:00", 4, "2026-11-19T11:00"),  # over night
        ("2026-11-20T16:00", 2, "2026-11-23T10:00"),  # over a weekend
        ("2026-11-21T12:00", 1, "2026-11-23T10:00"),  # on a Saturday
        ("2026-11-18T09:00", 8, "2026-11-18T17:00"),  # exactly to the end of a day
        ("2026-11-18T17:00", 1, "2026-11-19T10:00"),
        ("2026-12-24T16:00", 2, "2026-12-28T10:00"),  # Christmas on Friday and Saturday
        ("2026-03-27T16:00", 2, "2026-03-30T10:00"),  # the clocks go forward in between
        ("2026-10-23T16:00", 2, "2026-10-26T10:00"),  # and back
    ],
)
def test_working_hours(since: str, hours: int, due: str) -> None:
    found = calendar(holidays=holidays.country_holidays("DE")).after(at(since), hours * HOUR)
    assert datetime.fromtimestamp(found, BERLIN).replace(tzinfo=None) == datetime.fromisoformat(due)


def test_an_hour_that_does_not_exist_is_not_worked() -> None:
    """2026-03-29 02:00 is 03:00: of the night shift from 00:00 to 06:00 five hours are left."""
    night = calendar(days=frozenset(range(7)), opens=time(0), closes=time(6))
    assert night.after(at("2026-03-29T00:00"), 5 * HOUR) == at("2026-03-29T06:00")


def test_a_calendar_without_days_is_refused() -> None:
    with pytest.raises(ValueError, match="no working days"):
        calendar(holidays=_Always()).after(at("2026-11-18T10:00"), HOUR)


class _Always:
    def __contains__(self, day: date) -> bool:
        return True


def test_what_is_critical_is_due_at_night_too() -> None:
    deadlines = Deadlines(calendar=calendar())
    night = at("2026-11-18T03:00")
    assert deadlines.of("critical", night) == (night + HOUR, night + 0.75 * HOUR)
    assert deadlines.of("high", night) == (at("2026-11-18T13:00"), at("2026-11-18T12:00"))


def test_without_a_calendar_every_hour_counts() -> None:
    saturday = at("2026-11-21T12:00")
    assert Deadlines().of("high", saturday)[0] == saturday + 4 * HOUR
