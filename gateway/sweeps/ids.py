"""What a system holds, compared with what we know of it: deletions and objects that nobody told of (SYNC.md W8).

A list is never believed alone. What it leaves out is read, and only "it is not there" counts; what it shows and we do
not know goes in as a hint, so that the object is read and the flow's `where` decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector, ListsIds
from connectors.contract.errors import Refused
from connectors.contract.values import Change, ChangeKind, Listed, Ref, Snapshot
from dead_letter import store as cases
from dead_letter.values import CaseClass, NewCase
from gateway.audit.ended import note_back
from gateway.storage.database import Database
from gateway.streams.port import Stream
from gateway.sweeps import known
from gateway.sweeps.book import Cursor, Round
from gateway.sweeps.notices import tell
from gateway.sweeps.sweeper import Step, count

SLACK_S = 300.0
"""A notice this much older than an object's last update may still be the one that told of it: clocks differ."""
ASIDE_S = 6 * 86400.0
"""An object that a list leaves out although it is there is not read again for so long: it lies outside the list."""
EXAMPLES = 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Guard:
    """How many objects may be gone at once before a person is asked: the larger of a number and a share."""

    most_gone: int = 10
    share: float = 0.05

    def limit(self, known_objects: int, object: str, asked: Mapping[str, Any]) -> int:
        """A person may have set another number for the round, or accepted the deletions that stopped the last one."""
        wish = asked.get("accepted", {}).get(object, asked.get("most_gone"))
        return int(wish) if wish is not None else max(self.most_gone, int(known_objects * self.share))


@dataclass(slots=True)
class IdSweep:
    """Compares the ids of a connection's objects, object type by object type."""

    connection: str
    objects: Sequence[str]
    connector: Connector
    stream: Stream
    database: Database
    clock: Clock
    every_s: float
    guard: Guard = Guard()
    name: str = "ids"

    async def step(self, round: Round, cursor: Cursor) -> Step:
        """A page of the list, or the read of one object that the list left out."""
        begin: Cursor = {"at": 0, "page": None, "phase": "list", "listed": dict(round.before.get("listed", {}))}
        cursor = begin | cursor
        if cursor["at"] >= len(self.objects):
            return Step({"counts": cursor.get("counts", {}), "listed": cursor["listed"]}, done=True)
        object = self.objects[cursor["at"]]
        if cursor["phase"] == "list":
            await self._list(round, object, cursor)
        else:
            await self._confirm(round, object, cursor)
        return Step(cursor)

    # The list.

    async def _list(self, round: Round, object: str, cursor: Cursor) -> None:
        assert isinstance(self.connector, ListsIds)
        try:
            page = await self.connector.ids(object, cursor["page"])
        except Refused:
            if cursor["page"] is None or cursor.get("again"):
                raise
            cursor["page"], cursor["again"] = None, True  # where to go on may be forgotten after a long pause
            return
        await self._compare(round, object, page.listed, cursor)
        cursor["page"] = page.cursor
        if page.cursor is None:
            cursor["listed"] = {**cursor["listed"], object: round.started_at}
            cursor |= {"phase": "confirm", "after": "", "gone": [], "again": False}

    async def _compare(self, round: Round, object: str, listed: Sequence[Listed], cursor: Cursor) -> None:
        async with self.database.begin("ids.compare") as tx:
            linked = await known.linked(tx, self.connection, object, [each.id for each in listed])
            await known.mark_seen(tx, self.connection, object, linked, round.started_at)
            strangers = [each for each in listed if each.id not in linked]
            floor = max(round.since, float(round.before.get("listed", {}).get(object, 0.0))) - SLACK_S
            fresh = [each for each in strangers if each.updated_at is None or each.updated_at >= floor]
            told = await known.told_of(
                tx, self.connection, {each.id: (each.updated_at or 0.0) - SLACK_S for each in fresh}
            )
        missed = [each for each in fresh if each.id not in told]
        await tell(self.stream, [self._hint(object, each) for each in missed])
        count(cursor, "listed", len(listed))
        count(cursor, "not_known", len(missed))

    def _hint(self, object: str, each: Listed) -> Change:
        at = "" if each.updated_at is None else f":{each.updated_at:.3f}"
        return Change(
            connection=self.connection,
            delivery_key=f"sweep:{object}:{each.id}{at}",
            kind=ChangeKind.HINT,
            snapshot=Snapshot(object=object, id=each.id, key=each.key, partial=True, updated_at=each.updated_at),
            received_at=self.clock.now(),
            via="sweep",
        )

    # What the list left out.

    async def _confirm(self, round: Round, object: str, cursor: Cursor) -> None:
        if "limit" not in cursor and not await self._believable(round, object, cursor):
            return
        async with self.database.read() as tx:
            missing = await known.next_missing(tx, self.connection, object, cursor["after"], round.started_at)
        if missing is None:
            await self._conclude(round, object, cursor)
            return
        await self._read(object, missing, cursor)
        cursor["after"] = missing.id
        if len(cursor["gone"]) > cursor["limit"]:
            await self._stop(object, cursor, "so many at once are more likely hidden from us than deleted")

    async def _believable(self, round: Round, object: str, cursor: Cursor) -> bool:
        async with self.database.read() as tx:
            held, shown = await known.held(tx, self.connection, object, round.started_at)
        cursor["known"], cursor["limit"] = held, self.guard.limit(held, object, round.asked)
        if shown or held <= cursor["limit"]:
            return True
        await self._stop(object, cursor, "the list shows none of them")
        return False

    async def _read(self, object: str, ref: Ref, cursor: Cursor) -> None:
        """The proof. A refusal proves nothing."""
        count(cursor, "read")
        try:
            there = (await self.connector.read(ref)).exists
        except Refused as error:
            log.warning("a listed object may not be read", connection=self.connection, id=ref.id, error=str(error))
            count(cursor, "refused")
            there = True
        if there:
            async with self.database.begin("ids.aside") as tx:
                await known.mark_seen(tx, self.connection, object, {ref.id}, self.clock.now() + ASIDE_S)
            count(cursor, "outside_the_list")
        else:
            cursor["gone"] = [*cursor["gone"], [ref.id, ref.key]]

    async def _conclude(self, round: Round, object: str, cursor: Cursor) -> None:
        """Every one is proved, and they are few: they go in as a notice of the deletion would have."""
        await tell(self.stream, [self._gone(round, object, *each) for each in cursor["gone"]])
        count(cursor, "gone", len(cursor["gone"]))
        async with self.database.begin("ids.conclude") as tx:
            why = "a later sweep found no more of them gone than a day explains"
            await cases.obsolete_each(tx, {self._case_key(object): why}, now=self.clock.now())
            await known.forget(tx, self.connection, object)
        _next_object(cursor)

    def _gone(self, round: Round, object: str, object_id: str, key: str) -> Change:
        return Change(
            connection=self.connection,
            delivery_key=f"sweep:{object}:{object_id}:gone:{round.started_at:.3f}",
            kind=ChangeKind.DELETED,
            snapshot=Snapshot(object=object, id=object_id, key=key, exists=False),
            received_at=self.clock.now(),
            via="sweep",
        )

    async def _stop(self, object: str, cursor: Cursor, why: str) -> None:
        """Nothing is concluded; a person looks. One case, however many objects it is about."""
        gone = cursor["gone"]
        evidence = {
            "known": cursor["known"],
            "read_and_not_there": len(gone),
            "limit": cursor["limit"],
            "examples": [key or object_id for object_id, key in gone[:EXAMPLES]],
        }
        what = f"{len(gone)} or more" if gone else "all"
        case = NewCase(
            key=self._case_key(object),
            cls=CaseClass.DELETED,
            cause="sweep.many_gone",
            title=f"{what} of {cursor['known']} known objects are missing in {self.connection}: {why}",
            connection=self.connection,
            object=object,
            evidence=evidence,
            fingerprint=f"sweep.many_gone:{self.connection}:{object}",
        )
        async with self.database.begin("ids.stop") as tx:
            known = await cases.open_cases(tx, [case], now=self.clock.now())
            await note_back(tx, known.values(), self.clock.now())
        log.warning("sweep stopped by its guard", connection=self.connection, object=object, why=why, **evidence)
        count(cursor, "stopped")
        _next_object(cursor)

    def _case_key(self, object: str) -> str:
        return f"deleted:sweep:{self.connection}:{object}"


def _next_object(cursor: Cursor) -> None:
    cursor |= {"at": cursor["at"] + 1, "page": None, "phase": "list"}
    for name in ("limit", "known", "gone", "after", "again"):
        cursor.pop(name, None)
