"""Tells when a consumer has silently died: values are waiting and nothing has moved for too long."""

from __future__ import annotations

from connectors.contract.clock import Clock


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
