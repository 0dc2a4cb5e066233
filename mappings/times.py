"""Moments: canonical ISO 8601 in UTC (`2026-03-01T10:20:30Z`, with milliseconds if any) and the forms of systems."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAMED = ("iso", "utc", "epoch_s", "epoch_ms", "date")
_UTC = ("utc", "%Y-%m-%d %H:%M:%S")
ONE_SPELLING = (*_UTC, "date")
"""Forms in which a moment can be written in one way only."""


def time_codec(form: str | None) -> tuple[Callable[[Any], str], Callable[[str], Any]]:
    """Reading and writing for one of `NAMED` (`iso` by default) or a strptime pattern; without zone means UTC.

    `utc` is `2026-03-01 10:20:30`. Both raise ValueError or TypeError for what is no moment. A `date` stays a plain
    date in canonical terms, because a day without a zone is not a moment.
    """
    if form is None or form == "iso":
        return lambda ext: canonical(_iso(ext)), lambda value: canonical(_iso(value))
    if form in _UTC:  # the pattern is served by the same: strptime costs forty times as much
        return lambda ext: canonical(_iso(ext)), lambda value: f"{_iso(value).astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if form == "epoch_s":
        return lambda ext: canonical(_since_epoch(ext, 1000)), lambda value: _whole(_iso(value).timestamp())
    if form == "epoch_ms":
        return lambda ext: canonical(_since_epoch(ext, 1)), lambda value: round(_iso(value).timestamp() * 1000)
    if form == "date":
        return lambda ext: date.fromisoformat(ext).isoformat(), lambda value: date.fromisoformat(value).isoformat()
    return lambda ext: canonical(_patterned(ext, form)), lambda value: _iso(value).astimezone(UTC).strftime(form)


def canonical(moment: datetime) -> str:
    """The canonical spelling."""
    moment = moment.astimezone(UTC)
    milliseconds = f".{moment.microsecond // 1000:03d}" if moment.microsecond >= 1000 else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{milliseconds}Z"


def _iso(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _patterned(text: str, pattern: str) -> datetime:
    moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is added in the next line if the pattern has none
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _since_epoch(ext: Any, unit_ms: int) -> datetime:
    if isinstance(ext, bool):
        raise TypeError("true and false are no moments")
    return _EPOCH + timedelta(milliseconds=round(float(ext) * unit_ms))


def _whole(seconds: float) -> float | int:
    return int(seconds) if seconds.is_integer() else seconds
