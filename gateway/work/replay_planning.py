"""Plans from the moment they are asked for: begun, made by any worker or by whoever asks, followed, given up.

Who may see everything follows every plan in the making; others their own, for what they hold is not known before they
are whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.rights import Principal, Right
from gateway.core.ids import new_id
from gateway.work.case_scope import flows_of
from gateway.work.replay_foresight import Planner
from gateway.work.replay_limits import limits_asked, limits_for
from gateway.work.replay_views import making_facts, selection_facts
from gateway.work.trail import note
from gateway.work.workplace import Workplace
from replay import makings, store
from replay import runs as run_store
from replay.errors import NotFound, NothingSelected, NotInPlan, PlanNotReady
from replay.making import Heard, Maker, begin_plan, cancel_plan
from replay.makings import Claim
from replay.selecting import load_selection, narrowed, select_items
from replay.values import Limits, Making, Outcome, Person, Plan, PlanState, Scope, Selection, Wish

Facts = dict[str, Any]
TOLD_S = 3600.0
"""How long a plan that failed or was cancelled is listed."""
OPEN = 50
LEFT = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.CONFLICT, Outcome.HELD, Outcome.SKIPPED, Outcome.DUPLICATE)
MOST_LEFT = 100_000


def scope_of(place: Workplace, who: Principal) -> Scope:
    """What replay may show to somebody."""
    return Scope(connections=who.connections, flows=flows_of(place, who))


def person_of(who: Principal) -> Person:
    """Who it is, for histories and four eyes."""
    return Person(name=who.name, human=who.person or who.id)


def maker_of(place: Workplace, worker: str) -> Maker:
    """Makes plans for a worker, by the present configuration."""
    return Maker(
        place.database,
        Planner(place),
        lambda asked, where, sends, calls: limits_asked(asked, limits_for(place.config, where, sends, calls)),
        lambda tx, plan: _planned(place, tx, plan),
        worker,
        place.now,
    )


async def _planned(place: Workplace, tx: AsyncConnection, made: Plan) -> None:
    """The plan in the audit trail; it is there no earlier and no later than the plan."""
    totals = {str(action): count for action, count in made.totals.items() if count}
    detail = {"digest": made.digest, "selection": made.selection, "items": made.count, "totals": totals}
    await note(tx, at=place.now(), kind="replay_planned", actor=made.by.name, cause=made.id, detail=detail)


async def begin(
    place: Workplace, who: Principal, selection: str, *, limits: Limits | None = None, again: str = ""
) -> Facts:
    """Asks for a plan of a selection; a worker of the gateway makes it. Right WORK. The answer is `making`'s. Who sees
    only a part of the gateway plans own selections, and those of plans it sees. Raises NotFound.
    """
    selected = await _selected(place, who, selection, again)
    made = await begin_plan(place.database, selected, person_of(who), limits=limits, again=again, now=place.now())
    place.stir()
    return making_facts(made)


async def make_here(
    place: Workplace,
    who: Principal,
    selection: str,
    *,
    limits: Limits | None = None,
    again: str = "",
    heard: Heard = lambda looked, total: None,
) -> str:
    """As `begin`, made at once by this process; gives its id. Interrupted, it is cancelled; killed, a worker of the
    gateway takes it up. Raises NotFound; PlanNotReady if somebody cancelled it.
    """
    selected = await _selected(place, who, selection, again)
    worker = new_id("here")
    made = await begin_plan(
        place.database, selected, person_of(who), limits=limits, again=again, now=place.now(), owner=worker
    )
    try:
        whole = await maker_of(place, worker).make(Claim(made.plan, worker, made.tries), heard)
    except (KeyboardInterrupt, asyncio.CancelledError):
        await _cancelled(place, who, made, "interrupted")
        raise
    if whole is None:
        await whole_or_why(place, who, made.plan)
    return made.plan


async def _selected(place: Workplace, who: Principal, selection: str, again: str) -> Selection:
    who.require(Right.WORK)
    scope = scope_of(place, who)
    async with place.database.read() as tx:
        selected = await load_selection(tx, selection)
        before = await store.load_plan(tx, again, scope) if again else None
    everywhere = scope == Scope()
    seen_before = before is not None and before.selection == selection
    if selected is None or not (everywhere or seen_before or selected.by == who.name):
        raise NotFound("selection", selection)
    return selected


async def anew(
    place: Workplace, who: Principal, plan_id: str, drop: Sequence[str] = ()
) -> tuple[str, Limits | None, str]:
    """What to plan to make a plan anew: its selection without what is dropped, its limits, and the plan to compare
    with; also of one that failed or was cancelled. Right WORK. Raises NotFound, NotInPlan, PlanNotReady.
    """
    who.require(Right.WORK)
    async with place.database.read() as tx:
        before = await store.load_plan(tx, plan_id, scope_of(place, who))
    if before is not None:
        return await _without(place, who, plan_id, before.selection, drop), before.limits, before.id
    wanted = await _making(place, who, plan_id)
    if wanted is None:
        raise NotFound("plan", plan_id)
    if wanted.state is PlanState.MAKING:
        raise PlanNotReady(wanted)
    return await _without(place, who, plan_id, wanted.selection, drop), wanted.limits, ""


async def _without(place: Workplace, who: Principal, plan_id: str, selection: str, drop: Sequence[str]) -> str:
    """The id of a new selection: the old one without these. It is pinned as the old one was."""
    if not drop:
        return selection
    async with place.database.begin("replay.select") as tx:
        found = await load_selection(tx, selection)
        there = set(found.items) if found else set()
        if found is None or (missing := sorted(set(drop) - there)):
            raise NotInPlan(plan_id, missing if found else drop)
        left = tuple(each for each in found.items if each not in set(drop))
        if not left:
            raise NothingSelected
        made = await narrowed(tx, found, left, person_of(who))
        detail = {"count": made.count, "dropped": list(drop), "plan": plan_id}
        await note(tx, at=place.now(), kind="replay_selected", actor=who.name, cause=made.id, detail=detail)
    return made.id


async def leftovers(place: Workplace, who: Principal, run_id: str) -> Facts:
    """Pins what a run left open: failed, unknown, conflict, held, duplicate and left out, of which the cases are open
    still. Right WORK. As `replays.select`. Raises NotFound, NothingSelected.
    """
    who.require(Right.WORK)
    scope = scope_of(place, who)
    async with place.database.begin("replay.select") as tx:
        if await run_store.load_run(tx, run_id, scope) is None:
            raise NotFound("run", run_id)
        found = await run_store.left_over(tx, run_id, LEFT, MOST_LEFT)
        if not found:
            raise NothingSelected
        made = await select_items(tx, Wish(numbers=tuple(found)), scope, person_of(who), Planner(place), place.now())
        detail = {"count": made.count, "run": run_id}
        await note(tx, at=place.now(), kind="replay_selected", actor=who.name, cause=made.id, detail=detail)
    return selection_facts(made)


# Following.


async def making(place: Workplace, who: Principal, plan_id: str) -> Facts | None:
    """How far a plan is, or how its making ended. Right SEE. None: there is none, or it is not for this reader.

    {plan, state: making | ready | failed | cancelled, at, by, total, looked, ended_at, reason, again}
    """
    who.require(Right.SEE)
    found = await _making(place, who, plan_id)
    return None if found is None else making_facts(found)


async def under_way(place: Workplace, who: Principal) -> list[Facts]:
    """Plans in the making, and those of the last hour that never became whole; newest first. Right SEE. As `making`."""
    who.require(Right.SEE)
    human = "" if scope_of(place, who) == Scope() else person_of(who).human
    async with place.database.read() as tx:
        found = await makings.list_makings(tx, human=human, since=place.now() - TOLD_S, limit=OPEN)
    return [making_facts(each) for each in found]


async def cancel(place: Workplace, who: Principal, plan_id: str, *, reason: str = "") -> Facts:
    """Gives a plan in the making up. Right WORK. The answer is `making`'s; said again, it is the same. Raises NotFound,
    PlanIsOver.
    """
    who.require(Right.WORK)
    wanted = await _making(place, who, plan_id)
    if wanted is None:
        raise NotFound("plan", plan_id)
    await _cancelled(place, who, wanted, reason or f"cancelled by {who.name}")
    return making_facts(await _making(place, who, plan_id) or wanted)


async def whole_or_why(place: Workplace, who: Principal, plan_id: str) -> None:
    """Raises PlanNotReady for a plan that is not whole, if this principal may follow it."""
    found = await _making(place, who, plan_id)
    if found is not None and found.state is not PlanState.READY:
        raise PlanNotReady(found)


async def _cancelled(place: Workplace, who: Principal, wanted: Making, reason: str) -> None:
    async def told(tx: AsyncConnection) -> None:
        detail = {"selection": wanted.selection, "items": wanted.total, "reason": reason}
        await note(tx, at=place.now(), kind="replay_cancelled", actor=who.name, cause=wanted.plan, detail=detail)

    await cancel_plan(place.database, wanted, reason, place.now(), told)


async def _making(place: Workplace, who: Principal, plan_id: str) -> Making | None:
    scope = scope_of(place, who)
    async with place.database.read() as tx:
        found = await makings.load_making(tx, plan_id)
        if found is None or scope == Scope() or found.by.human == person_of(who).human:
            return found
        return found if await store.load_plan(tx, plan_id, scope) is not None else None
