"""Keeping within a system's budget: lanes start only as fast as the configuration and the system's rate headers allow.

Requests are counted where they are sent, so polls, sweeps and looks take from the same budget. They are never held up
here; delivery, which has the most to do after an outage, makes room for them.
"""

from __future__ import annotations

from collections.abc import Callable

from connectors.contract.clock import Clock
from connectors.contract.limits import Allowance, TellsAllowance

BURST_S = 2.0
"""So many seconds' worth of requests may be sent at once."""
AMPLE = 0.5
"""Share of the system's limit above which what remains does not slow anything down."""
SPARED = 0.1
"""Share of the system's limit that delivery leaves to polls, to people and to what else signs in as we do."""
LEAST_PER_S = 1 / 30
"""However little remains, one request now and then finds out whether that still holds."""
FIRST_COST = 2.0
LANES_A_MEASURE = 20


class Pace:
    """A bucket of requests for one connection of one worker; `per_s` None: only the system's own limits count."""

    def __init__(
        self,
        clock: Clock,
        per_s: float | None = None,
        teller: object = None,
        held_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.per_s = per_s
        self.cost = FIRST_COST
        """Requests that one turn of a lane takes, as measured."""
        self._clock = clock
        self._held_s = held_s
        """Seconds for which the budget of all workers lets nothing through, whatever this one's pace."""
        self._teller = teller if isinstance(teller, TellsAllowance) else None
        self._level: float | None = None
        """Requests that may be sent now; None while nothing limits them."""
        self._filled_at = 0.0
        self._sent = self._measured = self._requests()
        self._lanes = 0
        self._window_s = 0.0
        """The longest time until a fresh start that the system told of: how long its limit lasts."""

    def rate_s(self) -> float | None:
        """Requests per second allowed now; None: as many as one likes."""
        told = self._learned()
        limits = [each for each in (self.per_s, told) if each is not None]
        return max(min(limits), LEAST_PER_S) if limits else None

    def admits(self, placed: int) -> bool:
        """Whether one more lane may start while `placed` are asking the system already."""
        return self.wait_s(placed) <= 0.0

    def wait_s(self, placed: int) -> float:
        """Seconds until `admits` says yes, if nothing else is sent."""
        rate = self.rate_s()
        if rate is None:
            self._level = None
            return self._held_s()
        level = self._fill(rate)
        # A lane that asks already has sent a part of its requests: half of them are still to come.
        wanted = min(self.cost, self._size(rate)) + placed * self.cost / 2
        return max(self._held_s(), (wanted - level) / rate)

    def used(self) -> float | None:
        """Share of the budget that is used up now, 0 to 1: of what may be sent at once, or of the system's own limit,
        whichever is more; None while nothing limits.
        """
        shares = []
        if (rate := self.rate_s()) is not None and self.per_s is not None:
            shares.append(1.0 - self._fill(rate) / self._size(rate))
        told = self._teller.allowance() if self._teller is not None else None
        if told is not None and told.limit and told.remaining is not None:
            shares.append(1.0 - told.remaining / told.limit)
        return min(1.0, max(0.0, *shares)) if shares else None

    def started(self) -> None:
        """A lane starts. Where nobody counts requests, what it is thought to take is taken at once."""
        if self._teller is None and self._level is not None:
            self._level -= self.cost

    def ended(self) -> None:
        """A lane asks nothing more. From many of these follows what one takes."""
        self._lanes += 1
        if self._teller is not None and self._lanes >= LANES_A_MEASURE:
            sent = self._requests()
            self.cost = max(0.1, (self.cost + (sent - self._measured) / self._lanes) / 2)
            self._measured, self._lanes = sent, 0

    def least_s(self, writes: int) -> tuple[float, bool]:
        """Seconds that so many writes take at least by the system's own limit, and whether it holds them up right now.

        Above half of its limit delivery runs freely, below that it stretches what remains: neither speed lasts.
        """
        told = self._teller.allowance() if self._teller is not None else None
        if told is None or not told.limit or told.remaining is None or (told.resets_in_s or 0.0) <= 0.0:
            return 0.0, False
        resets_in_s, learned = told.resets_in_s or 0.0, spread(told)
        stretched = learned is not None and (self.per_s is None or learned < self.per_s)
        self._window_s = max(self._window_s, resets_in_s)
        now, wanted = max(0.0, told.remaining - told.limit * SPARED), writes * self.cost
        if wanted <= now:
            return _within(told.limit, told.remaining, resets_in_s, wanted), stretched
        windows, rest = divmod(wanted - now, told.limit * (1 - SPARED))
        return resets_in_s + self._window_s * windows + _within(told.limit, told.limit, self._window_s, rest), stretched

    def _fill(self, rate: float) -> float:
        now, sent = self._clock.monotonic(), self._requests()
        if self._level is None:
            self._level, self._filled_at, self._sent = self._size(rate), now, sent
        filled = min(self._size(rate), self._level + (now - self._filled_at) * rate)
        self._level, self._filled_at, self._sent = filled - (sent - self._sent), now, sent
        return self._level

    def _size(self, rate: float) -> float:
        return max(1.0, rate * BURST_S)

    def _requests(self) -> int:
        return self._teller.allowance().requests if self._teller is not None else 0

    def _learned(self) -> float | None:
        """What remains, spread over the time until it starts afresh; None while there is ample, or nothing is known."""
        return spread(self._teller.allowance()) if self._teller is not None else None


def spread(told: Allowance) -> float | None:
    """Requests per second that make what remains last until the system's limit starts afresh."""
    if told.remaining is None or told.resets_in_s is None or told.resets_in_s <= 0:
        return None
    if told.limit is not None and told.remaining > told.limit * AMPLE:
        return None
    spared = (told.limit or 0) * SPARED
    return max(0.0, told.remaining - spared) / told.resets_in_s


def _within(limit: float, remaining: float, resets_in_s: float, wanted: float) -> float:
    """Seconds that so many requests take of a limit that covers them: nothing while there is ample, then a share of the
    time over which the rest is stretched.
    """
    stretched = min(remaining, limit * AMPLE) - limit * SPARED
    beyond = wanted - max(0.0, remaining - limit * AMPLE)
    return resets_in_s * min(1.0, beyond / stretched) if beyond > 0 and stretched > 0 else 0.0
