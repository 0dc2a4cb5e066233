"""How the writes of this process ended and how long they took, for whoever measures."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds in seconds, as OpenTelemetry's messaging conventions name them; one more holds what took longer."""


@dataclass(slots=True)
class Durations:
    """A histogram."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    sum_s: float = 0.0

    def add(self, took_s: float) -> None:
        """One more."""
        self.counts[bisect_left(BUCKETS, took_s)] += 1
        self.sum_s += took_s

    def cumulative(self) -> list[tuple[str, float]]:
        """By upper bound, each with all below it, as Prometheus counts."""
        told, total = [], 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self.counts, strict=True):
            total += count
            told.append((bound, float(total)))
        return told


@dataclass(slots=True)
class Tally:
    """Of one process, since its start."""

    ended: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(connection, kind of write, outcome) -> attempts."""
    took: dict[str, Durations] = field(default_factory=dict)
    """By connection."""

    def add(self, connection: str, kind: str, outcome: str, took_s: float) -> None:
        """An attempt was answered, or given up."""
        self.ended[(connection, kind, outcome)] += 1
        self.took.setdefault(connection, Durations()).add(took_s)
