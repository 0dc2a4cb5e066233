"""Makes the backtests that people asked for while the gateway runs, one at a time in each worker."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from connectors.contract.errors import StorageError
from gateway.core.background import Background
from gateway.work import mapping_jobs
from gateway.work.workplace import Workplace

LOOK_S = 1.0
"""How soon one is noticed that was asked for, or that a dead worker left."""

log = structlog.get_logger()


@dataclass(slots=True)
class Backtester(Background):
    """For one worker. Where a backtest stands is in the database alone; an interrupted one begins anew."""

    place: Workplace
    worker: str

    async def start(self) -> None:
        """Begins to look for backtests."""
        self._keep("backtester", self._loop())

    async def _loop(self) -> None:
        while True:
            try:
                made = await self.once()
            except StorageError as error:
                log.warning("backtests wait for the database", error=str(error))
                made = False
            if not made:
                await asyncio.sleep(LOOK_S)

    async def once(self) -> bool:
        """Makes one that nobody makes; false: there is none. Raises StorageError."""
        given = await mapping_jobs.take(self.place, self.worker)
        if given is None:
            return False
        try:
            await mapping_jobs.make(self.place, given)
        except StorageError:
            raise
        except asyncio.CancelledError:
            await self._left(given)
            raise
        except Exception as error:
            log.error("a backtest failed by a defect", backtest=given.id, exc_info=error)
        return True

    async def _left(self, given: mapping_jobs.Given) -> None:
        try:
            await mapping_jobs.leave(self.place, given)
        except StorageError as error:
            log.warning("a backtest is left to its lease", backtest=given.id, error=str(error))
