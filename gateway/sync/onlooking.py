"""Who looks on while records are decided about, in the same transaction: what follows from a decision outside of the
sync core is durable with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.sync.state import RecordState


class Onlooker(Protocol):
    """Looks at the records that a transaction loaded, after it decided about them. It changes none of them."""

    async def decided(self, tx: AsyncConnection, states: Sequence[RecordState], now: float) -> None:
        """Writes in `tx` what follows. What is raised undoes the decision; IntegrityError has it made again."""
        ...


class NobodyLooks:
    """Nothing follows."""

    async def decided(self, tx: AsyncConnection, states: Sequence[RecordState], now: float) -> None:
        """Nothing."""
