"""How the small measurements take time: best of several goes, because on a shared machine everything else is noise."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

GOES = 5


def best_us(work: Callable[[], object], times: int = 1000) -> float:
    """Microseconds per call of `work`, the best of five goes of `times` calls."""
    best = float("inf")
    for _ in range(GOES):
        start = time.perf_counter()
        for _ in range(times):
            work()
        best = min(best, time.perf_counter() - start)
    return best / times * 1e6


def show(title: str, figures: Mapping[str, float], *, unit: str, base: str) -> None:
    """Prints each figure with its ratio to the one named `base`."""
    print(f"{title} ({unit})")
    for name, figure in figures.items():
        print(f"  {name:<44} {figure:>10.1f}   {figure / figures[base]:>6.2f} x")
