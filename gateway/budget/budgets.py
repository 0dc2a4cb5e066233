"""The budgets of one worker's connections, kept tidy in the background: what is not used goes back, what a system said
is told to the other workers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.budget.adapting import Adaptive
from gateway.budget.admission import Budget
from gateway.budget.found import Finder, forget, write
from gateway.budget.store import Referee, heard, referee_of, tell
from gateway.config.budget import BudgetRules
from gateway.core.background import Background
from gateway.storage.database import Database

EVERY_S = 1.0

log = structlog.get_logger()


class Budgets(Background):
    """Of one worker. One that dies without `stop` keeps its places until their lease ends, and what its slices hold
    counts as sent.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        worker: str,
        rules: Mapping[str, BudgetRules],
        referee: Referee | None = None,
        at_once: Mapping[str, int] | None = None,
    ) -> None:
        """`at_once`: requests in flight that this worker may have at most; how many of these a system takes well is
        found out.
        """
        self.database, self.clock, self.worker = database, clock, worker
        by = referee or referee_of(clock)
        most = at_once or {}
        self.budgets = {
            name: Budget(
                name,
                each,
                database,
                clock,
                worker,
                by,
                adaptive=Adaptive(clock, most[name]) if name in most else None,
            )
            for name, each in rules.items()
        }
        self._finder = Finder(clock, worker)

    async def start(self) -> None:
        """Returns when it is known what other workers heard. Raises StorageError."""
        await self.once()
        self._keep("budgets", self._loop())

    async def stop(self) -> None:
        """Gives everything back."""
        await super().stop()
        try:
            for each in self.budgets.values():
                await each.tidy(ends=True)
            async with self.database.begin("budget.forget") as tx:
                await forget(tx, self.worker)
        except StorageError as error:
            log.warning("budgets are left to their leases", error=str(error))

    async def _loop(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.once()
            except StorageError as error:
                log.warning("budgets wait for the database", error=str(error))

    async def once(self) -> None:
        """One round. Writes nothing while nothing is sent. Raises StorageError."""
        for each in self.budgets.values():
            await each.tidy()
        await self._tell()
        async with self.database.read() as tx:
            found = await heard(tx)
        now = self.clock.now()
        for name, budget in self.budgets.items():
            budget.learned.heard(found.get(name, ()), now)

    async def _tell(self) -> None:
        now = self.clock.now()
        news = {name: said for name, each in self.budgets.items() if (said := each.learned.news(now))}
        limits = {name: (each.adaptive, each.in_flight) for name, each in self.budgets.items() if each.adaptive}
        found = self._finder.news(limits)
        if not (news or found):
            return
        async with self.database.begin("budget.tell") as tx:
            for name, said in news.items():
                await tell(tx, name, said)
            if found:
                await write(tx, found)
        for name, said in news.items():
            self.budgets[name].learned.wrote(said)
        self._finder.wrote(limits, found)
