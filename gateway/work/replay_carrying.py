"""Hands items of a run to the lanes, by the decisions that people take about cases; never around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import MappingError
from dead_letter import store as cases
from dead_letter.actions import decide
from dead_letter.errors import DecisionRefused
from dead_letter.values import Case, Ending
from gateway.audit.effects import close
from gateway.core.kinds import APPLIED, FAILED
from gateway.storage.database import savepoint
from gateway.sync import tables as t
from gateway.sync.batch import Batch, Decision
from gateway.sync.lane_port import Lanes
from gateway.sync.state import LinkState
from gateway.sync.unit import Unit
from gateway.work.replay_foresight import Planner
from gateway.work.replay_journal import OBSERVE
from gateway.work.replay_outcomes import Reading
from gateway.work.replay_through import THROUGH, through_of, understand
from gateway.work.workplace import Workplace
from replay.moving import bolder
from replay.planning import foresee
from replay.ports import Handed
from replay.values import SENDS, Action, Ended, Foreseen, Outcome, Person, RunState, Source

DONE_ANYWAY = frozenset({Ending.APPLIED, Ending.AGREED, Ending.OBSOLETE, Ending.RESTORED})


class Porter:
    """replay's Carrier."""

    def __init__(self, place: Workplace) -> None:
        self.place, self.planner, self.reading = place, Planner(place), Reading(place)

    def now(self) -> float:
        """The workplace's time."""
        return self.place.now()

    async def hand_over(
        self, tx: AsyncConnection, run: str, by: Person, planned: Foreseen, now: float
    ) -> tuple[int, Ended | None]:
        """The item's decision, inside `tx`: the case is held against other decisions, foreseen once more on the present
        state, and decided about at its present version.
        """
        if planned.decision in (OBSERVE, THROUGH):
            return 0, await self._observe(tx, run, by, planned, now)
        case = await cases.lock_case(tx, planned.subject)
        if case is None or case.closed_at is not None:
            return 0, _closed(case)
        (present,) = await foresee(tx, self.planner, Source.CASES, [planned.subject], mine=run)
        if present.action not in SENDS or bolder(planned, present):
            return case.version, _moved(planned, present)
        lanes = Lanes(tx, self.place.topology, now=now, actor=by.name)
        try:
            async with savepoint(tx):
                done = await decide(
                    tx,
                    case.number,
                    present.decision,
                    actor=by.name,
                    reason=f"replay {run}",
                    expected_version=case.version,
                    lanes=lanes,
                    now=now,
                )
        except (DecisionRefused, MappingError) as error:
            return case.version, Ended(outcome=Outcome.SKIPPED, reason=str(error), case=case.number)
        return done.version, None

    async def _observe(self, tx: AsyncConnection, run: str, by: Person, planned: Foreseen, now: float) -> Ended | None:
        through = await through_of(tx, run) if planned.decision == THROUGH else ""
        found = await foresee(tx, self.planner.reading(through), Source.JOURNAL, [planned.subject], mine=run)
        if found[0].action not in SENDS or bolder(planned, found[0]):
            return _moved(planned, found[0])
        if through:
            return await understand(tx, self.place.topology, run, by.name, planned, now)
        if not planned.record:
            again = update(t.notice).where(t.notice.c.id == planned.subject, t.notice.c.state == "done")
            again = again.where(t.notice.c.record.is_(None))
            await tx.execute(again.values(state="hint", disposition="", reason=f"replay {run}", rev=0))
            return None

        def look(unit: Unit) -> bool:
            held = unit.held(planned.connection)
            if held.link is not LinkState.PRIMARY:
                return False
            unit.lane(planned.connection).read_wanted = True
            held.hint_rev = unit.state.rev + 1
            unit.audit("replayed", planned.connection, actor=by.name, run=run, notice=planned.subject)
            return True

        decision = Decision(record=planned.record, rule=look)
        await Batch(tx, self.place.topology, now).run([decision])
        return None if decision.result else Ended(outcome=Outcome.UNCHANGED, reason="the object is gone")

    async def outcomes(self, tx: AsyncConnection, items: Sequence[Handed], now: float) -> list[Ended | None]:
        """What is known of each item."""
        return await self.reading.outcomes(tx, items, now)

    async def over(self, tx: AsyncConnection, plan: str, facts: Mapping[str, Any], now: float) -> None:
        """Closes the entry of whoever started it."""
        counts: Mapping[str, int] = facts["counts"]
        bad = facts["state"] != RunState.DONE or any(counts.get(each) for each in (Outcome.FAILED, Outcome.UNKNOWN))
        outcome = FAILED if bad else APPLIED
        await close(tx, [plan], kind="replay_ended", outcome=outcome, at=now, detail=facts)


def _closed(case: Case | None) -> Ended:
    """A case that ended between the plan and its turn."""
    if case is None:
        return Ended(outcome=Outcome.SKIPPED, reason="the case is not kept any more")
    told = f"{case.number} was closed meanwhile ({case.ending.replace('_', ' ')})"
    outcome = Outcome.UNCHANGED if case.ending in DONE_ANYWAY else Outcome.SKIPPED
    return Ended(outcome=outcome, reason=told)


def _moved(planned: Foreseen, present: Foreseen) -> Ended:
    """What is not as it was looked at is left to people; what needs nothing any more is no loss."""
    told = f"planned as {planned.action}, now {present.action}" + (f": {present.reason}" if present.reason else "")
    words = {
        Action.NO_OP: Outcome.UNCHANGED,
        Action.SUPERSEDED: Outcome.UNCHANGED,
        Action.GONE: Outcome.UNCHANGED,
        Action.CONFLICT: Outcome.CONFLICT,
        Action.BLOCKED: Outcome.HELD,
    }
    return Ended(outcome=words.get(present.action, Outcome.SKIPPED), reason=told, case=present.subject)
