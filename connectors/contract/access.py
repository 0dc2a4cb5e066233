"""What a person may do in a system, and how that ends. The seam between connectors and offboarding.

Ending is naming a state, never a step: "this membership is not there", "this account is off", "this task is not his".
The same again has no further effect, so an unknown outcome is settled by looking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import msgspec


class GrantKind(StrEnum):
    """What a person can have. The order is the one in which a departure takes it away."""

    SESSION = "session"  # somebody is signed in
    TOKEN = "token"  # noqa: S105 - a kind: a key, or an application that acts for the person
    ROLE = "role"  # a right of its own
    GROUP = "group"  # a membership, also of a team or an organisation
    ACCOUNT = "account"  # that the person can sign in
    JOB = "job"  # runs as the person, by a schedule
    APPROVAL = "approval"  # waits for the person's word
    WORK = "work"  # an open task


class Whom(msgspec.Struct, frozen=True, kw_only=True):
    """A person, as other systems may know the same one. Empty fields are not known and match nothing."""

    email: str = ""
    user_name: str = ""
    employee_number: str = ""
    account: str = ""
    """The system's own id of the account, where a link or a person has told it; then nothing else is compared."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person's account in one system."""

    id: str
    """The system's immutable id."""
    name: str
    """What the person signs in with; fit to be shown."""
    email: str = ""
    active: bool
    privileged: bool = False
    """The system itself counts the account as one of an administrator."""
    matched: tuple[str, ...] = ()
    """Which fields of `Whom` it was found by."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the person has there now."""

    kind: GrantKind
    id: str
    """Unique in the system with `kind`; the same as long as the person has it."""
    name: str
    """Fit to be shown: the group, the role, the key's label, the task's number."""
    privileged: bool = False
    through: str = ""
    """Has this only by way of another (a role of a group): it ends with that one, and is not ended by itself."""
    detail: Mapping[str, Any] = {}
    """What `end` needs to know again, and what a reader may want to see. No secret."""


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """All that one account has, read to the last page. What cannot be seen there is not left out but named."""

    account: Account | None
    """None: there is no such account (any more)."""
    grants: tuple[Grant, ...]
    """An account that is on is one of them, of the kind `account`."""
    unseen: Mapping[GrantKind, str] = {}
    """Kinds that the system has and does not show us, or not all of -> why, in words for people."""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to take away."""

    account: Account
    grant: Grant
    operation: str
    """Id of this attempt; goes into logs and, where possible, headers."""
    to: Account | None = None
    """Who gets open work, jobs and approvals. None: nobody; work is left without an owner where that is possible."""
    note: str = ""
    """Goes with work that is handed over, where the system has a place for it: who had it before."""
    timeout_s: float = 20.0
    traceparent: str = ""


def objection(ends: Mapping[GrantKind, str], ending: Ending) -> str:
    """Why `end` must not send this, in words for people; "" if it may. For a connector's `ends`. It raises Refused with
    these words.
    """
    grant, to = ending.grant, ending.to
    if grant.through:
        return f"{grant.name} comes by way of {grant.through} and ends with it; nothing was sent"
    if why := ends.get(grant.kind, "the system has no such thing, or no way to end it"):
        return f"{grant.name} ({grant.kind}) is not ended here: {why}; nothing was sent"
    if to is not None and (to.id == ending.account.id or not to.active):
        who = "the same account" if to.id == ending.account.id else f"{to.name}, whose account is off"
        return f"{grant.name} cannot be handed over to {who}; nothing was sent"
    return ""


@runtime_checkable
class EndsAccess(Protocol):
    """A connector that can say what a person has, and take it away."""

    @property
    def ends(self) -> Mapping[GrantKind, str]:
        """Kinds that the system has -> "" if `end` ends them, else why a person has to, in words that say where."""
        ...

    async def accounts(self, whom: Whom) -> Sequence[Account]:
        """All accounts that any given field of `whom` equals, letter case aside. More than one is for people."""
        ...

    async def holdings(self, account: str) -> Holdings:
        """What the account with this id has now, complete. The same call proves afterwards that something is gone; so
        an absence is told only where the system was seen to answer.
        """
        ...

    async def end(self, ending: Ending) -> None:
        """Sends one write, and does not look whether it took effect. What is gone already is no error. Work that is not
        the person's any more is left alone. Raises as `Connector.apply` does: anything but OutcomeUnknown asserts that
        it had no effect. Refused where `objection` says why, and where somebody has to have it and `to` is nobody.
        """
        ...
