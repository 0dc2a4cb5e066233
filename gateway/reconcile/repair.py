"""Hands a plan to the lanes, a few items at a time. Nothing is written or absorbed here: what a person did since the
plan was made is met by the lane's own read, and what is not there any more goes in as a notice, like a sweep's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.contract.clock import Clock
from connectors.contract.errors import Refused
from connectors.contract.values import Change, ChangeKind, Ref, Snapshot
from gateway.audit.effects import close
from gateway.core.kinds import APPLIED, FAILED
from gateway.reconcile import rules, store
from gateway.reconcile.outcome import ended
from gateway.reconcile.reading import Reader
from gateway.reconcile.values import GUARDED, NOTHING_TO_DO, Kind, Result, Run, RunState
from gateway.storage.database import Database
from gateway.streams.port import Stream
from gateway.sweeps.notices import tell
from gateway.sync.decider import Decider

IN_HAND = 20
"""Items that the lanes have at once: a repair does not fill the queue before fresh changes."""
LOOK_S = 0.25
"""How often it is asked what became of them."""

Item = Mapping[str, Any]


@dataclass(slots=True)
class Repair:
    """Every step may be repeated: notices have keys of the run, and a lane that is asked twice reads once more."""

    decider: Decider
    stream: Stream
    database: Database
    clock: Clock
    reader: Reader

    async def step(self, run: Run) -> float:
        """Sets something going, or sees what became of it. Gives the least pause until the next step."""
        if run.state is RunState.STOPPING:
            await self._leave_out(run)
        settled = await self._settle(run)
        async with self.database.read() as tx:
            in_hand = await store.number(tx, run.id, store.in_state("asked"))
            waiting = await store.items(tx, run.id, "planned")
        if waiting and in_hand < IN_HAND:
            await self._hand_over(run, waiting[0])
            return 0.0
        if not waiting and not in_hand:
            await self._done(run)
        return 0.0 if settled else LOOK_S

    async def _leave_out(self, run: Run) -> None:
        async with self.database.begin("reconcile.ended") as tx:
            await store.mark_state(tx, run.id, "planned", state="done", result=Result.SKIPPED)

    async def _done(self, run: Run) -> None:
        state = RunState.STOPPED if run.state is RunState.STOPPING else RunState.DONE
        counts = await store.results(self.database, run.id)
        worked = state is RunState.DONE and not counts.get(Result.FAILED) and not counts.get(Result.UNKNOWN)
        async with self.database.begin("reconcile.done") as tx:
            now = self.clock.now()
            await store.move_on(tx, run, state, finished_at=now)
            told = {"run": run.id, "flow": run.flow, "state": str(state), "counts": counts}
            outcome = APPLIED if worked else FAILED
            await close(tx, [run.id], kind="reconcile_ended", outcome=outcome, at=now, detail=told)

    # Handing over.

    async def _hand_over(self, run: Run, first: Item) -> None:
        """All items of one kind about one object: one read answers them."""
        async with self.database.read() as tx:
            same = [store.same_object(first), store.of_kinds(Kind(first["kind"]))]
            together = await store.items(tx, run.id, "planned", *same, limit=1000)
        kind, keys = Kind(first["kind"]), [item["key"] for item in together]
        result = self._left_out(run, first, kind) or await self._asked(run, kind, together)
        async with self.database.begin("reconcile.asked") as tx:
            if result is not None:
                await store.mark(tx, run.id, keys, state="done", result=result)
            else:
                await store.mark(tx, run.id, keys, state="asked", asked_at=self.clock.now())

    def _left_out(self, run: Run, item: Item, kind: Kind) -> Result | None:
        if kind in NOTHING_TO_DO:
            return Result.HELD
        stopped = kind in GUARDED and item["connection"] in run.cursor.get("stopped", {})
        return Result.SKIPPED if stopped else None

    async def _asked(self, run: Run, kind: Kind, items: Sequence[Item]) -> Result | None:
        """None: it is on its way."""
        first, connection = items[0], items[0]["connection"]
        if kind is Kind.GONE:
            return await self._gone(run, first)
        if kind is Kind.COMMENT:
            return await self._comments(run, items)
        if kind is Kind.REOPENED and not first["doc"]:
            return await self._ruled(first, lambda unit: rules.close_again(unit, connection, run.id))
        if kind in (Kind.WRITE, Kind.CREATE):
            names = {item["field"] for item in items if item["field"]}
            return await self._ruled(first, lambda unit: rules.bring(unit, connection, run.id, names))
        if kind in (Kind.ABSORB, Kind.LEAVES, Kind.WAITING):
            return await self._ruled(first, lambda unit: rules.look(unit, connection, run.id))
        await tell(self.stream, [self._stranger(run, kind, first)])
        return None

    async def _ruled(self, item: Item, rule: Any) -> Result | None:
        self.reader.requests += 1  # the lane's own, which begins with this
        return None if await self.decider.decide(item["record"], rule) else Result.UNCHANGED

    async def _gone(self, run: Run, item: Item) -> Result | None:
        """Proved once more: the plan may be old."""
        try:
            if (await self.reader.read(item["connection"], _ref(item), items=False)).exists:
                return Result.UNCHANGED
        except Refused:
            return Result.FAILED
        gone = Snapshot(object=item["object"], id=item["object_id"], key=item["object_key"], exists=False)
        await tell(self.stream, [self._change(run, item, ChangeKind.DELETED, gone)])
        return None

    async def _comments(self, run: Run, items: Sequence[Item]) -> Result | None:
        try:
            shown = await self.reader.read(items[0]["connection"], _ref(items[0]))
        except Refused:
            return Result.FAILED
        wanted = {item["doc"]["item"]: item for item in items}
        there = [each for each in shown.items or () if each.id in wanted]
        for each in there:
            part = Snapshot(object=shown.object, id=shown.id, key=shown.key, partial=True, items=(each,))
            await tell(self.stream, [self._change(run, wanted[each.id], ChangeKind.ITEM, part)])
        return None if there else Result.UNCHANGED

    def _stranger(self, run: Run, kind: Kind, item: Item) -> Change:
        """A hint: it is read, and rule 2 decides. One of a record that has left has to wait for the lane before it."""
        key = item["doc"].get("correlation")
        snapshot = Snapshot(
            object=item["object"], id=item["object_id"], key=item["object_key"], partial=True, correlation=key
        )
        waits = kind is Kind.REOPENED and key is not None
        return self._change(run, item, ChangeKind.SNAPSHOT if waits else ChangeKind.HINT, snapshot)

    def _change(self, run: Run, item: Item, kind: ChangeKind, snapshot: Snapshot) -> Change:
        return Change(
            connection=item["connection"],
            delivery_key=delivery_key(run.id, item),
            kind=kind,
            snapshot=snapshot,
            received_at=self.clock.now(),
            via="reconcile",
        )

    # What became of it.

    async def _settle(self, run: Run) -> bool:
        async with self.database.read() as tx:
            asked = await store.items(tx, run.id, "asked", limit=IN_HAND + 1000)
            results = {item["key"]: await ended(tx, item, delivery_key(run.id, item)) for item in asked}
        over = {key: result for key, result in results.items() if result is not None}
        if over:
            async with self.database.begin("reconcile.ended") as tx:
                for key, result in over.items():
                    await store.mark(tx, run.id, [key], state="done", result=result)
        return bool(over)


def delivery_key(run: str, item: Item) -> str:
    """Of the notice that an item goes in as."""
    return f"{run}:{item['key']}"


def _ref(item: Item) -> Ref:
    return Ref(object=item["object"], id=item["object_id"], key=item["object_key"])
