"""Business time: when something is due that may take so many working hours. Pure; a day's hours are wall-clock hours
of the zone, so a day on which the clocks change is not an hour longer.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HORIZON_DAYS = 3660
"""A calendar without a working day in ten years is a mistake, not a plan."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days (Monday is 0) and hours of work in a zone; `holidays` are dates, as the library `holidays` gives them."""

    zone: ZoneInfo
    days: frozenset[int]
    opens: time
    closes: time
    holidays: Container[date] = frozenset()

    def works_on(self, day: date) -> bool:
        """Whether anybody works on this day."""
        return day.weekday() in self.days and day not in self.holidays

    def after(self, at: float, seconds: float) -> float:
        """The moment at which so many working seconds since `at` are over (epoch seconds, both)."""
        left = max(seconds, 0.0)
        day = datetime.fromtimestamp(at, UTC).astimezone(self.zone).date()
        for _ in range(HORIZON_DAYS):
            if self.works_on(day):
                begin = max(at, datetime.combine(day, self.opens, self.zone).timestamp())
                end = datetime.combine(day, self.closes, self.zone).timestamp()
                if begin < end and left <= end - begin:
                    return begin + left
                left -= max(0.0, end - begin)
            day += timedelta(days=1)
        raise ValueError("this calendar has no working days")


PLAIN_SPANS: Mapping[str, float] = {"critical": 3600.0, "high": 4 * 3600.0, "normal": 16 * 3600.0, "low": 40 * 3600.0}


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a case of a level may take, and when its end counts as near. Without a calendar all hours count."""

    spans: Mapping[str, float] = field(default_factory=lambda: PLAIN_SPANS)
    calendar: Calendar | None = None
    always: frozenset[str] = frozenset({"critical"})
    """Levels for which all hours count, day and night."""
    warn_share: float = 0.75

    def of(self, level: str, since: float) -> tuple[float, float]:
        """(due, warning) of a case of this level that was first seen at `since`."""
        span = self.spans[level]
        return self._after(level, since, span), self._after(level, since, span * self.warn_share)

    def _after(self, level: str, since: float, seconds: float) -> float:
        if self.calendar is None or level in self.always:
            return since + seconds
        return self.calendar.after(since, seconds)
