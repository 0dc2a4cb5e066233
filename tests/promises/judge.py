"""The judge of a schedule: the promises as invariants over what people did, the systems, the ledger and the cases.

What is allowed and why is SYNC.md section 3: W1 (a case is all there can be), W2 (nothing can tell), W6 (no net edit).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from sqlalchemy import select

from connectors.contract.values import VersionKind
from dead_letter import store as cases
from dead_letter.values import CaseFilter, CaseState
from gateway.sync import absorb as absorbing
from gateway.sync import tables as t
from gateway.sync.attempts import Attempt
from gateway.sync.state import Lane, LaneState, RecordState
from tests.promises.direct import DirectDatabase
from tests.promises.ghost import START, TOKENS
from tests.promises.rest import quiesce
from tests.promises.story import Story
from tests.promises.trail import faults


class Judge:
    """Judges one story, once it is quiet."""

    def __init__(self, told: Story) -> None:
        self.told = told
        self.discarded: set[tuple[str, str]] = set()

    async def check(self) -> list[tuple[str, str]]:
        """Quiet, then the promises as invariants."""
        await quiesce(self.told)
        truth, records = self.told.truth, await self.told.bench.records()
        for fault in faults(cast(DirectDatabase, self.told.bench.database)):
            truth.flag("P9", fault)
        cases = await self.all_cases()
        open_keys = {case.key: case for case in cases if case.closed_at is None}
        await self._accepted()
        self._blame(cases)
        lanes = {(lane.record, lane.connection): lane for lane in await self.told.bench.lanes()}
        self._visible(records, lanes, open_keys)
        if truth.departed:
            self._gone(open_keys)
            return truth.bad
        self.discarded = {
            (c.record, c.connection) for c in cases if (c.cause, c.ending) == ("item.refused", "discarded")
        }
        good = await self._accounted(records, lanes, cases, open_keys)
        for token, edit in truth.edits.items():
            if edit.name != "tags" and token not in good:
                self._lost(token, edit, cases)
        for record in records:
            self._canonical(record)
            self._agree(record, lanes)
        self._duplicates(open_keys)
        bound = (
            len(self.told.systems)
            * (len(truth.edits) + truth.comments + 1)
            * (3 if "steps" in self.told.setting.feats else 1)
        )
        if truth.writes > bound:
            truth.flag("P6", f"{truth.writes} writes for {len(truth.edits)} edits, bound {bound}")
        return truth.bad

    async def all_cases(self) -> list[Any]:
        async with self.told.bench.database.read() as tx:
            page = await cases.list_cases(tx, CaseFilter(states=tuple(CaseState), limit=200))
            return [await cases.get_case(tx, entry.number) for entry in page.cases]

    async def _accepted(self) -> None:
        stored: set[tuple[str, str]] = set()
        for notice in await self.told.bench.notices():
            if notice.state != "done" or not notice.disposition:
                self.told.truth.flag(
                    "P1", f"{notice.connection}/{notice.delivery_key} is {notice.state}: {notice.reason}"
                )
            stored.add((notice.connection, notice.delivery_key))
            if notice.disposition == "case":
                self.told.truth.flag("DEFECT", f"{notice.delivery_key} could not be processed")

        if self.told.troubles is None:
            return
        missing = set() if self.told.troubles.forgot else self.told.truth.accepted - stored
        if missing:
            self.told.truth.flag("P1", f"accepted, and never seen again: {sorted(missing)}")
        known = self.told.truth.accepted | self.told.before
        for connection, key in stored - known:
            if not key.startswith("sweep:"):
                self.told.truth.flag("P2", f"{connection}/{key} was taken for news, and nobody sent it")

    def _blame(self, cases: Sequence[Any]) -> None:
        """P10: nobody is asked about a record because a system was in trouble."""
        for case in cases:
            system = self.told.systems.get(case.connection)
            if system is None or str(case.cls) != "refused":
                continue
            if case.cause == "target.refused" and not system.weather.own["refused"]:
                self.told.truth.flag("P10", f"{case.key} says refused, and {case.connection} never refused anything")

    def _visible(self, records: Sequence[RecordState], lanes: Mapping[Any, Lane], open_keys: Mapping[str, Any]) -> None:
        """Whatever does not go on has an open case, and whatever waits for a person does not go on."""
        asked: set[str] = set()
        for record in records:
            for name, member in record.members.items():
                lane = lanes.get((record.id, name))
                keys = [s.held for s in member.shadow.values() if s.held] + [i.held for i in member.items if i.held]
                if lane is not None and lane.state is LaneState.PARKED:
                    keys.append(lane.case)
                    # what a person asked for comes after what the lane waits for
                    asked.update(shadow.asked for shadow in member.shadow.values())
                    asked.update(item.asked for item in member.items)
                asked.update(keys)
                for key in keys:
                    if key not in open_keys:
                        self.told.truth.flag(
                            "P1", f"{name} of {record.id} is held by {key!r}, which no open case shows"
                        )
        for key, case in open_keys.items():
            if str(case.cls) in ("refused", "mapping", "conflict", "unknown_outcome") and key not in asked:
                self.told.truth.flag("CASE", f"{key} ({case.state}) asks for somebody, but nothing waits for it")

    def _gone(self, open_keys: Mapping[str, Any]) -> None:
        excused = {case.evidence.get("duplicate") for case in open_keys.values() if str(case.cls) == "duplicate"}
        if self.told.truth.departed in excused:
            return
        for name, system in self.told.systems.items():
            refused = any(c.connection == name and str(c.cls) == "refused" for c in open_keys.values())
            for thing in system.things.values():
                if thing.exists and thing.raw.get("active", True) and thing.id not in excused and not refused:
                    self.told.truth.flag(
                        "P8", f"{thing.id} is active after the departure of {self.told.truth.departed}"
                    )

    async def _accounted(
        self,
        records: Sequence[RecordState],
        lanes: Mapping[Any, Lane],
        cases: Sequence[Any],
        open_keys: Mapping[str, Any],
    ) -> set[Any]:
        """Tokens that are final, superseded by somebody who saw them, in the ledger or a case, or equal to such."""
        truth, ledger = self.told.truth, await self.told.bench.ledger()
        duplicates = {case.evidence.get("duplicate") for case in open_keys.values() if str(case.cls) == "duplicate"}
        good: set[Any] = {None, START}
        troubles = self.told.troubles
        slack = float("inf") if troubles is not None and troubles.wrong_clocks else 1e-6
        for token, edit in truth.edits.items():
            if (
                edit.after_departure
                or token in truth.replaced
                or edit.thing in duplicates
                or self._no_change(edit)
                or any(
                    r["field"] == edit.name and r["value"] == edit.value and r["at"] >= edit.at - slack for r in ledger
                )
                or any(self._stands(record, lanes, edit, token) for record in records)
            ):
                good.add(token)
        good |= await self._taken_for_ours()
        for token, edit in truth.edits.items():
            for later, other in truth.edits.items():
                if later > token and (other.thing, other.name, other.value) == (edit.thing, edit.name, edit.value):
                    truth.same(token, later)
        for _ in range(8):
            good |= {one for one, others in truth.alias.items() if others & good}
        return good

    async def _taken_for_ours(self) -> set[Any]:
        """A write was never answered, did not arrive or arrived late, and a person typed its value meanwhile: nothing
        tells them apart (W2). Returns those who are taken for a move on the way, which carries nobody's decision.
        """
        truth, moves = self.told.truth, set()
        async with self.told.bench.database.read() as tx:
            rows = await tx.execute(select(t.attempt.c.doc).where(t.attempt.c.outcome == "applied"))
        for (doc,) in rows:  # also those whose worker never learned that they were stored, and sent nothing
            attempt = msgspec.json.decode(doc, type=Attempt)
            if attempt.id in truth.in_effect - truth.landed or attempt.ref is None:
                continue
            for token, edit in truth.edits.items():
                sent = attempt.fields.get(edit.name)
                if sent is None or (edit.thing, edit.value) != (attempt.ref.id, sent.ext):
                    continue
                if sent.fver is None:
                    moves.add(token)
                else:
                    truth.same(token, truth.tokens.get((attempt.record, sent.fver)))
        return moves

    def _stands(self, record: RecordState, lanes: Mapping[Any, Lane], edit: Any, token: Any) -> bool:
        canon = record.fields.get(edit.name)
        if canon is None:
            return False
        if self.told.truth.tokens.get((record.id, canon.now.fver)) == token:
            return True
        member = self.told.bench.flow.members[edit.system]
        if absorbing.agrees(member, edit.name, canon.now.value, edit.value):
            return True
        held, lane = record.members.get(edit.system), lanes.get((record.id, edit.system))
        if held is None or held.id != edit.thing:
            return False
        shadow = held.shadow.get(edit.name)
        resting = (lane is not None and lane.state is LaneState.PARKED) or (
            shadow and (shadow.held or shadow.waived is not None)
        )
        return bool(resting) and self.told.systems[edit.system].things[edit.thing].raw[TOKENS].get(edit.name) == token

    def _no_change(self, edit: Any) -> bool:
        """W6: changed and changed back with nobody looking in between."""
        base = None
        for entry in self.told.systems[edit.system].things[edit.thing].history:
            version = int(entry.id)
            if version >= edit.version:
                break
            wrote = entry.by_us and edit.name in entry.after  # a write of ours to other fields is no look at this one
            if wrote or version == 1 or version in self.told.truth.known[(edit.system, edit.thing)]:
                base = self._value_at(edit, version)
        return base is not None and bool(base == edit.value)

    def _value_at(self, edit: Any, version: int) -> Any:
        """What the field showed at a version: what the next change found there."""
        history = self.told.systems[edit.system].things[edit.thing].history
        return next(
            entry.before.get(edit.name) for entry in history if int(entry.id) > version and edit.name in entry.after
        )

    def _lost(self, token: Any, edit: Any, cases: Sequence[Any]) -> None:
        """W1: without history, and with the webhook lost, a case is all that can be had."""
        window = any(
            str(case.cls) == "overwrite"
            and case.connection == edit.system
            and case.evidence["after_version"] < edit.version < case.evidence["before_version"]
            for case in cases
        )
        came = (edit.system, edit.thing, edit.version) in self.told.truth.brought
        if window and not came:
            return
        if not came and self.told.setting.kind is not VersionKind.COUNTER and not self.told.setting.history:
            return  # W2: no integer version, no history, webhook lost: nothing can tell
        self.told.truth.flag(
            "P4", f"edit {token} ({edit.thing}.{edit.name}={edit.value}) is silently gone (notice came: {came})"
        )

    def _canonical(self, record: RecordState) -> None:
        for name, canon in record.fields.items():
            if name == "tags":
                self._set(record, canon.now.value)
            elif name in self.told.setting.fields and self.told.truth.tokens.get((record.id, canon.now.fver)) is None:
                self.told.truth.flag("P4", f"canonical {name}={canon.now.value} was typed by nobody")

    def _set(self, record: RecordState, value: Any) -> None:
        missing, back = self.told.truth.added - set(value or ()), self.told.truth.removed & set(value or ())
        if missing:
            self.told.truth.flag("P4", f"added to the set and lost: {sorted(missing)}")
        if back:
            self.told.truth.flag("P4", f"removed from the set and back: {sorted(back)}")

    def _agree(self, record: RecordState, lanes: Mapping[Any, Lane]) -> None:
        for name, member in self.told.bench.flow.members.items():
            lane, held = lanes.get((record.id, name)), record.members.get(name)
            if lane is not None and lane.state is LaneState.PARKED:
                continue
            thing = self.told.systems[name].things.get(held.id) if held else None
            if (
                thing is None
                and held
                and all(
                    (shadow := held.shadow.get(each)) and shadow.waived == canon.now.fver
                    for each, canon in record.fields.items()
                )
            ):
                continue  # a person discarded the create
            if thing is None or held is None:
                self.told.truth.flag("P5", f"record {record.id} has no object in {name}")
                continue
            for each, canon in record.fields.items():
                shadow = held.shadow.get(each)
                if shadow is not None and (shadow.held or shadow.waived == canon.now.fver):
                    continue
                if not absorbing.agrees(member, each, canon.now.value, thing.raw.get(each)):
                    self.told.truth.flag(
                        "P5", f"{thing.id}.{each}={thing.raw.get(each)} but canonical={canon.now.value}"
                    )
            self._comments(record, name, thing)

    def _comments(self, record: RecordState, name: str, thing: Any) -> None:
        """Each comment stands here once, unless a person is asked about it, or discarded it."""
        shown = Counter(item.body for item in thing.items)
        held = record.members[name]
        for number in range(1, self.told.truth.comments + 1):
            body = f"k{number}"
            if shown[body] > 1 and body not in self.told.systems[name].excused:
                self.told.truth.flag("P2", f"{thing.id} shows {body} {shown[body]} times")
            if (
                not shown[body]
                and not any(item.held for item in held.items)
                and (record.id, name) not in self.discarded
            ):
                self.told.truth.flag("P1", f"{thing.id} does not show {body}")

    def _duplicates(self, open_keys: Mapping[str, Any]) -> None:
        for name, system in self.told.systems.items():
            told = sum(1 for c in open_keys.values() if str(c.cls) == "duplicate" and c.connection == name)
            if len(system.things) > 1 + told:
                self.told.truth.flag("P2", f"duplicate objects {list(system.things)} without a case")
