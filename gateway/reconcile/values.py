"""What reconciliation speaks of: runs, what was wished, kinds of drift, results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class RunState(StrEnum):
    """`planning` and `running` are worked on; a plan stays `planned` until somebody says to run it."""

    PLANNING = "planning"
    PLANNED = "planned"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED = "stopped"


WORKED = (RunState.PLANNING, RunState.RUNNING, RunState.STOPPING)
ENDED = (RunState.DONE, RunState.STOPPED)


class Kind(StrEnum):
    """What differs, in the order in which people should look: what closes or makes objects comes first."""

    GONE = "gone"  # the object is not there any more: goes in as a deletion
    LEAVES = "leaves"  # the object shows that the record has left: the others are closed
    REOPENED = "reopened"  # an object of a record that has left is alive: it is closed again, never believed (P8)
    DUPLICATE = "duplicate"  # one more object of a record: a case
    NEW = "new"  # an object that no record knows
    CREATE = "create"  # the flow wants an object here and there is none
    ABSORB = "absorb"  # somebody edited it meanwhile
    WRITE = "write"  # the record has a value that this system lacks
    COMMENT = "comment"  # a comment that was not carried over
    WAITING = "waiting"  # on its way already: the lane has work
    BLOCKED = "blocked"  # a case keeps it; a person decides


RANK = {kind: rank for rank, kind in enumerate(Kind)}
NOTHING_TO_DO = (Kind.BLOCKED,)
NO_CHANGE = (Kind.WAITING, Kind.BLOCKED)
"""What a run adds nothing to: it happens anyway, or waits for a person."""
GUARDED = (Kind.GONE, Kind.LEAVES)
"""What a lost right or a wrong import looks like: more than a few need a person's word."""


class Result(StrEnum):
    """How an item ended, in the words people see everywhere."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"  # it was in step, or had moved, when the lane looked
    CONFLICT = "conflict"  # a case asks a person to choose
    DUPLICATE = "duplicate"
    HELD = "held"  # by a case that was there before
    SKIPPED = "skipped"  # by the guard, or stopped
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference, and what the rules would make of it now."""

    kind: Kind
    connection: str
    name: str = ""
    outcome: str = ""
    about: str = ""
    """Sets items apart that have kind, connection and field in common (a comment's origin)."""
    doc: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for. Times are epoch seconds of our clock, both ends inclusive."""

    since: float | None = None
    until: float | None = None
    connections: tuple[str, ...] = ()
    """Empty: every member."""
    most_gone: int | None = None
    rate: float | None = None
    """Requests, and lanes set to work, per minute."""
    by: str = "cli"

    @property
    def windowed(self) -> bool:
        """Only a part of time is looked at."""
        return self.since is not None or self.until is not None

    def covers(self, at: float | None, *, slack_s: float = 0.0) -> bool:
        """Whether a moment, told to within `slack_s`, may lie in the window. An unknown one may."""
        if at is None:
            return True
        late_enough = self.since is None or at >= self.since - slack_s
        return late_enough and (self.until is None or at <= self.until + slack_s)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as stored."""

    id: str
    flow: str
    state: RunState
    wish: Wish
    cursor: dict[str, Any]
    asked_at: float
    planned_at: float
    finished_at: float
