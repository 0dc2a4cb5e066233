"""What a long outage measured, what of it breaks a promise, and how people are told."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

EARLY, LATE = 0.1, 0.8
"""Shares of the drain between which an estimate has to be right."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast writes were made, and what each cost this process."""

    writes: int = 0
    per_s: float = 0.0
    cpu_us: float = 0.0

    @classmethod
    def over(cls, writes: int, seconds: float, cpu_s: float) -> Pace:
        """Of so many writes in that time."""
        return cls(writes, writes / seconds if seconds else 0.0, cpu_s / writes * 1e6 if writes else 0.0)


@dataclass(frozen=True, slots=True)
class Wait:
    """A fresh change: at which count of writes, and when, it was accepted; later, what it waited."""

    writes: int
    seconds: float


@dataclass(slots=True)
class Fresh:
    """Fresh changes under way, and what those waited that arrived."""

    first: int
    size: int
    open: dict[int, Wait] = field(default_factory=dict)
    waits: list[Wait] = field(default_factory=list)

    def wrote(self, number: int, writes: int, at: float) -> None:
        """An object was written."""
        if (began := self.open.pop(number, None)) is not None:
            self.waits.append(Wait(writes - began.writes, at - began.seconds))


@dataclass(frozen=True, slots=True)
class Eta:
    """At `at`, with so many writes left, the end was said to be `done_s` away."""

    at: float
    writes: int
    done_s: float


@dataclass(slots=True)
class Facts:
    """One run. Times in seconds, memory in megabytes."""

    changes: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    accepted_per_s: float = 0.0
    queued_lanes: int = 0
    queued_writes: int = 0
    memory: list[tuple[int, int]] = field(default_factory=list)
    """(changes so far, resident memory)."""
    memory_drain: int = 0
    most: dict[str, int] = field(default_factory=dict)
    calls_while_down: int = 0
    steady: Pace = Pace()
    drain: Pace = Pace()
    drained_at: float = 0.0
    broken_off: bool = False
    etas: list[Eta] = field(default_factory=list)
    fresh: list[Wait] = field(default_factory=list)
    """Writes made meanwhile, and seconds."""
    tries: int = 0
    cases: int = 0
    disorder: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def eta_errors(self) -> list[float]:
        """How far off each estimate was, as a share of the time that it really took from then on."""
        if not self.etas or self.broken_off:
            return []
        began = self.etas[0].at
        total = self.drained_at - began
        judged = [each for each in self.etas if EARLY <= (each.at - began) / total <= LATE]
        return [abs(each.at + each.done_s - self.drained_at) / (self.drained_at - each.at) for each in judged]


def problems(facts: Facts) -> list[str]:
    """What breaks a promise; empty if none does."""
    found = [f"out of order: {each}" for each in facts.disorder] + [f"not there: {each}" for each in facts.missing]
    if facts.tries:
        found.append(f"a lane used up {facts.tries} tries")
    if facts.cases:
        found.append(f"{facts.cases} cases were opened")
    return found


def tell(console: Console, facts: Facts) -> None:
    """A table for people."""
    table = Table(title=f"A week away, {facts.changes:,} changes", show_header=False)
    for name, value in lines(facts):
        table.add_row(name, value)
    console.print(table)


def lines(facts: Facts) -> list[tuple[str, str]]:
    """Name and figure."""
    waits = sorted(wait.seconds for wait in facts.fresh)
    overtaken = sorted(wait.writes for wait in facts.fresh)
    told = [
        ("accepted", f"{facts.accepted_per_s:,.0f}/s"),
        ("queued", f"{facts.queued_writes:,} writes of {facts.queued_lanes:,} records"),
        ("memory", ", ".join(f"{mb} MB at {size:,}" for size, mb in facts.memory) + f"; drain {facts.memory_drain} MB"),
        ("most in memory", ", ".join(f"{size:,} {name}" for name, size in facts.most.items())),
        ("asked while away", f"{facts.calls_while_down:,} times"),
        ("steady", f"{facts.steady.per_s:,.0f} writes/s, {facts.steady.cpu_us:,.0f} us CPU each"),
        ("drain", f"{facts.drain.writes:,} writes, {facts.drain.per_s:,.0f}/s, {facts.drain.cpu_us:,.0f} us CPU each"),
    ]
    if facts.steady.per_s:
        told.append(("drain to steady", f"{facts.drain.per_s / facts.steady.per_s:.2f}"))
    if waits:
        last = (len(waits) - 1, len(waits) // 2, len(waits) * 95 // 100)
        most, middle, nearly = (waits[each] for each in last)
        told.append(("a fresh change waits", f"{middle:.2f} s, 95 % {nearly:.2f} s, most {most:.2f} s"))
        told.append(("writes meanwhile", f"{overtaken[len(overtaken) // 2]}, most {overtaken[-1]}"))
    if errors := facts.eta_errors:
        told.append(("estimate off by", f"{sorted(errors)[len(errors) // 2]:.0%}, most {max(errors):.0%}"))
    return told
