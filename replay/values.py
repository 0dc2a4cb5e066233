"""What replay speaks of: a wish, the selection it pins, what a plan foresees of each item, a run and its outcomes."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Source(StrEnum):
    """Where the items come from."""

    CASES = "cases"  # open cases
    JOURNAL = "journal"  # notices as they were accepted


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be replayed. Every field narrows it, empty ones do not; times are epoch seconds, both ends inclusive.

    Of cases the time is when they were first seen, of notices when they were accepted.
    """

    source: Source = Source.CASES
    numbers: tuple[str, ...] = ()
    """Exactly these cases."""
    cause: str = ""
    group: str = ""
    """Key of a group of cases."""
    flow: str = ""
    connection: str = ""
    record: str = ""
    text: str = ""
    """Part of a case's title, object key or cause."""
    person: str = ""
    """Only records that name this person in a field of kind `user`."""
    mapping: str = ""
    """Only records of which this mapping version (`name@2`) read a value."""
    through: str = ""
    """Of the journal: understood by this stored mapping version, not by the one in use. Pinned with its digest."""
    since: float | None = None
    until: float | None = None


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever asks may see: only this is selected. None: everything."""

    connections: frozenset[str] | None = None
    flows: frozenset[str] | None = None

    def covers(self, connection: str, flow: str) -> bool:
        """Whether an item of this place is inside it. An empty name is of no place in particular."""
        within = self.connections is None or not connection or connection in self.connections
        return within and (self.flows is None or not flow or flow in self.flows)


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked, approved or stopped: a name for histories, and the human whom four eyes count."""

    name: str
    human: str


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """A pinned list: what came in later is not in it, what closes meanwhile stays in it and is told of."""

    id: str
    wish: Wish
    items: tuple[str, ...]
    """Numbers of cases or ids of notices, oldest first."""
    at: float
    by: str

    @property
    def count(self) -> int:
        """How many items."""
        return len(self.items)


class Action(StrEnum):
    """What would come of an item now. In the order in which people should look."""

    DELETE = "delete"  # an object of a record that has left is closed
    CREATE = "create"
    PROVE = "prove"  # an answer was lost: looked at first, sent only where that proves it did not take effect
    TRANSITION = "transition"  # a step of a workflow, which may set off mails and automations there
    CONFLICT = "conflict"  # a person has to choose a value
    BLOCKED = "blocked"  # by a tombstone, a gate, a value the mapping does not know, another run
    UPDATE = "update"
    NO_OP = "no_op"  # the system shows it already
    SUPERSEDED = "superseded"  # a newer change took its place
    GONE = "gone"  # the case is closed: nothing is left to replay


RANK = {action: rank for rank, action in enumerate(Action)}
SENDS = frozenset({Action.DELETE, Action.CREATE, Action.PROVE, Action.TRANSITION, Action.UPDATE})
"""What a run takes up; all others are in the plan to be seen, with their reason."""
LOOK_FIRST = frozenset({Action.DELETE, Action.CREATE, Action.PROVE, Action.TRANSITION, Action.CONFLICT, Action.BLOCKED})


class Diff(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One field: what the system is known to hold (`got`) and what would be written (`wanted`), in its own terms."""

    field: str
    got: Any = None
    wanted: Any = None
    by: str = ""
    """The system or person that the wanted value comes from."""
    at: float = 0.0
    """When it was decided."""


class Foreseen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the product's planner would make of an item on the present state."""

    subject: str
    """Number of the case or id of the notice."""
    action: Action
    decision: str = ""
    """What the run decides: an action of the case, or `observe` for a notice. Empty: nothing."""
    reason: str = ""
    record: str = ""
    flow: str = ""
    connection: str = ""
    object: str = ""
    object_key: str = ""
    cause: str = ""
    diffs: tuple[Diff, ...] = ()
    calls: int = 0
    """Requests that it takes at least."""
    version: int = 0
    """Of the case: what it was decided on."""
    revision: int = 0
    """Of the record."""

    @property
    def alike(self) -> str:
        """Items with the same text are of one kind: the fields that would be written, or why nothing would be."""
        if self.action not in SENDS:
            return self.reason
        return ", ".join(sorted(diff.field for diff in self.diffs)) or self.decision

    @property
    def change(self) -> list[list[Any]]:
        """What would be written, without who decided it: `[[field, got, wanted], ...]`."""
        return [[diff.field, diff.got, diff.wanted] for diff in self.diffs]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How fast and how far a run goes. Whoever starts it may only make it more careful than the plan says."""

    rate: float
    """Items a minute."""
    ramp: tuple[int, ...] = (1, 5, 20)
    """Sizes of the steps before the rest; each has to end well before the next begins."""
    wait_after: int = 0
    """Waits for a person after this step of the ramp (1 is the first). 0: never."""
    in_a_row: int = 3
    """So many failures one after the other stop it."""
    share_failed: float = 0.05
    """So many failures of all that ended stop it, of a step of the ramp as of the run."""
    most_creates: int = 50
    most_deletes: int = 0
    """More than these need a second person, as a plan above `approve_above` does."""
    approve_above: int = 100

    def __post_init__(self) -> None:
        """Raises ValueError for limits under which no run could end."""
        if not 0.0 < self.rate < 1e9:
            raise ValueError("rate: items a minute, above 0")
        if any(size < 1 for size in self.ramp):
            raise ValueError("ramp: sizes of steps, each 1 or more")
        if self.in_a_row < 1 or not 0.0 < self.share_failed <= 1.0 or self.wait_after < 0:
            raise ValueError("in_a_row is 1 or more, share_failed above 0 and at most 1, wait_after 0 or more")

    def no_bolder(self, other: Limits) -> bool:
        """Whether these are nowhere above `other`, the plan's."""
        slower = self.rate <= other.rate and self.in_a_row <= other.in_a_row
        steps = len(self.ramp) >= len(other.ramp) and all(a <= b for a, b in zip(self.ramp, other.ramp, strict=False))
        waits = self.wait_after > 0 or other.wait_after == 0
        return slower and steps and waits and self.share_failed <= other.share_failed


class Pins(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan holds on: it is refused when one of these moved."""

    mappings: dict[str, str]
    """`flow/connection` -> `name@version`."""
    connectors: dict[str, str]
    """Connection -> connector and release."""
    good_until: float


class PlanState(StrEnum):
    """`ready` is whole and has its digest; only such a plan can be looked at, approved and run."""

    MAKING = "making"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """How far a plan is, from the moment it was asked for; or why it never became whole."""

    plan: str
    selection: str
    state: PlanState
    at: float
    by: Person
    again: str
    limits: Limits | None
    """What was asked for; None: as configured."""
    total: int
    looked: int
    """Items looked at so far; never above `total`."""
    tries: int
    """Workers that began it. Each begins at its first item: what was foreseen before may not be so any more."""
    owner: str
    """The worker that makes it; empty: nobody does yet."""
    ended_at: float
    """0 until it is over."""
    reason: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan without its items. `digest` is `sha-256:` and 64 hexadecimal digits over everything it would do."""

    id: str
    selection: str
    state: PlanState
    digest: str
    at: float
    by: Person
    pins: Pins
    limits: Limits
    totals: dict[str, int]
    """Action -> items; every action is there, also with 0."""
    count: int
    calls: int
    again: str = ""
    """The plan that this one was made anew of."""
    needs_approval: str = ""
    """Why a second person has to look; empty: nobody has to."""
    approved_by: str = ""
    approved_at: float = 0.0

    @property
    def sends(self) -> int:
        """How many items a run would take up."""
        return sum(n for action, n in self.totals.items() if action in SENDS)


class RunState(StrEnum):
    """`waiting`: for a person, after a step of the ramp. `stopping`: nothing more is handed over, lanes end."""

    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED = "stopped"


WORKED = (RunState.RUNNING, RunState.WAITING, RunState.PAUSED, RunState.STOPPING)
ENDED = (RunState.DONE, RunState.STOPPED)


class Outcome(StrEnum):
    """How an item stands, in the words people see everywhere (EXPERIENCE.md 2.0). The worst last."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    DUPLICATE = "duplicate"
    HELD = "held"
    WAITING = "waiting"
    CONFLICT = "conflict"
    FAILED = "failed"
    UNKNOWN = "unknown"


WORSE = {outcome: rank for rank, outcome in enumerate(Outcome)}


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an item that was handed to its lane. `final` is false while that may still change by itself."""

    outcome: Outcome
    by: str = ""
    """Of `applied`: `read_back` or `answer`."""
    reason: str = ""
    case: str = ""
    """Number of the case that keeps what is not settled."""
    final: bool = True


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A plan being carried out."""

    id: str
    plan: str
    digest: str
    state: RunState
    limits: Limits
    step: int
    """Of the ramp, 1 is the first."""
    count: int
    at: float
    by: Person
    ended_at: float = 0.0
    reason: str = ""
    """Why it waits, is paused or was stopped."""
    stopped_by: str = ""
    """A person's name, or `guard` where the limits stopped it."""
    in_a_row: int = 0
    """Failures one after the other, up to now."""
    next_at: float = 0.0
    """When the next item may be handed over, by the rate."""

    @property
    def steps(self) -> tuple[int, ...]:
        """Items of each step; together all of them."""
        sizes, left = [], self.count
        for size in self.limits.ramp:
            if left <= 0:
                break
            sizes.append(min(size, left))
            left -= sizes[-1]
        return (*sizes, left) if left > 0 else tuple(sizes)


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as the plan says."""

    item: str
    """The object's key or the case; for a pin, what it is of."""
    what: str
    """Field, `case`, `record`, `mapping`, `connector` or `time`."""
    was: Any = None
    now: Any = None
    by: str = ""
    at: float = 0.0
