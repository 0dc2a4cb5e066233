"""Looks at records when the clock gives them something to do, or another record does, and nothing else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import structlog
from sqlalchemy import Select, func, select

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.core.background import Background
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.sync.decider import Decider
from gateway.sync.references import look_again
from gateway.sync.stage import Stage
from gateway.sync.unit import Unit
from gateway.sync.wakes import awake

LOOK_S = 1.0
MOST = 200
"""Records of one round."""
RESTS_S = (10.0, 60.0, 600.0)
"""So long a record that could not be looked at is left alone: after the first time, the second, each further one."""

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
        self.failed: Counter[str] = Counter()
        """Kind of error -> how often a record could not be looked at, since the start of this worker."""
        self._resting: dict[str, tuple[int, float]] = {}
        """Record -> how often in a row, and until when it rests."""

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
        return await self._wake(due, awake)

    async def _referring(self) -> int:
        """Records that somebody said something to, and those whose references are to be looked up once more."""
        async with self.database.read() as tx:
            told = [row[0] for row in await tx.execute(spoken_to(self.flows, self._most()))]
            lost = [row[0] for row in await tx.execute(in_doubt(self.flows, self.clock.now(), self._most()))]
        return await self._wake([*told, *lost], look_again)

    def _most(self) -> int:
        """Those that rest stand in nobody's way."""
        return MOST + len(self._resting)

    async def _wake(self, records: Iterable[str], rule: Callable[[Unit], bool]) -> int:
        """Each by itself; returns how many those were that do not rest. Raises StorageError once all were tried."""
        now = self.clock.now()
        turn = [each for each in dict.fromkeys(records) if each not in self._resting or self._resting[each][1] <= now]
        answers = await asyncio.gather(*(self.decider.decide(each, rule) for each in turn), return_exceptions=True)
        away: BaseException | None = None
        for record, answer in zip(turn, answers, strict=True):
            if not isinstance(answer, BaseException):
                self._resting.pop(record, None)
            elif isinstance(answer, StorageError) or not isinstance(answer, Exception):
                away = answer
            else:
                self._rest(record, answer, now)
        if away is not None:
            raise away
        return len(turn)

    def _rest(self, record: str, error: Exception, now: float) -> None:
        times = self._resting.get(record, (0, 0.0))[0] + 1
        pause = RESTS_S[min(times, len(RESTS_S)) - 1]
        self._resting[record] = times, now + pause
        self.failed[type(error).__name__] += 1
        log.error("a record could not be woken", record=record, times=times, again_in_s=pause, exc_info=error)


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
