"""Jira's times: ISO with milliseconds and an offset without colon, 2023-05-10T14:47:17.244-0400 (facts.md 2.2
[HAR-JIRA]).
"""

from __future__ import annotations

from datetime import datetime


def parse_time(text: object) -> float | None:
    """Epoch seconds; None for anything that is no time with an offset."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.timestamp() if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def from_ms(value: object) -> float | None:
    """Milliseconds since the epoch, as webhooks carry them."""
    return value / 1000 if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15 else None
