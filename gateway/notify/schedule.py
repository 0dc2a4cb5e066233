"""When a delivery that failed is tried again. Pure; the curve of Standard Webhooks 1.0.0, over three days."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

from connectors.contract.clock import Chance

DELAYS_S = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""After the first failure, the second, ...; after the last there is no more."""
JITTER = 0.1
LONGEST_S = 86400.0
SLOW_S = 60.0
"""A receiver that is too busy gets nothing for so long, unless it says how long."""


def delay_s(attempts: int, chance: Chance) -> float | None:
    """Seconds to the next attempt after so many; None: that was the last."""
    if attempts > len(DELAYS_S):
        return None
    return jittered(DELAYS_S[attempts - 1], chance)


def jittered(seconds: float, chance: Chance) -> float:
    """Up to a tenth more, at most `LONGEST_S` and that: who failed together does not come back together."""
    return min(seconds, LONGEST_S) * (1 + JITTER * chance.random())


def retry_after_s(header: str | None, now: float) -> float | None:
    """What `Retry-After` asks for (RFC 9110 10.2.3: seconds, or a date), at most `LONGEST_S`; None: nothing, or
    something that is neither.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_S)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, at.timestamp() - now), LONGEST_S)
