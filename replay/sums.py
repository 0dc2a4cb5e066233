"""The sums of a run: outcomes that add up to its items, and its word, which comes from the worst of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from replay.values import ENDED, WORSE, Limits, Outcome, Run, RunState

LEAST = 20
"""So many items have to have ended before a share of failures says anything about the whole run."""

Row = tuple[int, str, str, str, int]
"""(step, state, outcome, settled by, count)."""


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Of one run, or of one step of its ramp."""

    counts: dict[str, int]
    """Outcome -> items; those that have not ended are `waiting`, unless it is known that they are `unknown`."""
    applied_by: dict[str, int]
    ended: int
    handed: int
    """Lanes have them."""
    waits: int
    """For their turn."""

    @property
    def total(self) -> int:
        """All items."""
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        """How many failed for good."""
        return self.counts.get(Outcome.FAILED, 0)


def sums_of(rows: Iterable[Row], step: int = 0) -> Sums:
    """Of all rows, or of one step."""
    counts: dict[str, int] = {}
    by: dict[str, int] = {}
    states = {"waiting": 0, "handed": 0, "done": 0}
    for at, state, outcome, settled_by, count in rows:
        if step not in (0, at):
            continue
        counts[outcome] = counts.get(outcome, 0) + count
        states[state] += count
        if settled_by:
            by[settled_by] = by.get(settled_by, 0) + count
    return Sums(counts=counts, applied_by=by, ended=states["done"], handed=states["handed"], waits=states["waiting"])


def worst(counts: dict[str, int]) -> str:
    """The worst outcome there is; empty for no items."""
    there = [Outcome(outcome) for outcome, count in counts.items() if count]
    return max(there, key=WORSE.__getitem__) if there else ""


_ENDED = {
    Outcome.UNKNOWN: "ended with open ends",
    Outcome.FAILED: "ended with failures",
    Outcome.CONFLICT: "ended, and people have to decide",
    Outcome.HELD: "ended, and people have to decide",
    Outcome.DUPLICATE: "ended, and people have to decide",
    Outcome.SKIPPED: "ended, and some were left out",
}
"""Worst outcome -> what it makes of a run."""


def word(run: Run, counts: dict[str, int]) -> str:
    """A run in words: what it does, and once it ended what the worst of its outcomes makes of it."""
    if run.state not in ENDED:
        return {RunState.WAITING: "waits for you", RunState.STOPPING: "is stopping"}.get(run.state, f"is {run.state}")
    found = worst(counts)
    if run.state is RunState.STOPPED and found != Outcome.UNKNOWN:
        return "was stopped by its guard" if run.stopped_by == "guard" else "was stopped"
    return _ENDED.get(Outcome(found), "ended well") if found else "ended well"


def tripped(limits: Limits, in_a_row: int, whole: Sums, step: Sums) -> str:
    """Why the limits stop the run now; empty: they do not. A step of the ramp is judged when it has ended."""
    if in_a_row >= limits.in_a_row:
        return f"{in_a_row} failures one after the other"
    over = step.waits == 0 and step.handed == 0 and step.ended > 0
    for sums, counts in ((whole, whole.ended >= LEAST), (step, over)):
        if counts and sums.failed / sums.ended > limits.share_failed:
            return f"{sums.failed} of {sums.ended} failed"
    return ""
