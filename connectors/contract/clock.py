"""Time and chance, injected everywhere so that tests own them."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time and elapsed time. Wall time may jump; `monotonic` may not."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class Chance(Protocol):
    """Source of jitter."""

    def random(self) -> float:
        """A float in [0, 1)."""
        ...


def system_chance() -> Chance:
    """An unseeded source."""
    return random.Random()


def to_datetime(at: float) -> datetime:
    """Epoch seconds as an aware UTC datetime."""
    return datetime.fromtimestamp(at, UTC)
