"""A flow was moved to another stage: what its former stage withheld comes back into work.

Every lane bears the stage that withheld it, so nothing hangs on who noticed the move, or on when: a lane whose mark is
not of the present stage is let go by whichever worker finds it first, in a transaction of its own.
"""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy import select

from connectors.contract.errors import StorageError
from gateway.core.background import Background
from gateway.delivery.apart import Apart
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.sync.decider import Decider
from gateway.sync.resting import release
from gateway.sync.stage import Stage, mark

EVERY_S = 1.0
MOST = 200
"""Records in one turn: what a flow collected in months must not keep the decisions of the present waiting."""

log = structlog.get_logger()


class Released(Background):
    """Of one worker."""

    def __init__(self, database: Database, decider: Decider) -> None:
        self.database, self.decider = database, decider
        self.apart = Apart(decider)

    async def start(self) -> None:
        """Begins to look."""
        self._keep("released", self._loop())

    async def once(self) -> int:
        """Lets some go; returns how many records were looked at, `MOST` or more if others may be left. Raises
        StorageError.
        """
        lane, stages = t.lane.c, self.decider.stages
        async with self.database.read() as tx:
            await stages.renew(tx)
            over = [mark(each, flow) for flow in stages.begins for each in Stage if each is not stages.of(flow)]
            query = select(lane.record).where(t.WITHHELD, lane.withheld.in_(over)).distinct()
            query = query.limit(MOST + self.apart.resting)
            records = list((await tx.execute(query)).scalars())
        return await self.apart.decide(records, release)

    async def _loop(self) -> None:
        while True:
            try:
                if await self.once() >= MOST:
                    continue
            except StorageError as error:
                log.warning("withheld lanes wait for the database", error=str(error))
            await asyncio.sleep(EVERY_S)
