"""What a long outage measured, what of it breaks a promise, and how people are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rich.console import Console
from rich.table import Table

from gateway.app.compose import Gateway

MOMENTS = (0.1, 0.25, 0.5, 0.75)
"""Shares of the backlog after which it is asked how right the estimate was."""
RIGHT = 0.2
"""So far off an estimate may be, as a share of the time that it really took from then on."""
LONG_S = 60.0
"""A drain that is shorter is over before the meter knows its speed."""


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
class Segment:
    """A part of the run, up to so many changes or writes: memory at its end, and processor time for each in it."""

    upto: int
    mb: int
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Wait:
    """A fresh change: at which count of writes, and when, it was accepted; later, what it waited, and how much of that
    until it was stored.
    """

    writes: int
    seconds: float
    stored_s: float = 0.0


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
            self.waits.append(Wait(writes - began.writes, at - began.seconds, began.stored_s))

    def stored(self, number: int, at: float) -> None:
        """The gateway has it; whether it is written already depends."""
        if (began := self.open.get(number)) is not None:
            self.open[number] = replace(began, stored_s=at - began.seconds)


@dataclass(frozen=True, slots=True)
class Eta:
    """At `at`, after so many writes of the backlog and with so many in the queue, the end was said to be `done_s` away.

    Seconds are of the run's own clock.
    """

    at: float
    done: int
    writes: int
    done_s: float


@dataclass(frozen=True, slots=True)
class Budget:
    """Requests per second that the target allows, how many in ten seconds that makes, and the most that were."""

    per_s: float
    allowed: float
    most: int


@dataclass(frozen=True, slots=True)
class Check:
    """The drift check of the window: what people edited in records without a backlog, and what became of it."""

    edited: int = 0
    known_before: int = 0
    """Of these, before the check: none can be."""
    backlog_behind: int = 0
    """Edits in records with a backlog, that the drain's own reads should have found and did not."""
    found: int = 0
    astray: list[str] = field(default_factory=list)
    """Items of the plan that nobody edited in the window."""
    results: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    planned_s: float = 0.0
    repaired_s: float = 0.0
    records: int = 0


@dataclass(slots=True)
class Facts:
    """One run. Times in seconds, memory in megabytes."""

    changes: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    queueing: Pace = Pace()
    """Changes that were accepted while the target was away."""
    queued: list[Segment] = field(default_factory=list)
    queued_lanes: int = 0
    queued_writes: int = 0
    memory: list[tuple[int, int]] = field(default_factory=list)
    """(changes so far, resident memory)."""
    memory_drain: int = 0
    store_mb: list[int] = field(default_factory=list)
    """Of the database: at first, with all queued, after the drain."""
    most: dict[str, int] = field(default_factory=dict)
    only_remarked: list[int] = field(default_factory=list)
    """Records that only people in the target edited, though they might have had a backlog."""
    calls_while_down: int = 0
    steady: Pace = Pace()
    drain: Pace = Pace()
    drained: list[Segment] = field(default_factory=list)
    drain_began: float = 0.0
    drained_at: float = 0.0
    """When the last write of the backlog was made."""
    budget: Budget | None = None
    check: Check | None = None
    broken_off: bool = False
    etas: list[Eta] = field(default_factory=list)
    fresh: list[Wait] = field(default_factory=list)
    """Writes made meanwhile, and seconds."""
    tries: int = 0
    cases: int = 0
    disorder: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def drain_s(self) -> float:
        """How long the backlog took."""
        return self.drained_at - self.drain_began

    def eta_errors(self, moments: Sequence[float] = MOMENTS) -> dict[float, float]:
        """Moment -> how far off the first estimate from then on was: above 0 if it promised too late an end."""
        found: dict[float, float] = {}
        for moment in () if self.broken_off else moments:
            later = [each for each in self.etas if each.done >= moment * self.queued_writes]
            if later and (took := self.drained_at - later[0].at) > 0:
                found[moment] = (later[0].done_s - took) / took
        return found

    def look_at(self, gateway: Gateway) -> None:
        """Keeps the most that any structure in memory held."""
        dispatcher = gateway.dispatcher
        queue = dispatcher.queues["dst"]
        sizes = {
            "lanes in memory": len(queue.waiting),
            "lanes in work": len(queue.running),
            "timers": len(dispatcher._timers),  # noqa: SLF001 - it is what could grow
            "records in the cache": len(gateway.decider.cache._entries),  # noqa: SLF001
        }
        for name, size in sizes.items():
            self.most[name] = max(self.most.get(name, 0), size)


def problems(facts: Facts) -> list[str]:
    """What breaks a promise; empty if none does."""
    found = [f"out of order: {each}" for each in facts.disorder] + [f"not there: {each}" for each in facts.missing]
    if facts.tries:
        found.append(f"a lane used up {facts.tries} tries")
    if facts.cases:
        found.append(f"{facts.cases} cases were opened")
    if facts.budget is not None and facts.budget.most > facts.budget.allowed:
        found.append(f"the target was asked {facts.budget.most} times in ten seconds")
    if facts.check is not None:
        found += _drifted(facts.check)
    if facts.drain_s >= LONG_S:
        wrong = {moment: error for moment, error in facts.eta_errors().items() if abs(error) > RIGHT}
        found += [f"after {moment:.0%} the end was estimated {error:+.0%} off" for moment, error in wrong.items()]
    return found


def _drifted(check: Check) -> list[str]:
    found = [f"in the plan though nobody edited it: {each}" for each in check.astray]
    if check.known_before:
        found.append(f"{check.known_before} edits were known before the drift check, so it proves nothing")
    if check.backlog_behind:
        found.append(f"the drain missed {check.backlog_behind} edits in records that it wrote to")
    if check.found != check.edited:
        found.append(f"the drift check found {check.found} of {check.edited} edits")
    if check.results.get("applied", 0) != check.edited:
        found.append(f"the repair ended with {check.results}")
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
        ("accepted", f"{facts.queueing.per_s:,.0f}/s, {facts.queueing.cpu_us:,.0f} us CPU each"),
        ("queued", f"{facts.queued_writes:,} writes of {facts.queued_lanes:,} records"),
        ("memory", ", ".join(f"{mb} MB at {size:,}" for size, mb in facts.memory) + f"; drain {facts.memory_drain} MB"),
        ("database", ", ".join(f"{mb:,} MB" for mb in facts.store_mb)),
        ("CPU us per queued change", _course(facts.queued)),
        ("CPU us per drained write", _course(facts.drained)),
        ("most in memory", ", ".join(f"{size:,} {name}" for name, size in facts.most.items())),
        ("asked while away", f"{facts.calls_while_down:,} times"),
        ("steady", f"{facts.steady.per_s:,.0f} writes/s, {facts.steady.cpu_us:,.0f} us CPU each"),
        ("drain", f"{facts.drain.writes:,} writes, {facts.drain.per_s:,.0f}/s, {facts.drain.cpu_us:,.0f} us CPU each"),
    ]
    if facts.steady.per_s:
        shares = facts.drain.per_s / facts.steady.per_s, facts.drain.cpu_us / facts.steady.cpu_us
        told.append(("drain to steady", f"speed {shares[0]:.2f}, CPU {shares[1]:.2f}"))
    if waits:
        last = (len(waits) - 1, len(waits) // 2, len(waits) * 95 // 100)
        most, middle, nearly = (waits[each] for each in last)
        told.append(("a fresh change waits", f"{middle:.2f} s, 95 % {nearly:.2f} s, most {most:.2f} s"))
        told.append(("writes meanwhile", f"{overtaken[len(overtaken) // 2]}, most {overtaken[-1]}"))
        told.append(("of that until stored", f"most {max(wait.stored_s for wait in facts.fresh):.2f} s"))
    errors = facts.eta_errors()
    told.append(("backlog drained in", f"{facts.drain_s:,.0f} s"))
    told.append(("estimate off by", ", ".join(f"{error:+.0%} after {at:.0%}" for at, error in errors.items()) or "-"))
    if facts.budget is not None:
        told.append(("most in ten seconds", f"{facts.budget.most:,} requests of {facts.budget.allowed:,.0f}"))
    if (check := facts.check) is not None:
        told.append(("drift check", f"found {check.found} of {check.edited}, {check.results}"))
        told.append(("requests of its plan", f"{check.requests:,}, of {check.records:,} records"))
        told.append(("drift check took", f"{check.planned_s:.1f} s and {check.repaired_s:.1f} s"))
    return told


def _course(segments: Sequence[Segment]) -> str:
    return ", ".join(f"{each.cpu_us:,.0f}" for each in segments)
