"""Makes the plans of replays that people asked for while the gateway runs, one at a time in each worker."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from connectors.contract.errors import StorageError
from gateway.core.background import Background
from gateway.work.replay_planning import maker_of
from gateway.work.workplace import Workplace
from replay.making import Maker
from replay.makings import Claim

LOOK_S = 1.0
"""How soon a plan is noticed that was asked for at another worker, or that a dead one left."""

log = structlog.get_logger()


@dataclass(slots=True)
class Planner(Background):
    """For one worker, beside its runs: a plan of a hundred thousand cases takes none of their time but its share."""

    maker: Maker
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever asked for a plan at this worker: it need not wait for the next look."""

    async def start(self) -> None:
        """Begins to look for plans to make."""
        self._keep("planner", self._loop())

    async def _loop(self) -> None:
        while True:
            try:
                made = await self.once()
            except StorageError as error:
                log.warning("plans wait for the database", error=str(error))
                made = False
            if not made:
                await self._wait()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self.stirred.wait()
        self.stirred.clear()

    async def once(self) -> bool:
        """Makes a plan that nobody makes; false: there is none. Whatever becomes of it is in its row. Raises
        StorageError, after which its lease runs out.
        """
        claim = await self.maker.take()
        if claim is None:
            return False
        try:
            await self.maker.make(claim)
        except StorageError:
            raise
        except asyncio.CancelledError:
            await self._left(claim)
            raise
        except Exception as error:
            log.error("a plan failed by a defect", plan=claim.plan, exc_info=error)
        return True

    async def _left(self, claim: Claim) -> None:
        """This worker stops: another one begins it at once."""
        try:
            await self.maker.leave(claim)
        except StorageError as error:
            log.warning("a plan is left to its lease", plan=claim.plan, error=str(error))


def planner_of(place: Workplace, worker: str, stirred: asyncio.Event) -> Planner:
    """One for each worker. `stirred`: what `place.stir` sets."""
    return Planner(maker_of(place, worker), stirred)
