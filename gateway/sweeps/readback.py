"""A rolling sample of objects with nothing to do is read and compared with what we hold them to show: finds the edit
whose webhook and poll were both lost. What differs is not believed here: the lane reads it again and absorbs that read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import func, select

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.errors import Refused
from connectors.contract.values import Change, ChangeKind, Item, Ref, Snapshot
from gateway.storage.database import Database
from gateway.streams.port import Stream
from gateway.sweeps import book
from gateway.sweeps.book import Cursor, Round
from gateway.sweeps.known import idle_lane
from gateway.sweeps.notices import tell
from gateway.sweeps.sweeper import Step, count
from gateway.sync import tables as t
from gateway.sync.decider import Decider
from gateway.sync.recheck import Differences, differences
from gateway.sync.state import LinkState

EVERY_S = 900.0
"""Pause between two slices of the sample."""
DAY_S = 86400.0
LEAST_ASKED = 100
"""A person who asks for a round wants to see something: so many objects, or all if there are fewer."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sampled:
    """The next object of the sample, as our tables know it."""

    ref: Ref
    record: str
    rev: int
    since: float


@dataclass(slots=True)
class Readback:
    """Reads `share` of a connection's linked objects a day, in the order of their ids, round and round."""

    connection: str
    objects: Sequence[str]
    connector: Connector
    decider: Decider
    stream: Stream
    database: Database
    clock: Clock
    share: float
    every_s: float = EVERY_S
    ids_swept: bool = True
    """Deletions have a sweep of their own here."""
    name: str = "readback"

    async def step(self, round: Round, cursor: Cursor) -> Step:
        """One read."""
        if "left" not in cursor:
            cursor = await self._slice(round)
        sampled = await self._next(cursor) if cursor["left"] > 0 else None
        if sampled is None:
            left = {name: cursor[name] for name in ("object", "after", "owed")}
            return Step({**left, "counts": cursor.get("counts", {})}, done=True)
        cursor = {**cursor, "after": sampled.ref.id, "left": cursor["left"] - 1}
        await self._look(sampled, cursor)
        return Step(cursor)

    async def _slice(self, round: Round) -> Cursor:
        """How many to read now: what the time since the last slice amounts to; fractions are carried over."""
        async with self.database.read() as tx:
            link = t.link.c
            query = select(func.count()).where(link.connection == self.connection, link.state == LinkState.PRIMARY)
            total = int((await tx.execute(query)).scalar_one())
        since = round.started_at - (round.before_at or round.since)
        owed = float(round.before.get("owed", 0.0)) + total * self.share * since / DAY_S
        if round.asked:
            share = float(round.asked.get("share", self.share))
            owed = max(owed, math.ceil(total * share), LEAST_ASKED)
        left = min(int(owed), total)
        here = {"object": round.before.get("object", self.objects[0]), "after": round.before.get("after", "")}
        return {**here, "left": left, "owed": min(owed - left, float(total)) if left < total else 0.0}

    async def _next(self, cursor: Cursor) -> Sampled | None:
        """The next one with nothing to do, beginning again after the last; None where there is none at all."""
        order = [each for each in self.objects if each >= cursor["object"]]
        for object in order:
            found = await self._after(object, cursor["after"] if object == cursor["object"] else "")
            if found is not None:
                cursor["object"] = object
                return found
        if cursor["after"] == "":
            return None
        cursor |= {"object": self.objects[0], "after": ""}
        return await self._next(cursor)

    async def _after(self, object: str, after: str) -> Sampled | None:
        link, record = t.link.c, t.record.c
        query = (
            select(link.object_id, link.object_key, record.id, record.rev, record.created_at)
            .join(t.record, record.id == link.record)
            .where(
                link.connection == self.connection,
                link.object == object,
                link.object_id > after,
                link.state == LinkState.PRIMARY,
                ~record.tombstoned,
                idle_lane(record.id, self.connection),
            )
            .order_by(link.object_id)
            .limit(1)
        )
        async with self.database.read() as tx:
            row = (await tx.execute(query)).one_or_none()
        return None if row is None else Sampled(Ref(object=object, id=row[0], key=row[1]), row[2], row[3], row[4])

    async def _look(self, sampled: Sampled, cursor: Cursor) -> None:
        count(cursor, "read")
        try:
            shown = await self.connector.read(sampled.ref, items=self.connector.specs[sampled.ref.object].items)
        except Refused as error:
            log.warning(
                "an object may not be read back", connection=self.connection, id=sampled.ref.id, error=str(error)
            )
            count(cursor, "refused")
            return
        if not shown.exists:
            await self._absent(sampled, cursor)
            return
        found = await self._compare(sampled, shown)
        if found is None:
            count(cursor, "moved_meanwhile")
            return
        if found.fields:
            count(cursor, "differing")
            log.warning(
                "an edit that nobody told of", connection=self.connection, id=sampled.ref.id, fields=found.fields
            )
        if found.items:
            count(cursor, "comments", len(found.items))
            await tell(self.stream, [self._item(sampled.ref, item) for item in found.items])

    async def _compare(self, sampled: Sampled, shown: Snapshot) -> Differences | None:
        """Comments older than the record are not its story: they were there before anything was carried over."""
        member = self.decider.topology.by_object[(self.connection, shown.object)].members[self.connection]
        since = sampled.since - member.spec.granularity_s - member.skew_s
        items = [(self.connection, item) for item in shown.items or () if item.at >= since]

        def rule(unit: Any) -> Differences | None:
            return differences(unit, self.connection, shown, [item for _, item in items], rev=sampled.rev)

        return await self.decider.decide(sampled.record, rule, items=items)

    async def _absent(self, sampled: Sampled, cursor: Cursor) -> None:
        """Deletions are concluded by the sweep that has a guard for them; it is asked to look now."""
        count(cursor, "absent")
        log.warning("an object is not there any more", connection=self.connection, id=sampled.ref.id)
        if self.ids_swept:
            wishes = {"by": "lockstep"}
            await book.ask(self.database, self.connection, ["ids"], wishes, now=self.clock.now())

    def _item(self, ref: Ref, item: Item) -> Change:
        return Change(
            connection=self.connection,
            delivery_key=f"sweep:{ref.object}:{ref.id}:item:{item.id}",
            kind=ChangeKind.ITEM,
            snapshot=Snapshot(object=ref.object, id=ref.id, key=ref.key, partial=True, items=(item,)),
            received_at=self.clock.now(),
            occurred_at=item.at or None,
            via="sweep",
        )
