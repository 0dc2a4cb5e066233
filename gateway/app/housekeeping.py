"""What runs now and then beside the work: forgetting what may be forgotten (P7), and what time does to cases."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import structlog

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.api.keys import forget_answers
from gateway.config.values import Retention
from gateway.core.background import Background
from gateway.delivery.scout import forget_tries
from gateway.storage.database import Database
from gateway.sync.retention import Kept, sweep
from gateway.work.case_upkeep import begin, keep_up
from gateway.work.workplace import Workplace

EVERY_S = 3600.0
CASES_EVERY_S = 15.0
"""How late a parked case may come back, and a due time be noticed."""

log = structlog.get_logger()


class Housekeeping(Background):
    """Sweeps at the start and every hour, and sees to the cases more often. Several workers may do so at once: deleting
    twice deletes once, and a case that another one holds is left to it.
    """

    def __init__(self, database: Database, retention: Retention, clock: Clock, place: Workplace | None = None) -> None:
        """Without a `place` cases are left alone."""
        self.database, self.retention, self.clock, self.place = database, retention, clock, place

    async def start(self) -> None:
        """Begins."""
        self._keep("housekeeping", self._loop())
        if self.place is not None:
            self._keep("cases", self._cases(self.place))

    async def _cases(self, place: Workplace) -> None:
        begun = False
        while True:
            try:
                if not begun:
                    await begin(place)
                begun = True
                await keep_up(place)
            except StorageError as error:
                log.warning("cases wait for the database", error=str(error))
            await asyncio.sleep(CASES_EVERY_S)

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
                    archive_s=keep.archive_s,
                    apart=[Kept(each.cases_s, each.lineage_s, each.archive_s, each.flows) for each in keep.apart],
                    now=self.clock.now(),
                )
                await forget_tries(self.database, now=self.clock.now())
                await forget_answers(self.database, now=self.clock.now())
            except StorageError as error:
                log.warning("housekeeping waits for the database", error=str(error))
            else:
                log.info("swept", **asdict(swept))
            await asyncio.sleep(EVERY_S)
