"""Geometry of the charts: from numbers to SVG paths. Drawn on the server, so that they print and need no script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Numbers = Sequence[float]


class Bar(NamedTuple):
    """A bar of a chart in its own units."""

    x: float
    y: float
    width: float
    height: float
    value: float


def top_of(*series: Numbers) -> float:
    """A round number at or above all values: 1, 2, 5, 10, 20, ..."""
    most = max((value for one in series for value in one), default=0.0)
    step = 1.0
    while True:
        for factor in (1.0, 2.0, 5.0):
            if most <= step * factor:
                return step * factor
        step *= 10.0


def line(values: Numbers, width: float, height: float, top: float) -> str:
    """The path of a line through all values, left to right; empty for fewer than two."""
    if len(values) < 2:
        return ""
    step = width / (len(values) - 1)
    points = [f"{step * at:.1f} {height - height * min(value, top) / top:.1f}" for at, value in enumerate(values)]
    return "M" + " L".join(points)


def area(values: Numbers, width: float, height: float, top: float) -> str:
    """The same, closed at the bottom."""
    drawn = line(values, width, height, top)
    return f"{drawn} L{width:.1f} {height:.1f} L0 {height:.1f} Z" if drawn else ""


def bars(values: Numbers, width: float, height: float, gap: float = 1.0, top: float = 0.0) -> list[Bar]:
    """One bar for each value, as high as its share of `top`, or of the largest if that is more."""
    if not values:
        return []
    top, slot = max(*values, top, 1.0), width / len(values)
    found = []
    for at, value in enumerate(values):
        tall = height * value / top if value else 0.0
        tall = max(tall, 1.5) if value else 0.0
        found.append(Bar(round(at * slot, 2), round(height - tall, 2), round(slot - gap, 2), round(tall, 2), value))
    return found


def shares(values: Numbers, width: float) -> list[Bar]:
    """Parts of a whole side by side; the smallest of what is not zero can still be seen."""
    whole = sum(values)
    found, x = [], 0.0
    for value in values:
        wide = max(width * value / whole, 2.0) if value and whole else 0.0
        found.append(Bar(round(x, 2), 0.0, round(wide, 2), 1.0, value))
        x += wide
    return found
