"""Times as systems write them, to epoch seconds and back."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from connectors.declared.model.texts import TimeFormat, is_pattern

_FINEST = (("%f", 1e-3), ("%S", 1.0), ("%M", 60.0), ("%H", 3600.0))
_DAY_S = 86400.0


def parse_time(value: Any, form: TimeFormat) -> float | None:
    """Epoch seconds; None for anything that is no time of this form. A time without a zone is taken as UTC."""
    try:
        if form == "epoch_s":
            return _finite(float(value))
        if form == "epoch_ms":
            return _finite(float(value) / 1000)
        if is_pattern(form):
            at = datetime.strptime(str(value), form)  # noqa: DTZ007 - the zone is looked at below
        else:
            at = datetime.fromisoformat(str(value).removesuffix(" UTC"))
    except (TypeError, ValueError, OverflowError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _finite(at: float) -> float | None:
    return at if math.isfinite(at) else None


def format_time(at: float, form: TimeFormat) -> str:
    """A bound for a query: never later than `at`, whatever the form can say."""
    if form == "epoch_s":
        return str(math.floor(at))
    if form == "epoch_ms":
        return str(math.floor(at * 1000))
    moment = datetime.fromtimestamp(math.floor(at * 1000) / 1000, UTC)
    if form == "date":
        return moment.strftime("%Y-%m-%d")
    if form == "rfc3339_s":
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    if is_pattern(form):
        return moment.strftime(form)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def coarse_s(form: TimeFormat) -> float:
    """How much earlier than meant a bound of this form may be."""
    if is_pattern(form):
        return next((step_s for directive, step_s in _FINEST if directive in form), _DAY_S)
    return {"date": _DAY_S, "epoch_s": 1.0, "rfc3339_s": 1.0}.get(form, 1e-3)
