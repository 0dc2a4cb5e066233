"""Makes a plan, step by step: what there is, what is not there any more, and then record by record what differs.

Lists and reads prove nothing by themselves (ADR 0033): a list names what to look at, what it leaves out is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import func, select

from connectors.contract.clock import Clock
from connectors.contract.connector import ListsIds
from connectors.contract.errors import LockstepError, MappingError, Refused
from connectors.contract.values import Listed, Ref
from gateway.reconcile import store
from gateway.reconcile.comparing import Comparing, Found
from gateway.reconcile.reading import Reader
from gateway.reconcile.values import GUARDED, Drift, Kind, Run, RunState
from gateway.storage.database import Database
from gateway.sweeps import known
from gateway.sweeps.ids import ASIDE_S, SLACK_S, Guard
from gateway.sweeps.tables import sweep
from gateway.sync import tables as t
from gateway.sync.batch import Topology
from gateway.sync.flow import Member
from gateway.sync.state import LinkState
from gateway.sync.store import links_of

PAGE = 200

log = structlog.get_logger()

Cursor = dict[str, Any]


def count(cursor: Cursor, name: str, more: int = 1) -> None:
    """Adds to what people see of the progress."""
    counts = cursor.setdefault("counts", {})
    counts[name] = counts.get(name, 0) + more


@dataclass(slots=True)
class Scan:
    """Every step is one transaction with the run's cursor in it; one that was not stored is repeated."""

    topology: Topology
    database: Database
    clock: Clock
    reader: Reader
    guards: Mapping[str, Guard]

    async def step(self, run: Run, *, first_known: float) -> None:
        """A page, or a look at one record or object. `first_known`: when this gateway began to remember."""
        cursor: Cursor = {"phase": "list", "at": 0, "page": None, **run.cursor}
        members = self.members(run)
        if cursor["phase"] == "list":
            await self._list(run, members, cursor, first_known)
        elif cursor["phase"] == "missing":
            await self._missing(run, members, cursor)
        elif cursor["phase"] == "records":
            await self._records(run, cursor)
        else:
            await self._look(run, cursor)

    def members(self, run: Run) -> list[Member]:
        """The members that are compared, in the flow's order."""
        members = self.topology.flows[run.flow].members
        return [member for name, member in members.items() if name in (run.wish.connections or members)]

    # What there is.

    async def _list(self, run: Run, members: Sequence[Member], cursor: Cursor, first_known: float) -> None:
        member = members[cursor["at"]]
        connector = self.reader.connectors[member.connection]
        listed: Sequence[Listed] = ()
        following = None
        if isinstance(connector, ListsIds):
            page = cursor["page"]
            try:
                shown = await self.reader.ask(member.connection, lambda: connector.ids(member.object, page))
            except Refused as error:
                _note(cursor, f"{member.connection} refuses to list its objects: {error}")
                cursor["listing"] = [each for each in cursor.get("listing", []) if each != member.connection]
            else:
                listed, following = shown.listed, shown.cursor
                cursor["listing"] = sorted({*cursor.get("listing", []), member.connection})
        else:
            _note(cursor, f"{member.connection} cannot list its objects: only those of known records are compared")
        async with self.database.begin("reconcile.scan") as tx:
            await store.add(tx, await self._listed(tx, run, member, listed, first_known))
            count(cursor, "listed", len(listed))
            cursor["page"] = following
            if following is None:
                _advance(cursor, len(members), "missing")
            await store.move(tx, run, cursor)

    async def _listed(
        self, tx: Any, run: Run, member: Member, listed: Sequence[Listed], first_known: float
    ) -> list[Any]:
        """Which of these are looked at: what was updated in the window, told as coarsely and by the clock it has."""
        connection, object = member.connection, member.object
        offset_s, slack_s = self.reader.offset_s(connection), member.spec.granularity_s + member.skew_s
        owners = await links_of(tx, {(connection, object, each.id) for each in listed})
        linked = {key[2]: record for key, record in owners.items() if key[:2] == (connection, object)}
        await known.mark_seen(tx, connection, object, linked.keys(), run.asked_at)
        floor = run.wish.since if run.wish.since is not None else await _known_since(tx, connection, first_known)
        rows = []
        for each in listed:
            at = None if each.updated_at is None else each.updated_at - offset_s
            if not run.wish.covers(at, slack_s=slack_s):
                continue
            if each.id in linked:
                rows.append(store.look_row(run.id, record=linked[each.id]))
            elif at is None or at >= floor - slack_s:
                rows.append(store.look_row(run.id, connection=connection, object=object, object_id=each.id))
        return rows

    # What is not there any more. A deletion has no time: whatever the window, it is looked for.

    async def _missing(self, run: Run, members: Sequence[Member], cursor: Cursor) -> None:
        member = members[cursor["at"]]
        connection, object = member.connection, member.object
        missing, there, over = None, False, True
        if connection in cursor.get("listing", []) and await self._believable(run, member, cursor):
            async with self.database.read() as tx:
                missing = await known.next_missing(tx, connection, object, cursor.get("after", ""), run.asked_at)
        if missing is not None:
            over = False
            cursor["after"] = missing.id
            there = await self._there(connection, missing, cursor)
        async with self.database.begin("reconcile.scan") as tx:
            if missing is not None and there:
                await known.mark_seen(tx, connection, object, {missing.id}, self.clock.now() + ASIDE_S)
            elif missing is not None:
                await store.add(tx, [await self._absent(tx, run, connection, missing)])
            gone = await store.number(tx, run.id, store.of_kinds(Kind.GONE), store.of(connection))
            if not over and gone > cursor["limits"][connection]:
                _stop(cursor, connection, f"{gone} or more objects are not there any more")
                over = True
            if over:
                cursor.pop("after", None)
                _advance(cursor, len(members), "records")
            await store.move(tx, run, cursor)

    async def _believable(self, run: Run, member: Member, cursor: Cursor) -> bool:
        """A list that shows none of the known objects is not even read after."""
        if member.connection in cursor.get("stopped", {}):
            return False
        if "after" in cursor:
            return True
        limits = cursor.setdefault("limits", {})
        async with self.database.read() as tx:
            held, shown = await known.held(tx, member.connection, member.object, run.asked_at)
        limits[member.connection] = self.limit(run, member, held)
        if not shown and held > limits[member.connection]:
            _stop(cursor, member.connection, f"the list shows none of {held} known objects")
            return False
        return True

    def limit(self, run: Run, member: Member, held: int) -> int:
        """How many of so many known objects may be gone without a person's word."""
        asked = {} if run.wish.most_gone is None else {"most_gone": run.wish.most_gone}
        return self.guards.get(member.connection, Guard()).limit(held, member.object, asked)

    async def _there(self, connection: str, ref: Ref, cursor: Cursor) -> bool:
        """The proof. A refusal proves nothing."""
        count(cursor, "read")
        try:
            return (await self.reader.read(connection, ref, items=False)).exists
        except Refused:
            count(cursor, "refused")
            return True

    async def _absent(self, tx: Any, run: Run, connection: str, ref: Ref) -> Any:
        owner = (await links_of(tx, {(connection, ref.object, ref.id)})).get((connection, ref.object, ref.id), "")
        drift = Drift(Kind.GONE, connection, outcome=str(self.topology.flows[run.flow].on_delete))
        return store.row_of(run.id, owner, drift, object=ref.object, object_id=ref.id, object_key=ref.key)

    # Which records.

    async def _records(self, run: Run, cursor: Cursor) -> None:
        """Those that a list does not bring up: nothing there yet, or the system lists nothing."""
        record, wish = t.record.c, run.wish
        query = select(record.id).where(record.flow == run.flow, record.id > cursor.get("after", ""))
        if wish.since is not None:
            query = query.where(record.updated_at >= wish.since)
        if wish.until is not None:
            query = query.where(record.updated_at <= wish.until)
        async with self.database.begin("reconcile.scan") as tx:
            ids = [row[0] for row in await tx.execute(query.order_by(record.id).limit(PAGE))]
            await store.add(tx, [store.look_row(run.id, record=each) for each in ids])
            cursor["after"] = ids[-1] if ids else ""
            if len(ids) < PAGE:
                cursor |= {"phase": "compare", "after": ""}
            await store.move(tx, run, cursor)

    # What differs.

    async def _look(self, run: Run, cursor: Cursor) -> None:
        async with self.database.read() as tx:
            looks = await store.items(tx, run.id, store.LOOK)
        if not looks:
            await self._planned(run, cursor)
            return
        look = looks[0]
        comparing = Comparing(self.topology, self.database, self.clock, self.reader)
        found = await self._compared(run, look, comparing, cursor)
        async with self.database.begin("reconcile.scan") as tx:
            numbers = await comparing.case_numbers(tx, found)
            await store.add(tx, [row for each in found if (row := each.row(run.id, numbers)) is not None])
            await store.drop(tx, run.id, look["key"])
            count(cursor, "compared")
            count(cursor, "unread", comparing.refused)
            await store.move(tx, run, cursor)

    async def _compared(
        self, run: Run, look: Mapping[str, Any], comparing: Comparing, cursor: Cursor
    ) -> Sequence[Found]:
        """One that cannot be compared, by a defect of ours, is counted and does not hold up the others."""
        try:
            if look["record"]:
                return await comparing.record(look["record"], [member.connection for member in self.members(run)])
            ref = Ref(object=look["object"], id=look["object_id"])
            return await comparing.stranger(run.flow, look["connection"], ref)
        except LockstepError as error:
            if not isinstance(error, MappingError):
                raise
            failure: Exception = error
        except Exception as error:  # noqa: BLE001 - whatever it is, the plan says that it is not whole
            failure = error
        log.error("not compared", run=run.id, record=look["record"], object=look["object_id"], exc_info=failure)
        count(cursor, "not_compared")
        return []

    async def _planned(self, run: Run, cursor: Cursor) -> None:
        """The plan is whole. More deletions and departures than the guard lets pass are in it, and are not run."""
        async with self.database.begin("reconcile.planned") as tx:
            for member in self.members(run):
                where = t.link.c.connection == member.connection, t.link.c.state == LinkState.PRIMARY
                query = select(func.count()).select_from(t.link).where(*where, t.link.c.object == member.object)
                limit = self.limit(run, member, int((await tx.execute(query)).scalar_one()))
                found = await store.number(tx, run.id, store.of_kinds(*GUARDED), store.of(member.connection))
                if found > limit:
                    _stop(cursor, member.connection, f"{found} objects are gone or show a departure")
            cursor["phase"] = "planned"
            await store.move(tx, run, cursor, planned_at=self.clock.now())
            await store.move_on(tx, run, RunState.PLANNED)


async def _known_since(tx: Any, connection: str, first_known: float) -> float:
    """A comparison is no import: what is older than the first day this connection was known, nobody has missed."""
    query = select(func.min(sweep.c.since)).where(sweep.c.connection == connection)
    since = (await tx.execute(query)).scalar()
    return float(first_known if since is None else since) - SLACK_S


def _advance(cursor: Cursor, members: int, phase: str) -> None:
    cursor |= {"at": cursor["at"] + 1, "page": None}
    if cursor["at"] >= members:
        cursor |= {"at": 0, "phase": phase}


def _note(cursor: Cursor, text: str) -> None:
    cursor["notes"] = [*cursor.get("notes", []), text]


def _stop(cursor: Cursor, connection: str, why: str) -> None:
    cursor["stopped"] = {**cursor.get("stopped", {}), connection: why}
