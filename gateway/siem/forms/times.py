"""Times as the forms tell them: to the millisecond, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def milliseconds(at: float) -> int:
    """Since the epoch."""
    return round(at * 1000)


def iso(at: float) -> str:
    """RFC 3339, `2026-11-22T07:20:26.123Z`; never another number of digits."""
    whole, part = divmod(milliseconds(at), 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{part:03d}Z"
