"""From the audit chain into the spool of one sink. What was looked at and what it gave are one transaction."""

from __future__ import annotations

from functools import partial
from typing import Any

import structlog

from connectors.contract.errors import StorageError
from gateway.audit.floor import keep_from
from gateway.config.siem import Sink
from gateway.siem import picking, store
from gateway.siem.numbering import Numbering
from gateway.siem.place import Bells, Lost, Place, heard
from gateway.siem.store import Standing

LOOK_S = 1.0
"""At least so often, also when nobody says that the chain has grown."""
KEEP_EVERY = 5_000
"""Entries that are not for the sink, after which its position is stored all the same."""
ROOM_AGAIN = 0.9
"""Share of a spool that was full at which it takes events again."""

log = structlog.get_logger()


class Feeder:
    """Of one sink, on the worker that has its lease."""

    def __init__(self, place: Place, sink: Sink, bells: Bells) -> None:
        self.place, self.sink, self.bells = place, sink, bells
        self._looked = 0
        self._numbering: Numbering | None = None

    async def loop(self) -> None:
        """Until cancelled. Raises Lost. A database that is away is waited for."""
        while True:
            try:
                more = await self.turn()
            except StorageError as error:
                log.warning("a feed waits for the database", sink=self.sink.name, error=str(error))
                more = False
            if not more:
                await heard(self.bells.entries, self.bells.room, within_s=LOOK_S)

    async def turn(self) -> bool:
        """Takes what there is; True: there may be more. Raises Lost, StorageError."""
        now = self.place.clock.now()
        async with self.place.database.read() as tx:
            before = await store.standing(tx, self.sink.name)
            if before is None or before.owner != self.place.worker or before.removed_at:
                raise Lost(f"{self.sink.name} is fed by another worker")
            if self._is_full(before):
                return False
            position = max(before.position, self._looked)
            found = await picking.look(tx, self.sink, position)
            wants_beat = self._wants_beat(before, found, now)
            link = await picking.link_of(tx, found.upto) if wants_beat else ""
            numbering = await self._at(tx, before)
        self._looked = found.upto
        for row in found.rows:
            numbering.add(partial(picking.event_of, row, self.sink, self.place.personal), now)
        if wants_beat:
            numbering.beat(now, found.upto, link, before.number - before.sent)
        if numbering.rows or found.upto - before.position >= KEEP_EVERY:
            await self._put(before, numbering, found.upto, now)
        return found.upto < found.head

    def _is_full(self, before: Standing) -> bool:
        """What it has no room for waits in the chain, which keeps it for this sink."""
        return before.waiting >= self.sink.spool * (ROOM_AGAIN if before.full_at else 1)

    def _wants_beat(self, before: Standing, found: picking.Found, now: float) -> bool:
        """In silence only: while something waits, a sign of life would wait with it."""
        silent = not found.rows and found.upto == found.head and before.sent >= before.number
        return bool(before.asked) or (silent and now - before.told_at >= self.sink.heartbeat_s)

    async def _at(self, tx: Any, before: Standing) -> Numbering:
        """Goes on with what this worker made last, if that is what is stored."""
        kept = self._numbering
        same = kept is not None and (kept.number, kept.previous) == (before.number, before.previous)
        digests = kept.digests if kept is not None and same else await store.digests(tx, before.name, before.segment)
        return Numbering(self.sink, self.place.sender, self.place.signer, before, digests)

    async def _put(self, before: Standing, numbering: Numbering, position: int, now: float) -> None:
        moved = numbering.moved(position, now) if numbering.rows else {"position": position}
        moved |= {"asked": 0} if before.asked and numbering.rows else {}
        async with self.place.database.begin("siem.put") as tx:
            if not await store.put(tx, before, self.place.worker, numbering.rows, **moved):
                raise Lost(f"{self.sink.name} is fed by another worker")
            await keep_from(tx, keeper_of(self.sink.name), position)
        self._numbering = numbering
        if numbering.rows:
            self.bells.events.set()


def keeper_of(name: str) -> str:
    """As whom a sink keeps entries of the chain from being deleted."""
    return f"siem:{name}"
