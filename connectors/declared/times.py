"""Times as systems write them, to epoch seconds and back."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from connectors.declared.model.texts import TimeFormat


def parse_time(value: Any, form: TimeFormat) -> float | None:
    """Epoch seconds; None for anything that is no time of this form. A time without a zone is taken as UTC."""
    try:
        if form == "epoch_s":
            return _finite(float(value))
        if form == "epoch_ms":
            return _finite(float(value) / 1000)
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
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
