"""What sends a feed asks of the way to its receiver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from connectors.contract.errors import LockstepError

AGAIN = "again"
"""A memory: what follows is sent once more because somebody asked for it, known or not."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the spool, the same at every attempt."""

    number: int
    id: str
    at: float
    kind: str
    severity: int
    previous: str
    digest: str
    body: str
    """In the sink's form, one line without an end."""
    through: int = 0
    """Octets of all events of the feed up to this one."""


class Proof(msgspec.Struct, frozen=True):
    """How far the receiver has it."""

    sent: int
    """Last number that it is known to have."""
    settled: int
    """Last number that is not sent again after a break either; <= `sent`."""


class Away(LockstepError):
    """The receiver cannot take anything now. What was handed over and is not proven is handed over again."""

    def __init__(self, reason: str, *, retry_after_s: float = 0.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(reason)


class SaidNo(Away):
    """The receiver answered, and does not want what it was sent, or not from us. Only people can change that."""


class Way(Protocol):
    """The way to one receiver, used by one task."""

    most: int
    """Lines that are handed over at once."""

    @property
    def full(self) -> bool:
        """Nothing more is handed over before some of it is proven."""
        ...

    async def hand(self, lines: Sequence[Line]) -> None:
        """Hands over, in order. Returning proves nothing. Raises Away: some of it may have arrived."""
        ...

    async def proven(self, *, idle: bool) -> Proof:
        """How far the receiver is known to have it. May ask it, and wait for its answer a few seconds. `idle`: nothing
        more is to be handed over now. Raises Away: what is not proven must be handed over again, from `settled` on.
        """
        ...

    def begin(self, known: Proof, memory: str) -> int:
        """Takes up what the last holder left, or AGAIN; gives the last number that need not be handed over (again)."""
        ...

    def memory(self) -> str:
        """What must outlive this process. Kept after every `hand`, with the proof; empty: nothing."""
        ...

    async def drop(self) -> int:
        """Lets go of the connection after a failure; gives the last number that need not be handed over again."""
        ...

    async def close(self) -> None:
        """Ends."""
        ...
