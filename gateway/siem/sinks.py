"""The feeds of a worker: it takes the leases of sinks that nobody feeds, and keeps two tasks for each, so that a slow
or dead receiver holds up no other.
"""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from connectors.contract.errors import LockstepError, StorageError
from gateway.audit.chain import tell
from gateway.config.siem import Sink
from gateway.core.background import Background
from gateway.siem import picking, store
from gateway.siem.entering import enter
from gateway.siem.feeder import Feeder
from gateway.siem.place import Bells, Lost, Place, heard
from gateway.siem.sending import Sending
from gateway.siem.upkeep import Upkeep
from gateway.siem.ways.choosing import way_of

TURN_S = 5.0
"""How often leases are looked after, and what waits is judged."""
WATCH_S = 0.2
"""How late the entries of other processes are seen; those of this one are told at once."""
DEFECT_WAIT_S = 10.0

log = structlog.get_logger()


class Sinks(Background):
    """All sinks of the configuration. Cancelling loses nothing: the next holder goes on where the tables stand."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.stirred = asyncio.Event()
        """Set with each commit of this process that brings an entry which matters."""
        self._upkeep = Upkeep(place)
        self._bells: dict[str, Bells] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._mine: set[str] = set()
        self._claim_at = 0.0
        self._entered = False

    async def start(self) -> None:
        """Begins."""
        tell(self.place.database, self.stirred.set)
        self._keep("siem-sinks", self._loop())
        self._keep("siem-watch", self._watch())

    async def stop(self) -> None:
        """Ends at once, and lets another worker go on at once."""
        await super().stop()
        serving, self._serving = list(self._serving.values()), {}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        try:
            async with self.place.database.begin("siem.release") as tx:
                await store.release(tx, self.place.worker)
        except (StorageError, SQLAlchemyError):
            log.info("leases of sinks end by themselves")

    async def _loop(self) -> None:
        while True:
            try:
                await self.turn()
            except StorageError as error:
                log.warning("the feeds wait for the database", error=str(error))
            await asyncio.sleep(TURN_S)

    async def turn(self) -> None:
        """Takes and renews leases, begins with sinks that became ours. Raises StorageError."""
        if not self._entered:
            await enter(self.place)
            self._entered = True
        if self.place.siem.sinks:
            await self._claim()
        for name in sorted(self._mine):
            task = self._serving.get(name)
            if task is None or task.done():
                self._begin(self.place.siem.sinks[name])
            await self._upkeep.see_to(self.place.siem.sinks[name])

    async def _claim(self) -> None:
        """Not more often than it needs to while all are ours."""
        now, names = self.place.clock.now(), list(self.place.siem.sinks)
        if len(self._mine) < len(names) or now >= self._claim_at:
            async with self.place.database.begin("siem.claim") as tx:
                self._mine = await store.claim(tx, names, self.place.worker, now)
            self._claim_at = now + store.LEASE_S / 3

    def _begin(self, sink: Sink) -> None:
        bells = self._bells[sink.name] = Bells()
        self._serving[sink.name] = asyncio.create_task(self._serve(sink, bells), name=f"siem-{sink.name}")

    async def _serve(self, sink: Sink, bells: Bells) -> None:
        """Until the sink is another's. A defect of ours in one feed ends no other: it is told, and tried again."""
        while True:
            try:
                await self._both(sink, bells)
            except ExceptionGroup as group:
                if group.subgroup(Lost) is not None:
                    return
                await self._trouble(sink, group.exceptions[0])
            except LockstepError as error:
                await self._trouble(sink, error)
            await asyncio.sleep(DEFECT_WAIT_S)

    async def _both(self, sink: Sink, bells: Bells) -> None:
        sending = Sending(self.place, sink, way_of(self.place, sink), bells)
        async with asyncio.TaskGroup() as group:
            group.create_task(Feeder(self.place, sink, bells).loop(), name=f"siem-feeder-{sink.name}")
            group.create_task(sending.loop(), name=f"siem-sending-{sink.name}")

    async def _trouble(self, sink: Sink, error: Exception) -> None:
        known = isinstance(error, LockstepError)
        reason = str(error) if known else f"a defect of ours: {type(error).__name__}"
        log.error("a feed stands still", sink=sink.name, reason=reason, exc_info=None if known else error)
        try:
            async with self.place.database.begin("siem.stands") as tx:
                told = {"state": store.State.REFUSED, "reason": reason[:300], "since": self.place.clock.now()}
                await store.change(tx, sink.name, **told)
        except StorageError as away:
            log.warning("the feeds wait for the database", error=str(away))

    async def _watch(self) -> None:
        """One look at the head of the chain for all feeds."""
        seen = -1
        while True:
            await heard(self.stirred, within_s=WATCH_S)
            if not self._serving:
                continue
            try:
                async with self.place.database.read() as tx:
                    head = await picking.head_of(tx)
            except StorageError:
                continue
            if head != seen:
                seen = head
                for bells in self._bells.values():
                    bells.entries.set()
