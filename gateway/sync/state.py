"""One record's durable state, as the rules see it. Stored as one document per record (ADR 0021), so that a decision
reads and writes one row; anything searched for (links, lanes, notices, ledger, lineage) has tables of its own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from connectors.contract.values import File
from gateway.sync.stage import SHADOWED

GHOST_KEPT_S = 7 * 86400.0
"""So long a late landing is looked for after the last moment in which it can have been."""
NEVER = -1
"""`carried` of a field whose external value is known to differ from every decided version, or is not proven."""


# gc=False: values hold no cycles, and thousands of them live in the cache; the collector need not look through them.


class FieldVersion(msgspec.Struct, omit_defaults=True, gc=False):
    """A decided value. `at` is the interval [lo, hi] of the source's clock in which it was typed."""

    value: Any
    fver: int
    source: str
    lo: float = 0.0
    hi: float = 0.0
    rev: int = 0
    """Record revision that committed it: a read that started at this revision or later has seen its effect."""
    notice: str = ""


class Flip(msgspec.Struct, omit_defaults=True, gc=False):
    """What a system made of our last writes of a field, with no person known to have edited it (rule 23)."""

    value: Any
    actor: str = ""
    times: int = 0
    """How often it came again, or was proved to be no person's."""


class FieldState(msgspec.Struct, omit_defaults=True, gc=False):
    """A canonical field: its present version and the older ones that some member may still have to be given in turn."""

    now: FieldVersion
    trail: list[FieldVersion] = []
    flips: dict[str, Flip] = {}
    """Connection -> its answers to our writes since a person last edited the field; empty as a rule."""


class Shadow(msgspec.Struct, omit_defaults=True, gc=False):
    """What a system is known to hold of one field, in its own external terms."""

    ext: Any = None
    known: bool = False
    """False: nothing was ever read or written there; `ext` means nothing."""
    carried: int = NEVER
    proven_at: int | None = None
    """Version that our own last write of this field produced: an older snapshot may not speak about the field."""
    waived: int | None = None
    held: str = ""
    """Key of the case that keeps this field from being written to this system."""
    bad: Any = None
    """External value that the mapping refused; not reported again while it stands."""
    wrote: float = 0.0
    """When our newest write of this field was recorded as applied (our clock)."""
    mismatches: int = 0
    """Writes in a row that were stored otherwise than sent; after a tombstone, closings that were not kept."""
    absent: int = 0
    """Whole reads since we wrote the field that did not show it; 0 again once one does."""
    asked: str = ""
    """Key of a case whose retry is on its way: the outcome closes it, or opens it again."""
    instead: int | None = None
    """Version that the system does not take: the mapping's fallback is written for it, and counts as it."""


class Ghost(msgspec.Struct, gc=False):
    """A value of an attempt closed as not applied, which may still land."""

    field: str
    ext: Any
    attempt: str
    expires: float
    """By then it has landed, or never will. It may be seen much later: whoever looks first after that needs it."""
    fver: int | None = None
    base: int | None = None
    """Version that was seen before the attempt: nothing up to it can be its doing."""

    def over(self, now: float) -> bool:
        """Nobody looked, and nobody needs it any more."""
        return self.expires + GHOST_KEPT_S <= now


class Window(msgspec.Struct, gc=False):
    """Foreign versions in (lo, hi) that our write may have overwritten; late notices of them are mined."""

    lo: int
    hi: int
    pre: dict[str, Any]
    fields: list[str]
    case: str
    seen: list[int] = []
    moved: dict[str, int] = {}
    """Field -> lowest version mined that shows something else than `pre`."""
    as_before: dict[str, int] = {}
    """Field -> highest version mined that shows what `pre` has: put back, where it had moved before."""


class Span(msgspec.Struct, gc=False):
    """The time between a read and the end of our write after it, where neither versions nor history tell what was
    overwritten; late notices from then are mined. In the source's clock.
    """

    lo: float
    hi: float
    pre: dict[str, Any]
    sent: dict[str, Any]
    told: list[tuple[str, Any]] = []
    """Values found already."""


class LinkState(StrEnum):
    NONE = "none"
    PRIMARY = "primary"
    GONE = "gone"


class PendingItem(msgspec.Struct, omit_defaults=True, gc=False):
    """A comment that a member still lacks."""

    origin: str
    kind: str
    body: str
    author: str
    at: float
    label: str = ""
    held: str = ""
    """Key of the case that keeps it from being sent (no proof, or refused)."""
    asked: str = ""
    """Key of a case whose retry is on its way."""
    file: File | None = None
    """Of an attachment; its bytes are fetched when it is sent."""
    tried: bool = False
    """A copy was sent and closed as not applied: it may have landed since, so look before the next (W4)."""


class Awaits(msgspec.Struct, omit_defaults=True, gc=False):
    """A version of a field that names a record which has no object in this system yet."""

    fver: int
    since: float
    case: str = ""
    """Key of the case that was opened when it did not come in time."""


class MemberState(msgspec.Struct, omit_defaults=True):
    """What is known of one member's object."""

    link: LinkState = LinkState.NONE
    id: str = ""
    key: str = ""
    seen: int | None = None
    written: int | None = None
    updated: float = 0.0
    """Update time (source's clock) of the newest snapshot absorbed: the gap before a write begins here."""
    observed: float = 0.0
    """When the object was last looked at (source's clock): what differs later was typed after it."""
    told: list[str] = []
    """Ids of history entries in the tick of `updated` that were looked through: a coarse time does not set later ones
    apart. Only where entries have no version.
    """
    etag: str | None = None
    closed: bool = False
    creates: int = 0
    """Attempts to create that were started under this incarnation: from the first on, look up before the next."""
    keyed_from: float = 0.0
    """When the first create was started that was settled by sending it again with its key; 0: there was none. By us."""
    duplicates: list[str] = []
    shadow: dict[str, Shadow] = {}
    ghosts: list[Ghost] = []
    windows: list[Window] = []
    spans: list[Span] = []
    items: list[PendingItem] = []
    hint_rev: int = 0
    """Record revision that stored the newest hint: a read that started earlier does not answer it."""
    gap_from: float | None = None
    """Set when a late write of ours was noticed: from this update time on, history must be looked through (rule 15)."""
    gap_base: int | None = None
    """The version that was seen before it, where versions count."""
    awaits: dict[str, Awaits] = {}
    """Field -> what it waits for; empty as a rule."""
    undecided: str = ""
    """Why the flow's condition for creates cannot be decided; a case says so while this is set."""


class Standing(StrEnum):
    """How a task stands, for the record it is made of."""

    WAITING = "waiting"
    """Wanted, and not made yet."""
    MADE = "made"
    DONE = "done"
    FAILED = "failed"


class TaskState(msgspec.Struct, omit_defaults=True, gc=False):
    """One task that a record wants, or had made."""

    standing: Standing = Standing.WAITING
    ready: float = 0.0
    """Since when only the clock has been in its way; 0: something else is."""


class Heard(msgspec.Struct, gc=False):
    """By whom a field was set last of those that refer to the record: who is older is not heard any more."""

    at: float
    by: str
    """Its object, in a form that tells older from newer among those of one moment."""


class RecordState(msgspec.Struct, omit_defaults=True):
    """The canonical record."""

    id: str
    flow: str
    rev: int = 0
    counter: int = 0
    """Last fver given out."""
    incarnation: int = 0
    natural: str = ""
    """Value of the flow's natural key, by which other systems' objects find us. Set when first known, and never
    moves.
    """
    tombstoned_at: float | None = None
    fields: dict[str, FieldState] = {}
    members: dict[str, MemberState] = {}
    task: str = ""
    """Of a record that was made as a task: `template.task`. Its id begins with the id of what it was made of."""
    tasks: dict[str, TaskState] = {}
    """`template.task` -> what became of it."""
    told: dict[str, str] = {}
    """Template that is at work -> how its tasks stand together, as the record was told last."""
    undecided: dict[str, str] = {}
    """Template or task that cannot be decided about -> why; a case says so while it is here."""
    named: dict[str, dict[str, list[str]]] = {}
    """Field that holds references -> each of them -> the records that it names; none as long as nobody knows it."""
    said: list[str] = []
    """Digests of what was said to records that this one refers to: nothing is said twice."""
    answered: dict[str, str] = {}
    """Field that holds references -> digest of what the record said of itself for them."""
    heard: dict[str, Heard] = {}
    """Field -> who of those that refer to this record set it last."""
    wake_at: float = 0.0
    """When the clock alone gives something to do here; as in the table of wakes. 0: never."""

    @property
    def correlation(self) -> str:
        """What objects of this record carry as their marker."""
        return f"{self.id}-{self.incarnation}" if self.incarnation else self.id

    def values(self) -> dict[str, Any]:
        """The record as people and conditions see it."""
        return {name: field.now.value for name, field in self.fields.items()}


class LaneState(StrEnum):
    IDLE = "idle"
    READING = "reading"
    OPEN = "open"
    UNKNOWN = "unknown"
    PARKED = "parked"


BUSY = frozenset({LaneState.READING, LaneState.OPEN, LaneState.UNKNOWN})
"""Inbound notices wait while a lane is in one of these (rule 3)."""


class Lane(msgspec.Struct, gc=False):
    """The way of one record to one member. Columns of their own, because workers search for them."""

    record: str
    connection: str
    state: LaneState = LaneState.IDLE
    dirty: bool = False
    read_wanted: bool = False
    deferred: bool = False
    tries: int = 0
    next_try_at: float = 0.0
    wait_reason: str = ""
    owner: str = ""
    lease_until: float = 0.0
    fence: int = 0
    attempt: str = ""
    case: str = ""
    dirty_since: float = 0.0
    looks: int = 0
    """Looks at an unknown outcome so far; while idle, times in a row that the object moved under a write."""
    writes_left: int = 0
    """While dirty: how many writes it will take, as far as one can tell without asking the target."""
    withheld: str = ""
    """Mark of the flow's stage that keeps it from working, see `gateway.sync.stage`; empty as a rule."""
    leaves: bool = False
    """The record has left, so this lane goes first. Known of lanes that a decision just saved; not stored."""

    @property
    def has_work(self) -> bool:
        """Somebody should come by at `next_try_at`."""
        if self.withheld:
            return self._has_work_though_withheld
        if self.state is LaneState.PARKED:
            return self.deferred or self.read_wanted
        return self.state is LaneState.UNKNOWN or self.dirty or self.read_wanted or self.deferred

    @property
    def _has_work_though_withheld(self) -> bool:
        """What is under way is brought to its end; a flow in shadow reads, one that rests does not."""
        reads = self.read_wanted and self.withheld.startswith(SHADOWED)
        return self.state is LaneState.UNKNOWN or self.deferred or reads
