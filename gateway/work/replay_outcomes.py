"""What became of an item that a run handed to its lane: read off its case, its lane and its attempts. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.values import VersionKind, WriteKind
from dead_letter.classify import ActionName
from dead_letter.picking import cases_of
from dead_letter.values import Case, CaseClass, CaseFilter, CaseState, Ending
from dead_letter.worklist import list_cases
from gateway.access.rights import Principal
from gateway.storage.database import loads
from gateway.sync import tables as t
from gateway.sync.attempts import Outcome as Result
from gateway.sync.state import BUSY, Lane, LaneState
from gateway.sync.store import load_attempt, load_lanes
from gateway.work.case_reading import in_line
from gateway.work.case_scope import personal_of
from gateway.work.replay_foresight import gates_of
from gateway.work.replay_journal import OBSERVE
from gateway.work.replay_through import THROUGH
from gateway.work.workplace import Workplace
from replay.ports import Handed
from replay.values import Ended, Outcome

_ANYBODY = Principal(id="lockstep:run", name="lockstep", roles=frozenset())
PROOF_S = 30.0
"""So long after a look could have proved an outcome, its case is left to people and the item counts as unknown."""

_OF_CLASS = {
    CaseClass.UNKNOWN_OUTCOME: Outcome.UNKNOWN,
    CaseClass.CONFLICT: Outcome.CONFLICT,
    CaseClass.OVERWRITE: Outcome.CONFLICT,
    CaseClass.DUPLICATE: Outcome.DUPLICATE,
}


class Reading:
    """Outcomes of items, a few at a time."""

    def __init__(self, place: Workplace) -> None:
        self.place = place

    async def outcomes(self, tx: AsyncConnection, items: Sequence[Handed], now: float) -> list[Ended | None]:
        """In the order given; None: still on its way, and nothing to say about it."""
        found = {case.number: case for case in await cases_of(tx, [item.subject for item in items])}
        lanes = await load_lanes(tx, {item.record for item in items if item.record})
        gates = await gates_of(tx)
        answers = []
        for item in items:
            mine = lanes.get(item.record, {})
            if item.decision in (OBSERVE, THROUGH):
                answers.append(await self._observed(tx, item, mine))
            else:
                answers.append(await self._decided(tx, item, found.get(item.subject), mine, gates, now))
        return answers

    async def _decided(
        self,
        tx: AsyncConnection,
        item: Handed,
        case: Case | None,
        lanes: Mapping[str, Lane],
        gates: Mapping[str, str],
        now: float,
    ) -> Ended | None:
        lane = lanes.get(item.connection)
        if case is None:
            return Ended(outcome=Outcome.SKIPPED, reason="the case is not kept any more")
        if case.closed_at is not None:
            return await self._closed(tx, item, case, lane)
        if item.decision == ActionName.LOOK and case.cls is CaseClass.UNKNOWN_OUTCOME:
            return _unproved(item, case, self._told(case), lane, now)
        if case.state is not CaseState.IN_RUN:
            outcome = _OF_CLASS.get(case.cls, Outcome.FAILED)
            return Ended(outcome=outcome, reason=self._told(case), case=case.number)
        if not item.record:
            return await self._processed(tx, str(case.evidence.get("notice", "")))
        if lane is None:
            return None
        if lane.state is LaneState.UNKNOWN or lane.case.startswith("unknown_outcome:"):
            return await self._unknown(tx, item, lane, now)
        if item.connection in gates:
            return Ended(outcome=Outcome.WAITING, reason=f"{item.connection} {gates[item.connection]}", final=False)
        if _at_rest(lane):
            other = await _other_case(tx, item, [])
            if other is not None:
                outcome = _OF_CLASS.get(other.cls, Outcome.FAILED)
                return Ended(outcome=outcome, reason=self._told(other), case=other.number)
            return await self._effect(tx, item, "there was nothing left to write")
        return None

    async def _closed(self, tx: AsyncConnection, item: Handed, case: Case, lane: Lane | None) -> Ended | None:
        told = case.reason or case.ending.replace("_", " ")
        if case.ending in (Ending.DISCARDED, Ending.DONE_BY_HAND, Ending.DECLARED_NOT_APPLIED, Ending.RESOLVED):
            return Ended(outcome=Outcome.SKIPPED, reason=f"{case.closed_by} closed it: {told}")
        if case.ending == Ending.APPLIED:
            return await self._effect(tx, item, told, applied=True)
        if lane is not None and not _at_rest(lane):
            return None  # a proof may have set it going
        return await self._effect(tx, item, told)

    async def _processed(self, tx: AsyncConnection, id: str) -> Ended | None:
        """A notice that is looked at again: it has no lane of its own."""
        notice = t.notice.c
        row = (await tx.execute(select(notice.state, notice.disposition).where(notice.id == id))).one_or_none()
        if row is None:
            return Ended(outcome=Outcome.SKIPPED, reason="the notice is not kept any more")
        if row.state != "done":
            return None
        if row.disposition == "applied":
            return Ended(outcome=Outcome.APPLIED, by="read_back")
        return Ended(outcome=Outcome.UNCHANGED, reason=f"the notice ended as {row.disposition.replace('_', ' ')}")

    async def _effect(self, tx: AsyncConnection, item: Handed, told: str, *, applied: bool = False) -> Ended:
        """Applied, where a write of this lane took effect since it was handed over; else nothing was left to write."""
        attempt = t.attempt.c
        query = select(attempt.id, attempt.answer).where(
            attempt.record == item.record,
            attempt.connection == item.connection,
            attempt.outcome == Result.APPLIED,
            attempt.finished_at >= item.handed_at,
        )
        row = (await tx.execute(query.order_by(attempt.started_at.desc()).limit(1))).first()
        if row is None:
            outcome = Outcome.APPLIED if applied else Outcome.UNCHANGED
            return Ended(outcome=outcome, by="read_back" if applied else "", reason=told)
        return Ended(outcome=Outcome.APPLIED, by=await self._by(tx, row.id, loads(row.answer) or {}))

    async def _by(self, tx: AsyncConnection, attempt_id: str, answer: Mapping[str, Any]) -> str:
        """Whether the answer itself proves the write (rule 14), or the object was looked at after it."""
        attempt = await load_attempt(tx, attempt_id)
        flow = self.place.topology.by_object.get((attempt.connection, attempt.object)) if attempt else None
        if attempt is None or flow is None or "proof" in answer:
            return "read_back"
        spec = flow.members[attempt.connection].spec
        counted = spec.version_kind is VersionKind.COUNTER and attempt.base is not None
        alone = attempt.kind in (WriteKind.CREATE, WriteKind.ITEM)
        return "answer" if alone or counted or (spec.conditional and attempt.etag) else "read_back"

    def _told(self, case: Case) -> str:
        """Why, for whoever looks at the run: nothing that only some may see."""
        return in_line(case, personal_of(self.place, case), _ANYBODY).title

    async def _unknown(self, tx: AsyncConnection, item: Handed, lane: Lane, now: float) -> Ended:
        case = await _other_case(tx, item, [CaseClass.UNKNOWN_OUTCOME])
        if case is None:
            return Ended(outcome=Outcome.UNKNOWN, reason="no answer; the outcome is being proved", final=False)
        return _unproved(item, case, self._told(case), lane, now)

    async def _observed(self, tx: AsyncConnection, item: Handed, lanes: Mapping[str, Lane]) -> Ended | None:
        notice = t.notice.c
        row = (await tx.execute(select(notice.state, notice.record).where(notice.id == item.subject))).one_or_none()
        if row is None:
            return Ended(outcome=Outcome.SKIPPED, reason="the notice is not kept any more")
        if row.state != "done":
            return None
        record = item.record or row.record or ""
        if record and not item.record:
            lanes = (await load_lanes(tx, [record])).get(record, {})
        stuck = [lane for lane in lanes.values() if lane.state in (LaneState.PARKED, LaneState.UNKNOWN)]
        if any(not _at_rest(lane) for lane in lanes.values() if lane not in stuck):
            return None
        case = await _newest_case(tx, record, item.handed_at) if record else None
        if case is not None:
            return Ended(outcome=_OF_CLASS.get(case.cls, Outcome.FAILED), reason=self._told(case), case=case.number)
        version = t.field_version.c
        query = select(version.fver).where(version.record == record, version.at >= item.handed_at).limit(1)
        moved = (await tx.execute(query)).first() is not None
        if moved:
            return Ended(outcome=Outcome.APPLIED, by="read_back")
        return Ended(outcome=Outcome.UNCHANGED, reason="the record has all that it shows")


def _unproved(item: Handed, case: Case, why: str, lane: Lane | None, now: float) -> Ended:
    """Unknown for good only when no look can be expected to prove it any more: then people have its case."""
    settles_at = case.evidence.get("settles_at")
    until = max(float(settles_at) if isinstance(settles_at, int | float) else 0.0, item.handed_at) + PROOF_S
    looked_at = lane is not None and lane.state in BUSY
    return Ended(outcome=Outcome.UNKNOWN, reason=why, case=case.number, final=not looked_at or now >= until)


def _at_rest(lane: Lane) -> bool:
    if lane.state is LaneState.PARKED:
        return True
    return lane.state is LaneState.IDLE and not lane.owner and not lane.has_work


async def _other_case(tx: AsyncConnection, item: Handed, classes: Collection[CaseClass]) -> Case | None:
    """Another open case about the same lane."""
    wanted = CaseFilter(record=item.record, connection=item.connection, classes=tuple(classes))
    others = [each.number for each in (await list_cases(tx, wanted)).cases if each.number != item.subject]
    return next(iter(await cases_of(tx, others[:1])), None)


async def _newest_case(tx: AsyncConnection, record: str, since: float) -> Case | None:
    page = await list_cases(tx, CaseFilter(record=record))
    fresh = [each.number for each in page.cases if each.last_seen >= since]
    return next(iter(await cases_of(tx, fresh[:1])), None)
