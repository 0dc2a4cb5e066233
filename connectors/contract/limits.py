"""What a connector may tell of its system's rate limits, and what lets its requests through, so that all workers
together keep within them instead of running into 429.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from enum import StrEnum
from typing import Protocol, runtime_checkable

import msgspec


class Purpose(StrEnum):
    """What a request is sent for: who may send first where a budget is short."""

    LEAVER = "leaver"  # closes what somebody who has left may still do; before all others
    LIVE = "live"  # a change of now: lanes, polls, looks
    REPLAY = "replay"  # what a replay run sends again
    BACKFILL = "backfill"  # sweeps, comparisons, descriptions of fields: nobody waits for it


purpose: ContextVar[Purpose] = ContextVar("purpose", default=Purpose.LIVE)
"""Of the requests of this task. Set where work of another kind begins; the verbs of a connector do not carry it."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's rate headers say of one limit of the system. None: they do not say."""

    name: str
    """Tells the limits of one system apart; the header's, as a rule."""
    limit: int | None = None
    remaining: int | None = None
    resets_in_s: float | None = None
    """Until `remaining` starts afresh, at the time of the answer."""
    per_s: float | None = None
    """How long the limit lasts."""


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What was used so far, and what the system said in its last answer. None: it has not said."""

    requests: int
    """Sent since the connector was made, of every kind."""
    limit: int | None = None
    remaining: int | None = None
    resets_in_s: float | None = None
    """Until `remaining` starts afresh; not above 0 once that moment has passed."""


@runtime_checkable
class TellsAllowance(Protocol):
    """A connector that counts its requests and reads its system's rate headers."""

    def allowance(self) -> Allowance:
        """As of now; never waits."""
        ...


class Admission(Protocol):
    """Lets the requests of one connection through, one by one. A request that was let in is let out again."""

    async def enter(self, within_s: float) -> None:
        """Returns when a request may be sent. Raises BudgetSpent if that takes longer than `within_s`."""
        ...

    def answered(self, took_s: float, status: int | None, told: Sequence[Told], retry_after_s: float | None) -> None:
        """The request was answered (status None: it was not), and what the answer says of limits."""
        ...

    def leave(self) -> None:
        """The request is over, however it ended."""
        ...
