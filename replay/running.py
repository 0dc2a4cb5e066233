"""Carrying a plan out: started once and bound to its digest, then one small step after the other, each of them durable.

Every item's decision and the note that it was taken are one transaction, so a worker that is killed leaves nothing
half done and nothing is done twice; whoever claims the run goes on from what is stored.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from replay import runs, store
from replay.errors import DigestMismatch, LimitsTooBold, NeedsApproval, NothingToRun, PlanStale, RunRefused
from replay.ids import short_id
from replay.log import OF_STATE, Step, log, log_progress
from replay.ports import Books, Carrier
from replay.runs import RunItem
from replay.sums import Sums, sums_of, tripped
from replay.values import ENDED, Ended, Limits, Moved, Outcome, Person, Plan, Run, RunState

IN_HAND = 50
"""Items that the lanes have at once: a replay does not fill the queue before fresh changes."""
LOOK_S = 0.25
"""How often it is asked what became of them."""
IDLE_S = 2.0
"""The same, while a run waits for a person and its lanes have nothing: how soon it goes on."""
AT_ONCE = 10
"""Items handed over between two looks, where the rate allows it."""
BURST_S = 1.0
"""Time for which the rate may be made up after a pause between steps."""
GUARD = "guard"


async def check_runnable(tx: AsyncConnection, plan: Plan, digest: str, limits: Limits) -> None:
    """Raises DigestMismatch, LimitsTooBold, NothingToRun or NeedsApproval. Whether the plan moved is asked apart."""
    if digest != plan.digest:
        raise DigestMismatch(plan.id, plan.digest, digest)
    if not limits.no_bolder(plan.limits):
        raise LimitsTooBold(plan.id)
    if plan.sends == 0:
        raise NothingToRun(plan.id)
    if plan.needs_approval and not await store.approver(tx, plan.id):
        raise NeedsApproval(plan.id, plan.needs_approval)


async def start_run(tx: AsyncConnection, plan: Plan, limits: Limits, by: Person, now: float) -> Run:
    """Stores the run with all of its items, and takes their records. Raises PlanStale if another run has one of them.

    The caller has checked that it is runnable and that nothing moved.
    """
    run = Run(
        id=short_id("rr"),
        plan=plan.id,
        digest=plan.digest,
        state=RunState.RUNNING,
        limits=limits,
        step=1,
        count=plan.sends,
        at=now,
        by=by,
    )
    await runs.add_run(tx, run)
    await log(tx, run.id, Step.STARTED, run.count, now, by=by.name)
    await runs.add_run_items(tx, run)
    taken = await runs.hold(tx, run)
    if taken:
        moved = [Moved(item=item, what="record", was="free", now=f"in run {other}") for item, other in taken]
        raise PlanStale(plan.id, moved)
    return run


# What people say to a run.


async def turn(tx: AsyncConnection, run: Run, verb: str, by: Person, reason: str, now: float) -> RunState:
    """Pauses, resumes or stops. The same again is no error; RunRefused for what makes no sense in its state."""
    if run.ended_at:
        raise RunRefused(run.id, verb, "it has ended")
    state = await (_resume(tx, run) if verb == "resume" else _halt(tx, run, verb, by, reason))
    if state is not run.state:
        await log(tx, run.id, OF_STATE[state], reason, now, by=by.name)
    return state


async def _halt(tx: AsyncConnection, run: Run, verb: str, by: Person, reason: str) -> RunState:
    if run.state is RunState.STOPPING and verb == "pause":
        raise RunRefused(run.id, verb, "it is stopping; what its lanes have goes on")
    state = RunState.PAUSED if verb == "pause" else RunState.STOPPING
    if run.state is not state:
        told = reason or f"{'paused' if verb == 'pause' else 'stopped'} by {by.name}"
        values: dict[str, Any] = {"state": state, "reason": told}
        await runs.set_run(tx, run.id, **values, **({"stopped_by": by.name} if verb == "stop" else {}))
    return state


async def _resume(tx: AsyncConnection, run: Run) -> RunState:
    if run.state is RunState.STOPPING:
        raise RunRefused(run.id, "resume", "it is stopping; plan what is left again")
    if run.state is RunState.WAITING:
        await runs.set_run(tx, run.id, state=RunState.RUNNING, step=run.step + 1, reason="", in_a_row=0)
    elif run.state is RunState.PAUSED:
        await runs.set_run(tx, run.id, state=RunState.RUNNING, reason="", in_a_row=0)
    return RunState.RUNNING


# What a worker does for a run.


@dataclass(slots=True)
class Runner:
    """Carries runs on, for one worker. Several may: each run has one at a time, by its lease."""

    books: Books
    carrier: Carrier
    worker: str
    ended: Counter[str] = field(default_factory=Counter)
    """Outcome -> items that ended by this worker since its start."""
    over: Counter[str] = field(default_factory=Counter)
    """Last state -> runs that ended by this worker since its start."""

    async def take(self, now: float) -> str | None:
        """A run that nobody carries on now."""
        async with self.books.read() as tx:
            if not await runs.unclaimed(tx, now):
                return None
        async with self.books.begin("replay.claim") as tx:
            return await runs.claim(tx, self.worker, now)

    async def leave(self) -> None:
        """Gives everything back, for another worker to go on with at once."""
        async with self.books.begin("replay.leave") as tx:
            await runs.let_go(tx, self.worker)

    async def step(self, id: str, now: float) -> float | None:
        """Settles what ended, then hands over the next item if it may. Gives seconds until the next step; None: it is
        over, or another worker has it.
        """
        settled = await self._settle(id, now)
        if settled is None:
            return None
        run, in_hand, moved = settled
        if run.state in ENDED:
            return None
        if run.state is not RunState.RUNNING:
            return LOOK_S if in_hand else IDLE_S
        handed = 0
        next_at: float | None = run.next_at
        while handed < AT_ONCE and next_at is not None and next_at <= now:
            next_at = await self._hand_over(id, now)
            handed += next_at is not None
        if next_at is not None:
            return min(max(0.0, next_at - now), LOOK_S)
        return 0.0 if handed or moved else LOOK_S

    async def _settle(self, id: str, now: float) -> tuple[Run, int, bool] | None:
        """Notes what became of what the lanes have, and where that leaves the run."""
        async with self.books.read() as tx:
            handed = await runs.load_run_items(tx, id, state="handed", limit=10 * IN_HAND)
            outcomes = await self.carrier.outcomes(tx, handed, now) if handed else []
        news = {
            item.seq: ended
            for item, ended in zip(handed, outcomes, strict=True)
            if ended is not None and _is_news(item, ended)
        }
        counted = Counter(str(ended.outcome) for ended in news.values() if ended.final)
        async with self.books.begin("replay.settle") as tx:
            run = await runs.keep(tx, id, self.worker, now)
            if run is None:
                return None
            await runs.settle(tx, id, news, now)
            run, left_out = await self._judge(tx, run, news, now)
        self.ended.update(counted + Counter({str(Outcome.SKIPPED): left_out}))
        if run.state in ENDED:
            self.over[str(run.state)] += 1
        return run, len(handed), bool(news)

    async def _judge(self, tx: AsyncConnection, run: Run, news: dict[int, Ended], now: float) -> tuple[Run, int]:
        """The run after these outcomes: on, to its next step, waiting for a person, stopping, or over; and how many
        items are left out by that.
        """
        in_a_row, left_out = run.in_a_row, 0
        for ended in news.values():
            if ended.final:
                in_a_row = in_a_row + 1 if ended.outcome is Outcome.FAILED else 0
        rows = await runs.tally(tx, run.id)
        whole, step = sums_of(rows), sums_of(rows, run.step)
        values = _next(run, whole, step, in_a_row, now)
        if values.get("state") in (RunState.STOPPING, RunState.STOPPED):
            left_out = await runs.leave_out(tx, run.id, values.get("reason") or run.reason, now)
        if values.get("state") in (RunState.DONE, RunState.STOPPED):
            await runs.release(tx, run.id)
            told = {"run": run.id, "state": str(values["state"]), "counts": whole.counts, "left_out": left_out}
            await self.carrier.over(tx, run.plan, told, now)
        await _told(tx, run, values, whole, now)
        if values:
            await runs.set_run(tx, run.id, **values)
        after = msgspec.structs.replace(run, **{name: value for name, value in values.items() if name in _FIELDS})
        return after, left_out

    async def _hand_over(self, id: str, now: float) -> float | None:
        """The next item of the present step, decided about and noted in one transaction. Gives when the one after it
        may follow; None: nothing can be handed over now.

        It is told of with the time at which the run is held: a person's word that lets the item go may have come after
        `now`, and has to stand before it in the trail.
        """
        async with self.books.begin("replay.item") as tx:
            run = await runs.keep(tx, id, self.worker, now)
            if run is None or run.state is not RunState.RUNNING:
                return None
            handed = await runs.load_run_items(tx, id, state="handed", limit=IN_HAND)
            waiting = await runs.load_run_items(tx, id, state="waiting", step=run.step, limit=1)
            if len(handed) >= IN_HAND or not waiting:
                return None
            item = waiting[0]
            planned = await store.load_item(tx, run.plan, item.seq)
            at = max(now, self.carrier.now())
            version, ended = await self.carrier.hand_over(tx, run.id, run.by, planned, at)
            await runs.mark_handed(tx, id, item.seq, version, at)
            if ended is not None:
                await runs.settle(tx, id, {item.seq: ended}, at)
            next_at = max(run.next_at, now - BURST_S) + 60.0 / run.limits.rate
            await runs.set_run(tx, id, next_at=next_at)
        if ended is not None and ended.final:
            self.ended[str(ended.outcome)] += 1
        return next_at


_FIELDS = frozenset(Run.__struct_fields__)


async def _told(tx: AsyncConnection, run: Run, values: dict[str, Any], whole: Sums, now: float) -> None:
    """What changed, in the run's log. What a guard leaves out ends with the run's last word, not as progress."""
    state = values.get("state", run.state)
    if state not in (RunState.STOPPING, RunState.STOPPED):
        await log_progress(tx, run.id, whole, now)
    if values.get("step", run.step) != run.step:
        await log(tx, run.id, Step.RAMP, values["step"], now)
    if state is not run.state:
        what = run.step if state is RunState.WAITING else values.get("reason", "")
        await log(tx, run.id, OF_STATE[state], what, now, by=values.get("stopped_by", ""))


def _is_news(item: RunItem, ended: Ended) -> bool:
    return ended.final or (item.outcome, item.reason) != (ended.outcome, ended.reason)


def _next(run: Run, whole: Sums, step: Sums, in_a_row: int, now: float) -> dict[str, Any]:
    """What changes of a run. A pause keeps everything, so that the limits judge anew when it goes on."""
    values: dict[str, Any] = {"in_a_row": in_a_row} if in_a_row != run.in_a_row else {}
    if run.state is RunState.STOPPING:
        if whole.handed:
            return {**values, "state": RunState.STOPPING}
        return {**values, "state": RunState.STOPPED, "ended_at": now}
    why = tripped(run.limits, in_a_row, whole, step) if run.state is RunState.RUNNING else ""
    if why and (whole.waits or whole.handed):
        return {**values, "state": RunState.STOPPING, "reason": why, "stopped_by": GUARD}
    if whole.handed == 0 and whole.waits == 0:
        return {**values, "state": RunState.DONE, "ended_at": now, "reason": why}
    if run.state is RunState.RUNNING and step.handed == 0 and step.waits == 0:
        if run.limits.wait_after == run.step:
            return {**values, "state": RunState.WAITING, "reason": f"step {run.step} of the ramp has ended: look at it"}
        return {**values, "step": run.step + 1}
    return values
