"""What replay needs of the gateway. Implemented there; nothing here knows a lane, a connector or a mapping."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.picking import Picked
from replay.values import Ended, Foreseen, Person, Scope, Wish


class Books(Protocol):
    """The database."""

    def begin(self, step: str = "") -> AbstractAsyncContextManager[AsyncConnection]:
        """A write transaction."""
        ...

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A consistent view."""
        ...


class Foresight(Protocol):
    """The product's own planner, run dry on the present state: it asks no system and changes nothing."""

    async def cases(self, tx: AsyncConnection, cases: Sequence[Picked]) -> list[Foreseen]:
        """What a retry of each open case would do now, in the order given."""
        ...

    async def notices(self, tx: AsyncConnection, ids: Sequence[str]) -> list[Foreseen]:
        """What observing the objects of these notices anew would change; ids that are gone are left out."""
        ...

    async def journal(self, tx: AsyncConnection, wish: Wish, scope: Scope) -> list[str]:
        """Ids of the notices that a wish means, oldest first; one for each object, its newest."""
        ...

    async def among(self, tx: AsyncConnection, wish: Wish, records: Collection[str]) -> set[str]:
        """Those records that hold the wish's person and were read by the wish's mapping."""
        ...

    async def revisions(self, tx: AsyncConnection, records: Collection[str]) -> Mapping[str, int]:
        """Record -> its present revision."""
        ...

    def reading(self, through: str) -> Foresight:
        """The same, with notices understood by a stored mapping version; empty: by the one in use."""
        ...

    def pins(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """`flow/connection` -> mapping version, and connection -> connector and release."""
        ...


class Handed(Protocol):
    """An item of a run that was handed over, as stored."""

    @property
    def subject(self) -> str: ...

    @property
    def decision(self) -> str: ...

    @property
    def record(self) -> str: ...

    @property
    def connection(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def handed_at(self) -> float: ...


class Carrier(Protocol):
    """Carries items to the lanes by the decisions that people take about cases, and reads off what became of them."""

    def now(self) -> float:
        """The time, as people's decisions are noted by it."""
        ...

    async def hand_over(
        self, tx: AsyncConnection, run: str, by: Person, planned: Foreseen, now: float
    ) -> tuple[int, Ended | None]:
        """Takes the item's decision inside `tx`, on the present state. Gives the case's version after it, and what the
        item ended as at once (None: its lane has it). What would be more dangerous now than planned is skipped.
        """
        ...

    async def outcomes(self, tx: AsyncConnection, items: Sequence[Handed], now: float) -> list[Ended | None]:
        """What is known of each item that was handed over; None: it is still on its way."""
        ...

    async def over(self, tx: AsyncConnection, plan: str, facts: Mapping[str, Any], now: float) -> None:
        """A run has ended, in `tx`: what its plan was started for is known. `facts`: {run, state, counts, left_out}."""
        ...
