"""How many requests at once a system takes well: found out by trying one more, and giving way at signs of overload.

Additive increase, multiplicative decrease. A gradient over latencies was rejected: searches, writes and reads of one
API differ by more than an overloaded system does from an idle one, so a ratio of recent to long-term latency moves with
the mix of calls; and two workers that follow a gradient do not come to equal parts, two that follow AIMD do.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.contract.clock import Clock

GIVES_WAY = 0.7
"""Of the limit that stays after a sign of overload."""
SLOW_TIMES, SLOW_S = 3.0, 2.0
"""Answers that take so many times as long as usual, and at least so long, are a sign of overload: below that,
what is slow may as well be another kind of call."""
RECENT = 1 / 8
"""Weight of one answer in the recent latency."""
FORGETS_S = 3600.0
"""How slowly the usual latency follows one that rises; one that falls it follows at once."""
FIRST = 4
"""Where it begins: a system that is overloaded from the start never shows how quick it is."""
OVERLOADED = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class GaveWay:
    """The last sign of overload."""

    at: float
    """On the worker's monotonic clock."""
    to: str
    """A status, slowness, or no answer."""


class Adaptive:
    """The limit of one connection in one worker, between 1 and `most`. Doubled with every round of answers at first;
    one more with each round near where there was a sign of overload.
    """

    def __init__(self, clock: Clock, most: int) -> None:
        self.most = most
        self._clock = clock
        self._limit, self._quickly_to = float(min(FIRST, most)), float(most)
        self._recent = self._usual = 0.0
        self._gave_way_at = float("-inf")
        self._heard_at = clock.monotonic()
        self.gave_way: GaveWay | None = None

    @property
    def limit(self) -> int:
        """Requests that may be in flight now."""
        return max(1, int(self._limit))

    @property
    def usual_s(self) -> float:
        """How long an answer takes while all is well; 0 until one came."""
        return self._usual

    def answered(self, took_s: float, status: int | None, in_flight: int) -> None:
        """One request ended; `in_flight` counts it. None: nobody answered."""
        if self._clock.monotonic() - took_s <= self._gave_way_at:
            return  # sent before the limit gave way: it tells of the same moment
        if status is None or status in OVERLOADED:
            self._give_way("no answer" if status is None else str(status))
            return
        self._learn(took_s)
        if self._recent > SLOW_TIMES * self._usual and self._recent > SLOW_S:
            self._give_way("slowness", slow=True)
        elif in_flight >= self.limit:  # one that was not used says nothing about one more
            more = 1.0 if self._limit < self._quickly_to else 1.0 / self._limit
            self._limit = min(float(self.most), self._limit + more)

    def _learn(self, took_s: float) -> None:
        if not self._usual:
            self._recent = self._usual = took_s
        now = self._clock.monotonic()
        self._recent += (took_s - self._recent) * RECENT
        rises = min(1.0, (now - self._heard_at) / FORGETS_S)
        self._usual += (self._recent - self._usual) * (rises if self._recent > self._usual else 1.0)
        self._heard_at = now

    def _give_way(self, to: str, *, slow: bool = False) -> None:
        """From slowness back to the beginning, where nothing stands in a queue: only there the usual latency shows
        itself again.
        """
        self._gave_way_at = self._clock.monotonic()
        self.gave_way = GaveWay(self._gave_way_at, to)
        self._quickly_to = max(1.0, self._limit * GIVES_WAY)
        self._limit = min(self._quickly_to, float(FIRST)) if slow else self._quickly_to
        self._recent = self._usual
