"""What a departure needs of parts that it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.offboarding.values import Leaver, Place


class Gone(Protocol):
    """Keeps whoever has left from being given anything again (P8)."""

    async def departs(self, tx: AsyncConnection, leaver: Leaver, places: Sequence[Place], now: float) -> None:
        """From the commit on. Said again, with accounts that were found since: they are added."""
        ...

    async def leave(self, leaver: Leaver) -> None:
        """Gives the person's records their tombstone, in transactions of its own; said again it is nothing."""
        ...
