"""When a last day ends. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_MIDNIGHT = time()


def day_of(value: Any) -> str:
    """The day that a field names: 2026-11-30. Midnight in UTC stands for its day, as systems write it that know no
    plain dates; empty for another moment, and for what is neither.
    """
    moment = _read(value)
    if moment is None or (moment.tzinfo is not None and moment.astimezone(UTC).time() != _MIDNIGHT):
        return ""
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date().isoformat()


def ends_at(value: Any, zone: str) -> float | None:
    """The end of the day there, in epoch seconds, or the very moment that is named. None: it names neither.

    The day ends when the next one begins by the clocks of the zone, also where they are changed that night.
    """
    if day := day_of(value):
        following = datetime.fromisoformat(day) + timedelta(days=1)
        return following.replace(tzinfo=ZoneInfo(zone)).timestamp()
    moment = _read(value)
    return None if moment is None else moment.timestamp()


def _read(value: Any) -> datetime | None:
    """A day alone has no zone; a moment without one is UTC, as everywhere in canonical terms."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) <= len("2026-11-30"):
        return moment.replace(tzinfo=None)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
