"""A clock that tests move."""

from __future__ import annotations


class SteppingClock:
    """Wall and elapsed time stand still until moved."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.wall, self.elapsed = now, 0.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.elapsed += seconds
