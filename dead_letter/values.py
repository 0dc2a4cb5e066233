"""What a case is: its class, its states, how one is asked for and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class CaseClass(StrEnum):
    """What kind of trouble it is; decides which actions exist (`classify.rules_of`)."""

    MAPPING = "mapping"  # a value or a move that the mapping does not know
    REFUSED = "refused"  # a system said no for good
    CONFLICT = "conflict"  # two sides changed one field and a person chooses
    UNKNOWN_OUTCOME = "unknown_outcome"  # a request was sent and nobody knows what became of it
    OVERWRITE = "overwrite"  # possible overwrite in a window that cannot be closed
    DUPLICATE = "duplicate"  # two objects of one system for one record
    DELETED = "deleted"  # an object is gone and nothing says what that means
    CREDENTIALS = "credentials"  # a connection can no longer sign in
    SCHEMA = "schema"  # a system changed its fields or options, and a mapping breaks by it
    POISON = "poison"  # a notice that our own code could not process
    FEED = "feed"  # a receiver of security events lacks some
    DEPARTURE = "departure"  # somebody leaves, and people have to see to a part of it


class CaseState(StrEnum):
    """Where a case stands, in the words people see (EXPERIENCE.md 2.0). All but `closed` are open to decisions."""

    OPEN = "open"
    TAKEN = "taken"
    PARKED = "parked"
    IN_RUN = "in_run"  # a retry is on its way; its outcome closes or re-opens the case
    CLOSED = "closed"  # for ever: a closed case is an archive
    CAME_BACK = "came_back"  # opened under the key of a closed case, see Case.former


class Ending(StrEnum):
    """How a case ended."""

    APPLIED = "applied"  # what had to be written is in effect
    AGREED = "agreed"  # the systems agree again without anybody's help
    RESTORED = "restored"  # the connection works again
    OBSOLETE = "obsolete"  # a newer change made it moot
    DISCARDED = "discarded"
    DECLARED_APPLIED = "declared_applied"
    DECLARED_NOT_APPLIED = "declared_not_applied"
    RESOLVED = "resolved"
    DONE_BY_HAND = "done_by_hand"  # a person saw to it and closed it


class NewCase(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for a case. While one is open under `key` the wish updates it; a key never has two open cases."""

    key: str
    """`class:record:connection[:field]`, for example `refused:<record>:<connection>`."""
    cls: CaseClass
    cause: str
    """Short code, known ones in `classify.Cause`; stable, it is a metric label and a search term."""
    title: str
    """One plain sentence, any length: `wording.headline` cuts it when it is stored."""
    flow: str = ""
    record: str = ""
    connection: str = ""
    object: str = ""
    object_id: str = ""
    object_key: str = ""
    """What people call the object (INC0010001, OPS-12); of one that is still to be created, what it is created for."""
    field: str = ""
    evidence: Mapping[str, Any] = {}
    """Shown to people, redacted when stored. Names with a meaning: `request`, `answer`, `looks`, `mapping`; `sides`:
    side -> value of a conflict; `settles_at`: epoch seconds before which "not there" is no proof."""
    fingerprint: str = ""
    """Cases with one fingerprint have one cause and are fixed once; see `fingerprint.fingerprint`."""
    vendor_code: str = ""
    """What the system answered with, as it numbers its answers (`400`); empty: it gave no answer to quote."""
    vendor_text: str = ""
    """The system's own words, not ours: a page long at times, in its language."""


class Reason(msgspec.Struct, frozen=True):
    """One part of a priority."""

    points: int
    text: str


class CaseSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A case as a list shows it. Times are epoch seconds, UTC."""

    number: str
    """`FO-<n>`, for people and links; never given twice. Numbers have gaps."""
    key: str
    cls: CaseClass
    cause: str
    title: str
    flow: str
    record: str
    connection: str
    object: str
    object_id: str
    object_key: str
    field: str
    fingerprint: str
    state: CaseState
    version: int
    """+1 with everything a decision may depend on; a decision names the version it was made on."""
    count: int
    """How often it was asked for since it opened."""
    first_seen: float
    last_seen: float
    former: str | None
    """Number of the closed case that this one follows: under the same key, else of the same group."""
    closed_at: float | None
    ending: str
    """An Ending once closed, else empty."""
    closed_by: str
    reason: str
    """Why it was closed, in the closer's words."""
    owner: str = ""
    """Who has it; empty: nobody."""
    work: int = 0
    """+1 with every step of people's work on it (owner, parking, comments, ...), which moves no `version`."""
    group: str = ""
    """Key of its group: its fingerprint, or where people split and merged."""
    priority: int = 0
    """0 to 100, see `priority.rank`."""
    level: str = "normal"
    """critical, high, normal or low: what its due time follows."""
    due_at: float = 0.0
    """By the business calendar."""
    warn_at: float = 0.0
    """From here on the due time is near."""
    escalated: int = 0
    """How often it was escalated."""
    parked_until: str = ""
    """What it waits for, in words; empty unless parked."""
    pending: str = ""
    """Id of the request that waits for a second person; empty: none."""


class Case(CaseSummary, frozen=True, kw_only=True):
    """A case as its page shows it."""

    evidence: dict[str, Any]
    vendor_code: str = ""
    """The number of the system's answer, by its own count (`400`)."""
    vendor_text: str = ""
    """Its words, redacted of secrets. The title says the same in ours, with no value of a person."""
    reasons: tuple[Reason, ...] = ()
    """What the priority consists of."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a case's history; never changed once written."""

    at: float
    name: str
    """`opened`, `came_back`, `changed`, `decided`, `closed`; `worked` (no new version), `asked` (for an approval),
    `rejected`."""
    version: int
    """The case's version after this step."""
    state: CaseState
    actor: str
    """A person, or `lockstep`."""
    action: str = ""
    choice: str = ""
    reason: str = ""
    """Why; of a comment, what it says."""
    proof: str = ""
    """What the person saw that proves it, where the action asks for that."""
    changed: tuple[str, ...] = ()
    """Names of what differs from the version before, evidence as `evidence.<name>`."""
    code: str = ""
    """Reason code, one of `reasons.codes_of` the case's class."""
    work: int = 0
    """The case's work counter after this step."""
    approver: str = ""
    """The second person, where the action asked for one."""


class Sort(StrEnum):
    """The order of a list; pages go on where the one before ended."""

    NEWEST = "newest"
    PRIORITY = "priority"
    DUE = "due"


class CaseFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which cases a list shows; every field narrows it, empty ones do not."""

    states: tuple[CaseState, ...] = ()
    """Empty: all but closed ones."""
    classes: tuple[CaseClass, ...] = ()
    cause: str = ""
    flow: str = ""
    record: str = ""
    connection: str = ""
    fingerprint: str = ""
    text: str = ""
    """Part of the title, the object's key or the cause, without regard to case."""
    owner: str | None = None
    """Whose; the empty text: nobody's."""
    field: str = ""
    group: str = ""
    level: str = ""
    opened_since: float | None = None
    """First seen at or after this time: what is new since somebody's last visit."""
    opened_before: float | None = None
    """First seen before this time: older than an age."""
    open_at: float | None = None
    """Those that were open at this time, instead of those that are; without `states`."""
    due_before: float | None = None
    """Due before this time: late, or soon to be."""
    pending: bool | None = None
    """Whether it waits for a second person."""
    connections: frozenset[str] | None = None
    """Only cases of these connections, and of none in particular; None: all. A reader's scope."""
    flows: frozenset[str] | None = None
    """As `connections`, for flows."""
    sort: Sort = Sort.NEWEST
    limit: int = 50
    """At most 200."""


class CasePage(msgspec.Struct, frozen=True, kw_only=True):
    """Some cases, in the order of the filter."""

    cases: tuple[CaseSummary, ...]
    next: str | None
    """Cursor of the following page; None at the end. Cases that arrive meanwhile are on no later page."""


class CaseGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Cases of one group: of one cause, or of what else they were asked to be grouped by."""

    fingerprint: str
    """Of the oldest."""
    key: str = ""
    """Key of the group; by cause it is the filter's `group`."""
    by: str = "cause"
    flow: str = ""
    field: str = ""
    owners: tuple[str, ...] = ()
    """Who has some of them."""
    unowned: int = 0
    priority: int = 0
    """The highest of its cases."""
    due_at: float = 0.0
    """The nearest of its cases."""
    cls: CaseClass
    cause: str
    connection: str
    count: int
    oldest: float
    """first_seen of the oldest."""
    last_seen: float
    sample: str
    """Number of the oldest, to open."""
    title: str
    """Title of the oldest."""


class OpenCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many cases are open for one cause at one connection."""

    cls: CaseClass
    cause: str
    connection: str
    count: int
    oldest: float


def format_number(number: int) -> str:
    """`FO-17`."""
    return f"FO-{number}"


def parse_number(text: str) -> int | None:
    """The number in `FO-17`, `fo-17` or `17`; None when it is none."""
    digits = text.strip().upper().removeprefix("FO-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else None
