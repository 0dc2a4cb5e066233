"""From the spool of one sink to its receiver, in order. One that is away is waited for; no try is ever the last."""

from __future__ import annotations

import asyncio

import structlog

from connectors.contract.errors import StorageError
from gateway.config.siem import Sink
from gateway.core.points import reached
from gateway.siem import store
from gateway.siem.place import Bells, Lost, Place, heard
from gateway.siem.store import State
from gateway.siem.ways.port import AGAIN, Away, Line, Proof, SaidNo, Way
from gateway.sync.backoff import Backoff

OCTETS = 600_000
"""Of one batch: an event collector takes a megabyte by default, envelopes included."""
LOOK_S = 0.25
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
LONGEST_RETRY_S = 3600.0
"""A receiver that asks for more patience is asked once an hour."""
LONGEST_REASON = 300

log = structlog.get_logger()


class Sending:
    """Of one sink, on the worker that has its lease."""

    def __init__(self, place: Place, sink: Sink, way: Way, bells: Bells) -> None:
        self.place, self.sink, self.way, self.bells = place, sink, way, bells
        self._backoff = Backoff(place.chance, base_s=FIRST_WAIT_S, cap_s=LONGEST_WAIT_S)
        self._proof = Proof(0, 0)
        """As it is stored."""
        self._told = 0
        """Last number that the way has proved; after a break it proves some of it once more."""
        self._memory = ""
        self._handed = 0
        self._failures = 0
        self._state = State.NEW

    async def loop(self) -> None:
        """Until cancelled. Raises Lost. A database that is away is waited for."""
        began = False
        try:
            while True:
                try:
                    if not began:
                        await self.begin()
                        began = True
                    idle = not await self.turn()
                except Away as error:
                    await self._failed(error)
                    continue
                except StorageError as error:
                    # What was handed over and could not be noted is handed over again.
                    log.warning("a feed waits for the database", sink=self.sink.name, error=str(error))
                    began, idle = False, True
                if idle:
                    await heard(self.bells.events, within_s=LOOK_S)
        finally:
            await self.way.close()

    async def begin(self) -> None:
        """Goes on where the last holder stood. Raises Lost, StorageError."""
        async with self.place.database.read() as tx:
            before = await store.standing(tx, self.sink.name)
        if before is None or before.owner != self.place.worker:
            raise Lost(f"{self.sink.name} is sent by another worker")
        await self.way.drop()
        self._take_up(before.proof, before.memory)
        self._failures, self._state = before.failures, before.state

    def _take_up(self, proof: Proof, memory: str) -> None:
        self._proof, self._memory = proof, memory
        self._handed = self._told = self.way.begin(proof, memory)

    async def turn(self) -> bool:
        """Hands over what waits, and notes what arrived. False: there was nothing to do. Raises Away, Lost."""
        async with self.place.database.read() as tx:
            wished = await store.wished(tx, self.sink.name)
            lines = [] if self.way.full else await store.lines(tx, self.sink.name, self._handed, self.way.most, OCTETS)
        if wished:
            await self._again(wished)
            return True
        if lines:
            await self._hand(lines)
        proof = await self.way.proven(idle=not lines)
        await self._note(proof)
        return bool(lines)

    async def _hand(self, lines: list[Line]) -> None:
        reached("siem.before_send")
        await self.way.hand(lines)
        reached("siem.after_answer")
        self._handed = lines[-1].number
        if self.way.memory() != self._memory:
            await self._note(Proof(self._told, self._proof.settled))

    async def _note(self, proof: Proof) -> None:
        """What the receiver has, and what the way must not forget. A break takes back nothing that is stored."""
        stored = Proof(max(proof.sent, self._proof.sent), max(proof.settled, self._proof.settled))
        memory, more = self.way.memory(), proof.sent > self._told
        if stored == self._proof and memory == self._memory and not (more and self._state is not State.WORKING):
            self._told = max(self._told, proof.sent)
            return
        told: dict[str, object] = {"memory": memory}
        if more:
            now = self.place.clock.now()
            told |= {"sent_at": now, "failures": 0, "reason": "", "state": State.WORKING}
            told |= {} if self._state is State.WORKING else {"since": now}
        async with self.place.database.begin("siem.sent") as tx:
            if not await store.proved(tx, self.sink.name, self.place.worker, stored, **told):
                raise Lost(f"{self.sink.name} is sent by another worker")
        self._proof, self._memory, self._told = stored, memory, max(self._told, proof.sent)
        if more:
            self._failures, self._state = 0, State.WORKING
            self.bells.room.set()

    async def _failed(self, error: Away) -> None:
        """Lets go, says so, and waits. Raises Lost."""
        self._handed = self._told = await self.way.drop()
        self._failures += 1
        state = State.REFUSED if isinstance(error, SaidNo) else State.FAILING
        now, reason = self.place.clock.now(), str(error)[:LONGEST_REASON]
        told = {"state": state, "reason": reason, "failures": self._failures, "memory": self.way.memory()}
        told |= {} if state is self._state else {"since": now}
        try:
            async with self.place.database.begin("siem.failed") as tx:
                refused = {"refused": store.one_more()} if state is State.REFUSED else {}
                if not await store.proved(tx, self.sink.name, self.place.worker, self._proof, **told, **refused):
                    raise Lost(f"{self.sink.name} is sent by another worker")
        except StorageError as away:
            log.warning("a feed waits for the database", sink=self.sink.name, error=str(away))
        self._state, self._memory = state, self.way.memory()
        wait_s = max(self._backoff.delay(self._failures), error.retry_after_s)
        log.warning("a receiver cannot be reached", sink=self.sink.name, reason=reason, again_in_s=round(wait_s, 1))
        await asyncio.sleep(min(wait_s, LONGEST_RETRY_S))

    async def _again(self, number: int) -> None:
        """Somebody wants everything from this event on sent once more."""
        await self.way.drop()
        proof = Proof(number - 1, number - 1)
        async with self.place.database.begin("siem.again") as tx:
            gone = await store.octets_before(tx, self.sink.name, number)
            told = {"again": 0, "memory": AGAIN}
            if not await store.proved(tx, self.sink.name, self.place.worker, proof, gone=gone, **told):
                raise Lost(f"{self.sink.name} is sent by another worker")
        self._take_up(proof, AGAIN)
