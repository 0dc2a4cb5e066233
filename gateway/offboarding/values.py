"""Departures as the rules and their readers see them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from connectors.contract.access import Account, Grant, GrantKind, Whom
from gateway.core.digits import number_in
from gateway.sync.identities import Identity, Known, identity

BY_HAND = "hand"
"""Kind of a step that no connector can take, beside those of `GrantKind`."""
ALL = "all"
"""Grant of a step by hand that is about a whole system."""


class Event(StrEnum):
    """What happens to a person."""

    LEAVER = "leaver"  # all access ends
    MOVER = "mover"  # what the new role does not have ends
    ABSENCE = "absence"  # accounts are off until the return


class LeaverState(StrEnum):
    """How a departure stands."""

    PLANNED = "planned"  # its time has not come
    ASKS = "asks"  # a person has to answer before anything happens
    HELD = "held"  # a person holds it, with an end
    OPEN = "open"  # its time has come, and not all is proved to be gone
    DONE = "done"  # all is gone; it is looked at again later
    CLOSED = "closed"  # the last check held
    CANCELLED = "cancelled"  # withdrawn before its time
    RETURNED = "returned"  # back from an absence, or hired again


OVER = frozenset({LeaverState.CLOSED, LeaverState.CANCELLED, LeaverState.RETURNED})
"""Nothing more is done about these."""


class SystemState(StrEnum):
    """How far one person in one system is."""

    FIND = "find"  # the account is to be looked for
    WHICH = "which"  # several could be meant: a person chooses
    READ = "read"  # what the account has is to be read
    WORK = "work"  # steps are open
    DONE = "done"  # all gone; checks to come
    NONE = "none"  # there is no account; looked for again later
    HAND = "hand"  # only people can do something there
    OVER = "over"  # the last check held, or nothing is to be done any more


class StepState(StrEnum):
    """How one step stands. Words for people: `WORDS`."""

    PLANNED = "planned"
    DOING = "doing"  # the start is durable; a request may be under way, or was answered and not yet read back
    UNKNOWN = "unknown"  # no answer came: only reading tells
    GONE = "gone"  # read back as gone
    FAILED = "failed"  # refused, or still there after all tries: a person
    HAND = "hand"  # a person has to do it, and to say so with evidence
    DONE = "done"  # a person did it and said so
    WAITING = "waiting"  # the system is down, or does not let us in: it goes on by itself
    HELD = "held"  # by a person
    NONE = "none"  # not applicable: it stays, and `StepDoc.why` says why


WORDS: Mapping[StepState, str] = {
    StepState.PLANNED: "planned",
    StepState.DOING: "doing",
    StepState.UNKNOWN: "unknown",
    StepState.GONE: "gone",
    StepState.FAILED: "failed",
    StepState.HAND: "by hand",
    StepState.DONE: "done by hand",
    StepState.WAITING: "waiting",
    StepState.HELD: "held",
    StepState.NONE: "not applicable",
}
SETTLED = frozenset({StepState.GONE, StepState.DONE, StepState.NONE})
"""Nothing is to be done about these, unless a check finds otherwise."""
UNDER_WAY = frozenset({StepState.DOING, StepState.UNKNOWN})
"""Something may have been sent: reading comes before anything else."""


class EvidenceKind(StrEnum):
    """What a piece of evidence is."""

    ACCOUNTS = "accounts"  # which accounts a system names for a person
    HOLDINGS = "holdings"  # all that an account has, before anything was taken
    SENT = "sent"  # what was asked for
    ANSWER = "answer"  # what came back, or why nothing did
    READ = "read"  # what was read back after it
    CHECK = "check"  # the same, later
    BY_HAND = "by_hand"  # what a person said and showed


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who it is about, as known when it was told."""

    name: str = ""
    email: str = ""
    user_name: str = ""
    employee_number: str = ""
    title: str = ""
    department: str = ""
    manager: str = ""
    """An e-mail address, a user name or an employee number."""
    records: tuple[str, ...] = ()
    """Ids of the person's records here."""

    @property
    def whom(self) -> Whom:
        """As systems are asked for the person."""
        return Whom(email=self.email, user_name=self.user_name, employee_number=self.employee_number)


def identities_told(person: Person) -> list[Identity]:
    """By what the person is known everywhere."""
    found = (
        identity(Known.EMAIL, person.email),
        identity(Known.USER_NAME, person.user_name),
        identity(Known.EMPLOYEE_NUMBER, person.employee_number),
    )
    return [each for each in found if each is not None]


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person has to decide."""

    kind: str
    """which_person: several persons could be meant; rehired: is the departure over; cancelled: it was taken back after
    its time; guard: too many at once.
    """
    text: str
    choices: tuple[str, ...] = ()


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody decided, with reason."""

    what: str
    by: str
    at: float
    reason: str = ""


class LeaverDoc(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of a departure besides its columns."""

    person: Person
    source: str = ""
    """What told of it: a flow, `import`, or where a person said it: console, cli, api."""
    said_by: str = ""
    caused_by: tuple[str, ...] = ()
    """Ids of the people who asked for it, for four eyes."""
    zone: str = "UTC"
    last_day: str = ""
    """As it was told: 2026-11-30; empty where a moment was given."""
    before: Mapping[str, str] = {}
    """Of a mover: what counted for the role, as it was."""
    after: Mapping[str, str] = {}
    """Of a mover: as it is to be. Field -> value."""
    successor: str = ""
    """Whom a person named to take over; empty: by rule."""
    hold: Said | None = None
    question: Question | None = None
    asked_at: float = 0.0
    said: tuple[Said, ...] = ()
    """Decisions by people, in order."""
    revived: bool = False
    """A rehire lifted the tombstones."""
    left: bool = False
    """The person's records have their tombstones."""
    told_due: float = 0.0
    """The deadline that people were told was missed."""


class Found(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One account of the person, and how it was found."""

    account: Account
    by: str
    """link, a field of `Whom`, or the person who chose it."""


class SystemDoc(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of one person in one system."""

    accounts: tuple[Found, ...] = ()
    choices: tuple[Account, ...] = ()
    """Among which a person has to choose."""
    chosen: Said | None = None
    others: tuple[str, ...] = ()
    """Ids of accounts that a person said are not theirs."""
    successor: Account | None = None
    """Who takes over open work there."""
    successor_why: str = ""
    """Why nobody does, or how it was found."""
    unseen: Mapping[str, str] = {}
    read_at: float = 0.0
    digest: str = ""
    """Of what the accounts had when it was last read."""
    settled_at: float = 0.0
    """When all of its steps were over; the checks count from here."""
    checks: int = 0
    """How many of them were made."""
    drifted: int = 0
    """How often one found something again."""
    owner: str = ""
    """By hand: who does it."""


class Look(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reading of a step that was sent."""

    at: float
    there: bool
    evidence: str


class StepDoc(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of one step."""

    grant: Grant | None = None
    """None: by hand, of no grant in particular."""
    why: str = ""
    """Why it is not applicable, by hand, waiting or held."""
    owner: str = ""
    instruction: str = ""
    unseen: str = ""
    """Why not all of its kind was shown when it was seen last."""
    hidden: str = ""
    """Why the last reading of all does not tell whether it is gone."""
    operation: str = ""
    """Id of the attempt that is or was under way."""
    sent_at: float = 0.0
    answered: bool = False
    """The last attempt was answered: whoever took over after a kill knows only that nothing is known."""
    tries: int = 0
    """Attempts that had no effect although they were answered, or were refused."""
    looks: tuple[Look, ...] = ()
    error: str = ""
    to: str = ""
    """Who took it over, as it is called there."""
    drifted_at: float = 0.0
    done: Said | None = None
    file: str = ""
    """Id of the file that shows it."""


class Leaver(msgspec.Struct, kw_only=True):
    """A row of `leaver`."""

    number: int
    person: str
    period: str
    kind: Event
    state: LeaverState
    ends_at: float
    due_at: float | None
    urgent: bool
    privileged: bool
    guarded: str
    hold_until: float | None
    batch: str
    made_at: float
    begun_at: float | None
    done_at: float | None
    closed_at: float | None
    version: int
    doc: LeaverDoc

    @property
    def label(self) -> str:
        """`LV-17`."""
        return format_number(self.number)


class Place(msgspec.Struct, kw_only=True):
    """A row of `leaver_system`: one person in one system."""

    number: int
    connection: str
    state: SystemState
    privileged: bool
    due_at: float
    next_at: float | None
    owner: str
    lease_until: float
    fence: int
    tries: int
    waits: str
    version: int
    doc: SystemDoc


class Step(msgspec.Struct, kw_only=True):
    """A row of `leaver_step`."""

    id: str
    number: int
    connection: str
    account: str
    kind: str
    grant_id: str
    name: str
    state: StepState
    privileged: bool
    place: int
    due_at: float
    gone_at: float | None
    checked_at: float | None
    checks: int
    doc: StepDoc

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is about: account, kind, grant."""
        return self.account, self.kind, self.grant_id


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `leaver_evidence`."""

    id: str
    number: int
    connection: str
    step: str
    at: float
    kind: EvidenceKind
    digest: str
    content: Any


ORDER: Mapping[str, int] = {kind: place for place, kind in enumerate([*GrantKind, BY_HAND])}
"""In which order things are taken away, unless a system needs what is handed over first."""
HANDED_OVER = frozenset({GrantKind.JOB, GrantKind.APPROVAL, GrantKind.WORK})
"""What a successor gets."""


def format_number(number: int) -> str:
    """`LV-17`."""
    return f"LV-{number}"


def parse_number(text: str) -> int | None:
    """The number in `LV-17`, `lv-17` or `17`; None when it is none."""
    return number_in(text.strip().upper().removeprefix("LV-"))
