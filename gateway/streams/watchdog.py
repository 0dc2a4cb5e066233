"""Tells when a consumer has silently died: values are waiting and nothing has moved for too long."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from connectors.contract.clock import Clock

K = TypeVar("K", bound=Hashable)


class Watchdog:
    """Fed with observations; holds no task and no thread."""

    def __init__(self, clock: Clock, stall_s: float) -> None:
        self._clock, self._stall_s = clock, stall_s
        self._mark: object = None
        self._since = clock.monotonic()

    def reset(self) -> None:
        """Start counting again, after a restart."""
        self._mark, self._since = None, self._clock.monotonic()

    def stalled(self, *, mark: object, waiting: bool) -> bool:
        """True once values have been `waiting` for `stall_s` while `mark`, which changes with all progress, did not."""
        if not waiting or mark != self._mark:
            self._mark, self._since = mark, self._clock.monotonic()
            return False
        return self._clock.monotonic() - self._since >= self._stall_s


class Watchdogs(Generic[K]):
    """One for each partition: the others' progress hides a partition that nobody reads."""

    def __init__(self, clock: Clock, stall_s: float) -> None:
        self._clock, self._stall_s = clock, stall_s
        self._each: dict[K, Watchdog] = {}

    def reset(self) -> None:
        """Start counting again, after a restart."""
        self._each.clear()

    def stalled(self, marks: Mapping[K, object], waiting: Mapping[K, bool]) -> list[K]:
        """Those of `marks` in which values have been waiting for `stall_s` without progress. Others are forgotten."""
        self._each = {key: self._each.get(key) or Watchdog(self._clock, self._stall_s) for key in marks}
        return [
            key
            for key, watchdog in self._each.items()
            if watchdog.stalled(mark=marks[key], waiting=waiting.get(key, False))
        ]
