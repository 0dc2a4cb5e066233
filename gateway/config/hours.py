"""Times of the week: when a system is maintained, when people work with it, when much happens in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from connectors.contract.written.edge import Strict
from connectors.contract.written.units import Duration

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_S = 86400.0
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Hours:
    """A stretch of time that comes again every week, on some of its days, by the clock of a place."""

    days: frozenset[int]
    """0: Monday."""
    start_s: float
    """After midnight there."""
    for_s: float
    zone: ZoneInfo

    def at(self, now: float) -> tuple[float, float] | None:
        """Beginning and end of the stretch that holds at `now`; None: none does."""
        return next(((began, ends) for began, ends in self._around(now) if began <= now < ends), None)

    def next(self, now: float) -> tuple[float, float]:
        """Beginning and end of the first stretch that begins after `now`."""
        return min((began, ends) for began, ends in self._around(now) if began > now)

    def _around(self, now: float) -> list[tuple[float, float]]:
        """Stretches of the days from a week ago to a week ahead. Where a clock is set, the wall clock there counts."""
        today = datetime.fromtimestamp(now, self.zone).date()
        found = []
        for offset in range(-8, 9):
            day = today + timedelta(days=offset)
            if day.weekday() in self.days:
                midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - of that place, see the next line
                began = (midnight + timedelta(seconds=self.start_s)).replace(tzinfo=self.zone).astimezone(UTC)
                found.append((began.timestamp(), began.timestamp() + self.for_s))
        return found


def holding(hours: Iterable[Hours], now: float) -> tuple[float, float] | None:
    """The stretch that holds now and ends last; None: none does."""
    found = [stretch for each in hours if (stretch := each.at(now)) is not None]
    return max(found, key=lambda stretch: stretch[1], default=None)


def _time(text: Any) -> float:
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('this should be a time of day; try "22:30", in quotes')
    return int(match[1]) * 3600.0 + int(match[2]) * 60.0


def _days(text: Any) -> frozenset[int]:
    names = text if isinstance(text, list) else [text]
    found: set[int] = set()
    for name in names:
        first, dash, last = str(name).strip().lower().partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError("these should be days; try sun, mon-fri or [sat, sun]")
        begin, end = DAYS.index(first), DAYS.index(last if dash else first)
        found |= {day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)}
    return frozenset(found)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; try UTC or Europe/Berlin") from None
    return name


_Time = Annotated[float, BeforeValidator(_time), WithJsonSchema({"type": "string", "examples": ["22:30"]})]
_Days = Annotated[
    frozenset[int],
    BeforeValidator(_days),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Zone = Annotated[str, AfterValidator(_zone)]
EVERY_DAY = frozenset(range(7))


class HoursModel(Strict):
    """Every week, on these days, from then on for so long."""

    days: _Days = Field(default=EVERY_DAY, description="`sun`, `mon-fri` or `[sat, sun]`.", validate_default=False)
    from_: _Time = Field(alias="from", description='By the clock of `zone`: `"22:30"`.')
    for_: Duration = Field(alias="for", gt=0, le=7 * _DAY_S)
    zone: Zone = "UTC"

    def hours(self) -> Hours:
        """As the gateway uses it."""
        return Hours(self.days, self.from_, self.for_, ZoneInfo(self.zone))


class MaintenanceModel(HoursModel):
    """Nothing is sent and nothing polled meanwhile: changes wait in their lanes, and no try is used up."""

    direction: Literal["in", "out", "both"] = "both"


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A stretch in which a system is left alone."""

    hours: Hours
    directions: frozenset[str]
    """`in`, `out`."""


def maintenance_of(given: Iterable[MaintenanceModel]) -> tuple[Maintenance, ...]:
    """Of one connection."""
    return tuple(
        Maintenance(each.hours(), frozenset({"in", "out"} if each.direction == "both" else {each.direction}))
        for each in given
    )
