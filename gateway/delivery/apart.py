"""Records that are decided about by a rule, each apart: one that meets a defect rests, and keeps no other waiting."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable

import structlog

from connectors.contract.errors import StorageError
from gateway.sync.decider import Decider
from gateway.sync.unit import Unit

RESTS_S = (10.0, 60.0, 600.0)
"""So long a record that could not be looked at is left alone: after the first time, the second, each further one."""

log = structlog.get_logger()


class Apart:
    """Of one loop of one worker."""

    def __init__(self, decider: Decider) -> None:
        self.decider = decider
        self.failed: Counter[str] = Counter()
        """Kind of error -> how often a record could not be looked at, since the start of this worker."""
        self._resting: dict[str, tuple[int, float]] = {}
        """Record -> how often in a row, and until when it rests."""

    @property
    def resting(self) -> int:
        """At most so many of the records that are due stand in nobody's way: look for so many more."""
        return len(self._resting)

    async def decide(self, records: Iterable[str], rule: Callable[[Unit], object]) -> int:
        """Returns how many of these records do not rest. Raises StorageError once all were tried."""
        now = self.decider.clock.now()
        turn = [each for each in dict.fromkeys(records) if each not in self._resting or self._resting[each][1] <= now]
        answers = await asyncio.gather(*(self.decider.decide(each, rule) for each in turn), return_exceptions=True)
        away: BaseException | None = None
        for record, answer in zip(turn, answers, strict=True):
            if not isinstance(answer, BaseException):
                self._resting.pop(record, None)
            elif isinstance(answer, StorageError) or not isinstance(answer, Exception):
                away = answer
            else:
                self._rest(record, answer, now)
        if away is not None:
            raise away
        return len(turn)

    def _rest(self, record: str, error: Exception, now: float) -> None:
        times = self._resting.get(record, (0, 0.0))[0] + 1
        pause = RESTS_S[min(times, len(RESTS_S)) - 1]
        self._resting[record] = times, now + pause
        self.failed[type(error).__name__] += 1
        log.error("a record could not be woken", record=record, times=times, again_in_s=pause, exc_info=error)
