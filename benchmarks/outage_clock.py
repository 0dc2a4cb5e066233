"""Time that is set forward while the target is away, and runs as ever otherwise."""

from __future__ import annotations

import time


class RunningClock:
    """A clock ahead of the real one by what it was set forward."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Epoch seconds."""
        return time.time() + self._ahead

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        """Lets simulated time pass."""
        self._ahead += seconds
