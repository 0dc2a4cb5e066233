"""How much one caller may ask of one worker (draft-ietf-httpapi-ratelimit-headers-11)."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping

import msgspec

from connectors.contract.clock import Clock

WINDOW_S = 60.0
MOST_CALLERS = 10_000
"""Remembered; whoever did not ask for longest is forgotten first."""


class Taken(msgspec.Struct, frozen=True):
    """Whether a request may go on, and what the caller is told about the next ones."""

    allowed: bool
    left: int
    reset_s: int
    """Until there is more; of a refused one: when to come back."""
    quota: int

    @property
    def headers(self) -> Mapping[str, str]:
        """What every answer carries; nothing where there is no limit."""
        if not self.quota:
            return {}
        told = {
            "RateLimit-Policy": f'"default";q={self.quota};w={WINDOW_S:g}',
            "RateLimit": f'"default";r={self.left};t={self.reset_s}',
        }
        return told if self.allowed else told | {"Retry-After": str(self.reset_s)}


class Limiter:
    """A bucket per caller, filled evenly. In this process only: with n workers a caller may ask n times as much."""

    def __init__(self, clock: Clock, quota: int) -> None:
        """`quota`: requests in `WINDOW_S`; 0: no limit."""
        self.clock, self.quota = clock, quota
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> Taken:
        """Counts one request."""
        if not self.quota:
            return Taken(True, 0, 0, 0)
        now, per_s = self.clock.monotonic(), self.quota / WINDOW_S
        tokens, at = self._buckets.pop(caller, (float(self.quota), now))
        tokens = min(float(self.quota), tokens + (now - at) * per_s)
        allowed = tokens >= 1.0
        tokens -= allowed
        self._buckets[caller] = (tokens, now)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        wait_s = (self.quota - tokens if allowed else 1.0 - tokens) / per_s
        return Taken(allowed, int(tokens), max(1, math.ceil(wait_s)), self.quota)
