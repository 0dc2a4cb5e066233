"""What a system itself said of its limits: heard by this worker, or by another that wrote it down."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from connectors.contract.clock import Clock
from connectors.contract.limits import Allowance, TellsAllowance, Told
from connectors.rest.rates import pressing
from gateway.budget.store import Heard

TELL_S = 5.0
"""A worker writes down a limit that is of no concern no more often."""
SCARCE = 0.5
"""Share of a limit below which everybody should know soon what is left."""
PAUSE = "retry-after"
"""Name under which a wish for a pause is told."""
LONGEST_PAUSE_S = 900.0
"""A system that asks for a longer one is asked again after this, as everywhere."""


class Learned:
    """Of one connection, in one worker."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, tuple[Told, float]] = {}
        """By name, with the monotonic time at which it was said."""
        self._held_until = float("-inf")
        self._told: dict[str, float] = {}
        self._news: set[str] = set()

    def answered(self, told: Sequence[Told], retry_after_s: float | None) -> None:
        """Takes in what an answer to this worker says."""
        now = self._clock.monotonic()
        for each in told:
            self._known[each.name] = (each, now)
            self._news.add(each.name)
        if retry_after_s is not None and retry_after_s > 0:
            self._held_until = max(self._held_until, now + min(retry_after_s, LONGEST_PAUSE_S))
            self._news.add(PAUSE)

    def heard(self, found: Sequence[Heard], now_wall: float) -> None:
        """Takes in what another worker wrote down, if it is newer."""
        now = self._clock.monotonic()
        for each in found:
            said_at = now - max(0.0, now_wall - each.told_at)
            left_s = None if each.until is None else each.until - now_wall
            if each.name == PAUSE:
                self._held_until = max(self._held_until, now + min(left_s or 0.0, LONGEST_PAUSE_S))
            elif each.name not in self._known or self._known[each.name][1] < said_at - 0.001:
                resets_in_s = None if each.until is None else each.until - each.told_at
                told = Told(
                    name=each.name,
                    limit=each.limit,
                    remaining=each.remaining,
                    resets_in_s=resets_in_s,
                    per_s=each.per_s,
                )
                self._known[each.name] = (told, said_at)

    def held_s(self) -> float:
        """Seconds for which the system asked to be left alone; 0: it did not."""
        return max(0.0, self._held_until - self._clock.monotonic())

    def news(self, now_wall: float) -> list[Heard]:
        """What should be written down now: soon where little is left, now and then otherwise."""
        now, found = self._clock.monotonic(), []
        for name in sorted(self._news):
            if name == PAUSE:
                found.append(Heard(name=PAUSE, told_at=now_wall, until=now_wall + self.held_s(), remaining=0))
                continue
            told, said_at = self._known[name]
            scarce = told.remaining is not None and told.limit and told.remaining < told.limit * SCARCE
            if not scarce and now - self._told.get(name, float("-inf")) < TELL_S:
                continue
            at = now_wall - (now - said_at)
            until = None if told.resets_in_s is None else at + told.resets_in_s
            found.append(
                Heard(name=name, limit=told.limit, remaining=told.remaining, per_s=told.per_s, told_at=at, until=until)
            )
        return found

    def wrote(self, found: Sequence[Heard]) -> None:
        """It is written down."""
        for each in found:
            self._told[each.name] = self._clock.monotonic()
            self._news.discard(each.name)

    def told(self) -> list[Told]:
        """As of now: with what is left of the time until each starts afresh."""
        now = self._clock.monotonic()
        return [
            each if each.resets_in_s is None else msgspec.structs.replace(each, resets_in_s=each.resets_in_s - now + at)
            for each, at in self._known.values()
        ]


class Knowing:
    """A connector's allowance, with what other workers heard of its system. Implements TellsAllowance."""

    def __init__(self, connector: TellsAllowance, learned: Learned) -> None:
        self._connector, self._learned = connector, learned

    def allowance(self) -> Allowance:
        own = self._connector.allowance()
        least = pressing([each for each in self._learned.told() if (each.resets_in_s or 0.0) > 0])
        if least is None:
            return own
        return Allowance(
            requests=own.requests, limit=least.limit, remaining=least.remaining, resets_in_s=least.resets_in_s
        )
