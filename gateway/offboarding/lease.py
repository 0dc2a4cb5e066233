"""Until when a worker may go on with one person in one system: a short while, renewed as long as the work goes on.

Short, because whoever dies holds the person up for so long; renewed, because a request may take longer than that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError

LEASE_S = 15.0
"""Deadlines of minutes have to outlive a worker that dies."""
RENEWALS = 3
"""So often within its time a lease is renewed: two that fail lose nothing yet."""


class Lost(Exception):
    """Somebody else has it by now, or it is over: what was done is looked at by whoever goes on."""


@dataclass(slots=True)
class Lease:
    """Of one claim. While it is entered it is renewed. `until`: by the monotonic clock, read before the claim began,
    so that it is over here before it is over for anybody else.
    """

    clock: Clock
    lasts_s: float
    until: float
    renew: Callable[[], Awaitable[None]]
    """Makes it last as long from now on. Raises Lost and StorageError."""
    _under_way: asyncio.Timeout | None = None
    _keeper: asyncio.Task[None] | None = field(default=None)

    async def __aenter__(self) -> Lease:
        self._keeper = asyncio.create_task(self._keep(), name="leaver-lease")
        return self

    async def __aexit__(self, *_: object) -> None:
        """A defect of the renewal is raised here."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self.lasts_s / RENEWALS)
            began = self.clock.monotonic()
            try:
                await self.renew()
            except StorageError:
                continue  # what is left of its time is there to try again
            except Lost:
                self._lasts(until=began)
                return
            self._lasts(until=began + self.lasts_s)

    def _lasts(self, *, until: float) -> None:
        self.until = until
        if self._under_way is not None:
            self._under_way.reschedule(self._ends_at())

    def _ends_at(self) -> float:
        """By the clock of the event loop."""
        return asyncio.get_running_loop().time() + self.until - self.clock.monotonic()

    @contextlib.asynccontextmanager
    async def requests(self) -> AsyncIterator[None]:
        """Around what may reach the system, one at a time: it is cut off when the lease is over, and does not begin
        behind that, as in a process that stood still meanwhile. Raises Lost.
        """
        if self.until <= self.clock.monotonic():
            raise Lost
        scope = self._under_way = asyncio.timeout_at(self._ends_at())
        try:
            async with scope:
                yield
        except TimeoutError:
            if scope.expired():
                raise Lost from None
            raise
        finally:
            self._under_way = None
