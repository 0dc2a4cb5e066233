"""Looks at records when the clock gives them something to do, or another record does, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import structlog
from sqlalchemy import Select, func, select

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.core.background import Background
from gateway.delivery.apart import Apart
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.sync.decider import Decider
from gateway.sync.references import look_again
from gateway.sync.stage import Stage
from gateway.sync.wakes import awake

LOOK_S = 1.0
MOST = 200
"""Records of one round."""

log = structlog.get_logger()


class Waker(Background):
    """Wakes records of live flows at their time, or at most about a second later. Which are due stands in the database,
    so a restart forgets none. Two workers may wake the same one: the second finds nothing to do. One that meets a
    defect keeps nobody else from being woken.
    """

    def __init__(self, database: Database, decider: Decider, clock: Clock, flows: Collection[str]) -> None:
        self.database, self.decider, self.clock = database, decider, clock
        self.flows = sorted(flows)
        """Of others, that were taken out of the configuration, nobody could decide anything."""
        self.apart = Apart(decider)

    async def start(self) -> None:
        """Begins to look."""
        self._keep("waker", self._loop())

    async def _loop(self) -> None:
        while True:
            try:
                while await self.once() >= MOST:
                    pass
            except StorageError as error:
                log.warning("waker waits for the database", error=str(error))
            await asyncio.sleep(LOOK_S)

    async def once(self) -> int:
        """Wakes what is due now; returns how many records that were."""
        return await self._due() + (await self._referring() if self.decider.topology.refers else 0)

    async def _due(self) -> int:
        wake, stages = t.wake.c, self.decider.stages
        async with self.database.read() as tx:
            await stages.renew(tx)
            live = [flow for flow in self.flows if stages.of(flow) is Stage.LIVE]
            query = select(wake.record).where(wake.flow.in_(live), wake.at <= self.clock.now())
            due = [row[0] for row in await tx.execute(query.order_by(wake.at, wake.record).limit(self._most()))]
        return await self.apart.decide(due, awake)

    async def _referring(self) -> int:
        """Records that somebody said something to, and those whose references are to be looked up once more."""
        async with self.database.read() as tx:
            told = [row[0] for row in await tx.execute(spoken_to(self.flows, self._most()))]
            lost = [row[0] for row in await tx.execute(in_doubt(self.flows, self.clock.now(), self._most()))]
        return await self.apart.decide([*told, *lost], look_again)

    def _most(self) -> int:
        """Those that rest stand in nobody's way."""
        return MOST + self.apart.resting


def spoken_to(flows: Sequence[str], most: int = MOST) -> Select[Any]:
    """Records of these flows that have not heard all that was said to them, who waits longest first."""
    remark = t.remark.c
    query = select(remark.record, func.min(remark.said_at).label("at")).where(remark.flow.in_(flows))
    return query.group_by(remark.record).order_by("at", remark.record).limit(most)


def in_doubt(flows: Sequence[str], now: float, most: int = MOST) -> Select[Any]:
    """Records of these flows whose references are to be looked up once more."""
    reference = t.reference.c
    query = select(reference.record).where(reference.flow.in_(flows), reference.due <= now)
    return query.distinct().order_by(reference.record).limit(most)
