"""Signs where the trail stands, now and then and at the end, and keeps that outside of the database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.audit.checkpoints import FILE_NAME, checkpoint
from gateway.core.background import Background
from gateway.storage.database import Database

EVERY_S = 300.0
"""How much an older copy of the whole database may take away without being noticed by the file."""

log = structlog.get_logger()


class Checkpointing(Background):
    """Every worker has a file of its own; the first look compares it with the database that it finds."""

    def __init__(self, database: Database, data: Path, clock: Clock) -> None:
        self.database, self.file, self.clock = database, data / FILE_NAME, clock

    async def start(self) -> None:
        """Begins."""
        self._keep("checkpoints", self._loop())

    async def _loop(self) -> None:
        while True:
            await self._once()
            await asyncio.sleep(EVERY_S)

    async def _once(self) -> None:
        try:
            await checkpoint(self.database, self.file, now=self.clock.now())
        except StorageError as error:
            log.warning("a checkpoint of the audit trail waits for the database", error=str(error))
        except OSError as error:
            log.error("a checkpoint of the audit trail was not written", file=str(self.file), error=str(error))

    async def stop(self) -> None:
        """Ends, with what came last in the file."""
        await super().stop()
        await self._once()
