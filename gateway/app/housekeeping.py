"""What runs now and then beside the work: forgetting what may be forgotten (P7)."""

from __future__ import annotations

import asyncio

import structlog

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.config.values import Retention
from gateway.delivery.scout import forget_tries
from gateway.storage.database import Database
from gateway.sync.retention import sweep

EVERY_S = 3600.0

log = structlog.get_logger()


class Housekeeping:
    """Sweeps at the start and every hour. Several workers may do so at once: deleting twice deletes once."""

    def __init__(self, database: Database, retention: Retention, clock: Clock) -> None:
        self.database, self.retention, self.clock = database, retention, clock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins."""
        self._task = asyncio.create_task(self._loop(), name="housekeeping")

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Runs until `stop`; one that ends by itself is a defect."""
        return [self._task] if self._task else []

    async def stop(self) -> None:
        """Ends at once; the next sweep goes on where this one was."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _loop(self) -> None:
        keep = self.retention
        while True:
            try:
                swept = await sweep(
                    self.database,
                    journal_s=keep.journal_s,
                    receipts_s=keep.receipts_s,
                    cases_s=keep.cases_s,
                    audit_s=keep.audit_s,
                    now=self.clock.now(),
                )
                await forget_tries(self.database, now=self.clock.now())
            except StorageError as error:
                log.warning("housekeeping waits for the database", error=str(error))
            else:
                log.info("swept", notices=swept.notices, attempts=swept.attempts, cases=swept.cases, audit=swept.audit)
            await asyncio.sleep(EVERY_S)
