"""What the charts of a page show: their numbers, what they say in one sentence, and the rows of their tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.console.rendering import age, machine, many, number
from gateway.work.pages_now import Flow, Side

AGES = (("< 15 min", 900), ("15-60 min", 3600), ("1-8 h", 28_800), ("8-24 h", 86_400), ("> 1 d", None))
STEP = 10
"""Minutes of one row of a table."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The chart of what came and went."""

    came: tuple[int, ...]
    went: tuple[int, ...]
    rows: list[tuple[str, int, int]]
    said: str
    span: str
    began: str


@dataclass(frozen=True, slots=True)
class Errors:
    """The share of writes that failed, minute by minute, in percent."""

    shares: tuple[float, ...]
    rows: list[tuple[str, int, int]]
    """From, failed, all."""
    said: str
    began: str


@dataclass(frozen=True, slots=True)
class Ages:
    """Open cases by age."""

    names: tuple[str, ...]
    counts: tuple[int, ...]
    said: str

    @property
    def total(self) -> int:
        """Open cases."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Waits:
    """The age of the oldest change that waits, for each system and direction that has one."""

    rows: list[tuple[str, str, float]]
    """System, direction, seconds; the oldest first."""
    said: str

    @property
    def seconds(self) -> list[float]:
        """Of each row."""
        return [row[2] for row in self.rows]


def _stretches(began: float, minutes: int) -> list[tuple[str, slice]]:
    return [(f"{machine(began + at * 60)[11:16]}Z", slice(at, at + STEP)) for at in range(0, minutes, STEP)]


def drawn(flow: Flow) -> Drawn:
    """The chart of a flow, and its table of ten minutes a row."""
    rows = [(when, sum(flow.came[part]), sum(flow.went[part])) for when, part in _stretches(flow.began, len(flow.came))]
    came, went = sum(flow.came), sum(flow.went)
    said = f"In the last hour {many(came, 'change')} came in and {many(went, 'write')} went out."
    return Drawn(flow.came, flow.went, rows, said, said, f"{machine(flow.began)[11:16]}Z")


def errors(flow: Flow, failed: Sequence[int]) -> Errors:
    """Failures of the writes of a flow. A minute may have more failures than writes only by a rounding of its edges."""
    went = [max(all_, bad) for all_, bad in zip(flow.went, failed, strict=True)]
    shares = tuple(100.0 * bad / all_ if all_ else 0.0 for bad, all_ in zip(failed, went, strict=True))
    rows = [(when, sum(failed[part]), sum(went[part])) for when, part in _stretches(flow.began, len(went))]
    bad, every = sum(failed), sum(went)
    share = f", {100 * bad / every:.0f} %" if every else ""
    said = f"In the last hour {number(bad)} of {many(every, 'write')} failed or have no known outcome{share}."
    return Errors(shares, rows, said, f"{machine(flow.began)[11:16]}Z")


def ages(counts: Sequence[int]) -> Ages:
    """Open cases by the ages of `AGES`."""
    names = tuple(name for name, _ in AGES)
    said = ", ".join(f"{name}: {number(count)}" for name, count in zip(names, counts, strict=True))
    return Ages(names, tuple(counts), f"Open cases by age. {said}.")


def waits(sides: Sequence[Side]) -> Waits:
    """How long the oldest change of each system waits, both ways."""
    rows = [
        (side.label, way, age_s) for side in sides for way, age_s in (("in", side.in_s), ("out", side.out_s)) if age_s
    ]
    rows.sort(key=lambda row: -row[2])
    told = ", ".join(f"{label} {way} {age(seconds)}" for label, way, seconds in rows)
    return Waits(rows, f"Age of the oldest change that waits. {told}." if rows else "No change waits.")
