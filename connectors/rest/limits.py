"""What a system says about its limits and its clock: Retry-After, rate headers, Date."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from connectors.contract.limits import Told

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")
"""Whole seconds by the standard; some gateways send fractions."""


def http_date(text: str) -> float | None:
    """An HTTP date as epoch seconds, None if it is not one."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds the system wants us to wait: `Retry-After` in seconds or as a date, else `X-RateLimit-Reset`.

    A point in time is compared with the answer's own Date header, so that a wrong clock of ours does not stretch the
    wait. Never negative. None: the system did not say (Jira's 429 may come without one, facts.md 2.6).
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = http_date(text) if text else reset_at(headers)
    if until is None:
        return None
    return max(0.0, until - (http_date(headers.get("date", "")) or now))


def reset_at(headers: Mapping[str, str]) -> float | None:
    """`X-RateLimit-Reset`: a unix time (ServiceNow, facts.md 1.7 [SND]) or an ISO time (Jira, facts.md 2.6)."""
    text = headers.get("x-ratelimit-reset", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo else at.replace(tzinfo=UTC).timestamp()


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """The last rate headers of a connection. None: the system has not said so far."""

    limit: int | None = None
    remaining: int | None = None
    reset_at: float | None = None
    """Epoch seconds, system's clock."""
    near_limit: bool = False
    reason: str = ""
    """Which of the vendor's limits it was (Jira `RateLimit-Reason`, ServiceNow `X-RateLimit-Rule`)."""


def budget(headers: Mapping[str, str], before: Budget) -> Budget:
    """The budget after an answer; `before` where the answer says nothing about it."""
    if not any(name in headers for name in _RATE_HEADERS):
        return before
    return Budget(
        limit=_whole(headers.get("x-ratelimit-limit"), before.limit),
        remaining=_whole(headers.get("x-ratelimit-remaining"), None),
        reset_at=reset_at(headers),
        near_limit=headers.get("x-ratelimit-nearlimit", "").strip().lower() == "true",
        reason=headers.get("ratelimit-reason", headers.get("x-ratelimit-rule", "")),
    )


ReadBudget = Callable[[Mapping[str, str], Budget], Budget]
"""The budget after an answer with these headers, from the budget before."""


def as_told(known: Budget, now: float) -> Told:
    """A budget as what an answer told. `now`: the system's clock."""
    left_s = None if known.reset_at is None else known.reset_at - now
    return Told(name="declared", limit=known.limit, remaining=known.remaining, resets_in_s=left_s)


def with_told(known: Budget, told: Told, now: float) -> Budget:
    """The budget by the limit of which the least is left. `now`: the system's clock."""
    at = known.reset_at if told.resets_in_s is None else now + told.resets_in_s
    return msgspec.structs.replace(known, limit=told.limit or known.limit, remaining=told.remaining, reset_at=at)


_RATE_HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-nearlimit")


def _whole(text: str | None, otherwise: int | None) -> int | None:
    stripped = (text or "").strip()
    return int(stripped) if stripped.isascii() and stripped.isdecimal() else otherwise


class ClockOffset:
    """Measures a system's clock against ours from `Date` headers, which only show whole seconds.

    Each answer says: when it was made, somewhere between our sending and our receiving, the system's clock stood
    within one second after `Date`. The bounds of successive answers are intersected, which soon is much finer than a
    second; bounds that contradict each other mean that a clock was set, and measuring starts afresh.
    """

    def __init__(self) -> None:
        self._low, self._high = float("-inf"), float("inf")
        self._text, self._date = "", 0.0

    @property
    def seconds(self) -> float:
        """System's clock minus ours; 0.0 while the two cannot be told apart."""
        if self._low <= 0.0 <= self._high:
            return 0.0
        return (self._low + self._high) / 2

    def learn(self, date: str, sent_at: float, received_at: float) -> None:
        """Takes in one `Date` header; none, and anything that is no date, is passed over."""
        if not date:
            return
        if date != self._text:
            at = http_date(date)
            if at is None:
                return
            self._text, self._date = date, at
        low, high = self._date - received_at, self._date + 1.0 - sent_at
        self._low, self._high = max(self._low, low), min(self._high, high)
        if self._low > self._high:
            self._low, self._high = low, high
