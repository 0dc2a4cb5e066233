"""An attempt: one try to write, made durable before its first byte leaves (rule 12), and what came of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from connectors.contract.values import HistoryEntry, Item, Receipt, Ref, Snapshot, Step, WriteKind
from gateway.sync.state import PendingItem


class Outcome(StrEnum):
    """What is known of an attempt. `open`: nothing yet."""

    OPEN = "open"
    APPLIED = "applied"
    REFUSED = "refused"
    NOT_APPLIED = "not_applied"
    UNKNOWN = "unknown"


PEOPLE_SEE = {
    Outcome.OPEN: "waiting",
    Outcome.APPLIED: "applied",
    Outcome.REFUSED: "failed",
    Outcome.NOT_APPLIED: "waiting",
    Outcome.UNKNOWN: "unknown",
}
"""Outcome in code -> word of EXPERIENCE.md 2.0."""


class SentField(msgspec.Struct):
    """`ext` as sent; `fver` None marks an intermediate step that carries no decision."""

    ext: Any
    fver: int | None


class Attempt(msgspec.Struct, omit_defaults=True):
    """Stored whole; `fields` and `pre` are in external terms."""

    id: str
    record: str
    connection: str
    object: str
    kind: WriteKind
    fence: int
    started_at: float
    deadline: float
    fields: dict[str, SentField] = {}
    pre: dict[str, Any] = {}
    base: int | None = None
    base_at: float = 0.0
    """Update time of the object at the pre-read (source's clock); history from here on is the gap."""
    base_rev: int = 0
    """Record revision of Ts: a read-back starts after it."""
    ref: Ref | None = None
    values: dict[str, Any] = {}
    step: Step | None = None
    item: PendingItem | None = None
    etag: str | None = None
    correlation: str = ""
    closing: bool = False
    """Sent because of the tombstone."""
    mapping: str = ""
    """The version that what is sent was written through: `CompiledMapping.label`."""

    @property
    def origin(self) -> str:
        """Identity of the comment being copied."""
        return self.item.origin if self.item else ""


class Seen(msgspec.Struct):
    """What reads under the mutex showed: the object, its history since the attempt's base, or search hits."""

    rev: int
    """Record revision known when the reads started."""
    at: float
    """Our clock when the reads started."""
    snapshot: Snapshot | None = None
    history: list[HistoryEntry] | None = None
    """None: the system has none, or it was not asked."""
    hits: list[Ref] | None = None
    """None: not searched. Hits of the correlation key."""
    natural_hits: list[Ref] = []
    steps: list[Step] | None = None
    """None: not asked for."""
    items: list[Item] | None = None
    began: float = 0.0
    """As `at`, on the monotonic clock."""
    waited_s: float | None = None
    """Seconds since the attempt was started when the look began, as far as the worker that looked can be certain."""
    owners: dict[str, str] = {}
    """Object id -> record, of hits that belong to another record."""


class Conclusion(msgspec.Struct):
    """What the worker reports of a send."""

    outcome: Outcome
    receipt: Receipt | None = None
    seen: Seen | None = None
    """History and read-back after an applied write whose version is not base + 1."""
    error: str = ""
    status: int | None = None
    said: str = ""
    """Why, in the system's own words where it gave any, without our request."""
    evidence: dict[str, Any] = {}
    fields: dict[str, str] = {}
    """Fields the system blamed (Refused)."""
    retry_after_s: float | None = None
    moved: bool = False
    """409, 412, step unavailable: read again at once."""
    counts: bool = False
    """A retryable failure of this lane alone (rule 16)."""
    reason: str = ""
    """wait_reason while nothing can be sent: down, throttled, credentials."""
    owner: str = ""
    """The other record that the object we created belongs to already, if one does."""

    @property
    def words(self) -> str:
        """Why, for the title of a case: no request of ours, which people cannot read."""
        return self.said or (f"it answered {self.status}" if self.status and self.status >= 400 else self.error)

    @property
    def quoted(self) -> tuple[str, str]:
        """The system's own code and words."""
        return str(self.status or ""), self.said
