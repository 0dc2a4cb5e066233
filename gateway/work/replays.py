"""What people do with replays: select, plan, look, approve, run, pause, resume, stop; for API, console and CLI.

Every answer is plain data (JSON can take it). What lies outside a principal's scope is answered as not there (None, or
NotFound where something was to be done); a right that is lacking is NotAllowed; what the domain refuses is an error of
`replay.errors`, with `code` and `status`. Personal values are masked here, and looks in clear audited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy.exc import IntegrityError

from gateway.access.rights import Principal, Right
from gateway.work import replay_planning as planning
from gateway.work import replay_views as views
from gateway.work.personal import seen
from gateway.work.replay_audit import lacks_approval, note_started, tried
from gateway.work.replay_forecast import lags_of
from gateway.work.replay_foresight import Planner
from gateway.work.replay_planning import person_of, scope_of
from gateway.work.replay_through import pinned
from gateway.work.trail import note
from gateway.work.workplace import Workplace
from replay import runs as run_store
from replay import store
from replay.errors import ApprovalNotNeeded, DigestMismatch, NotFound, PlanStale, SelfApproval
from replay.log import note_lags
from replay.making import Heard
from replay.moving import compared, moved_since
from replay.running import start_run, turn
from replay.selecting import load_selection, select_items
from replay.values import Action, Foreseen, Limits, Plan, Run, Wish

Facts = dict[str, Any]
MOST = 200
"""Items of a page."""


# Plans.


async def select(place: Workplace, who: Principal, wish: Wish) -> Facts:
    """Pins what the wish finds now and this principal may see. Right WORK.

    {selection, count, at, by, wish}. Raises NothingSelected, BadWish, UnknownVersion.
    """
    who.require(Right.WORK)
    wish, now = await pinned(place, who, wish), place.now()
    async with place.database.begin("replay.select") as tx:
        made = await select_items(tx, wish, scope_of(place, who), person_of(who), Planner(place), now)
        detail = {"count": made.count, "wish": msgspec.to_builtins(wish)}
        await note(tx, at=now, kind="replay_selected", actor=who.name, cause=made.id, detail=detail)
    return views.selection_facts(made)


async def plan(
    place: Workplace,
    who: Principal,
    selection: str,
    *,
    limits: Limits | None = None,
    again: str = "",
    heard: Heard = lambda looked, total: None,
) -> Facts:
    """Makes a plan of a selection, here and now; sends and changes nothing. Right WORK. `again`: the plan it replaces.

    Without `limits` they come from the configuration; bolder ones need a second person. Who sees only a part of the
    gateway plans own selections, and those of plans it sees. `heard` is told how far it is. The answer is `show`'s.
    Raises NotFound, PlanNotReady.
    """
    made = await planning.make_here(place, who, selection, limits=limits, again=again, heard=heard)
    shown = await show(place, who, made)
    if shown is None:
        raise NotFound("selection", selection)
    return shown


async def plan_again(
    place: Workplace,
    who: Principal,
    plan_id: str,
    *,
    drop: Sequence[str] = (),
    heard: Heard = lambda looked, total: None,
) -> Facts:
    """The plan's selection, without what is dropped, planned anew on the present state; `diff` of the new plan shows
    what differs. Right WORK. Another plan with a digest of its own: an approval of the old one is none of it.

    Raises NotFound, NotInPlan, PlanNotReady.
    """
    selection, limits, compared = await planning.anew(place, who, plan_id, drop)
    return await plan(place, who, selection, limits=limits, again=compared, heard=heard)


async def show(place: Workplace, who: Principal, plan_id: str) -> Facts | None:
    """A plan: totals, pins, what to look at first, the alike folded, what is not in it, cost, limits. Right SEE.

    {plan, selection, wish, state: ready | run | expired, digest, at, by, good_until, stale_by_time, pins: {mappings,
    connectors, position}, totals: {action: n}, count, sends, first: [{action, count, items: [as `items`]}], alike:
    [{action, alike, connections, count, different, values: [{changes: [{field, got, wanted}], count}], sample: seq}],
    not_in: [{action, reason, connection, count}], later: n, cost: {calls, minutes, rate, share}, told: {systems:
    [{connection, action, count, who}], ours: [{event, to}]}, live: [{connection, lag_s, waiting, takes_per_min,
    keeps_per_min, adds_s}], limits, approval: {needed, why, by, at}, again, runs: [run ids]}. Raises PlanNotReady.
    """
    who.require(Right.SEE)
    scope = scope_of(place, who)
    async with place.database.read() as tx:
        found = await store.load_plan(tx, plan_id, scope)
        facts = await views.plan_facts(tx, found, scope, place, place.now()) if found else None
    if facts is None:
        await planning.whole_or_why(place, who, plan_id)
        return None
    return await _masked(place, who, facts, plan_id)


async def items(
    place: Workplace,
    who: Principal,
    plan_id: str,
    *,
    action: str = "",
    alike: str = "",
    after: int = 0,
    limit: int = 50,
) -> Facts | None:
    """Items of a plan in its order, the dangerous first. Right SEE. {items: [{seq, subject, action, alike, decision,
    reason, record, flow, connection, object, object_key, cause, diffs: [{field, got, wanted, by, at}], calls}], next}
    """
    who.require(Right.SEE)
    limit = max(1, min(limit, MOST))
    known = [each for each in Action if each == action]
    if action and not known:
        return {"items": [], "next": None}
    async with place.database.read() as tx:
        if await store.load_plan(tx, plan_id, scope_of(place, who)) is None:
            return None
        page = await store.load_items(tx, plan_id, after=after, limit=limit + 1, actions=known, alike=alike or None)
    facts = {
        "items": [views.item_facts(seq, item) for seq, item in page[:limit]],
        "next": page[limit - 1][0] if len(page) > limit else None,
    }
    return await _masked(place, who, facts, plan_id)


async def diff(place: Workplace, who: Principal, plan_id: str) -> Facts | None:
    """What differs from the plan that this one replaces. Right SEE. {plan, again, added, dropped, changed: each
    [{subject, object_key, was: {action, reason, diffs} | None, now: {action, reason, diffs} | None}], same: n}
    """
    who.require(Right.SEE)
    scope = scope_of(place, who)
    async with place.database.read() as tx:
        found = await store.load_plan(tx, plan_id, scope)
        before = await store.load_plan(tx, found.again, scope) if found and found.again else None
    if found is None:
        return None
    was = await _all_items(place, before.id) if before else {}
    now = await _all_items(place, found.id) if before else {}
    kinds = compared(was, now)
    facts: Facts = {"plan": plan_id, "again": found.again, "same": len(kinds["same"])}
    for kind in ("added", "dropped", "changed"):
        facts[kind] = [views.difference(each, was.get(each), now.get(each)) for each in kinds[kind]]
    return await _masked(place, who, facts, plan_id)


async def moved(place: Workplace, who: Principal, plan_id: str) -> Facts | None:
    """What moved since the plan was made; reads only. Right SEE.

    {plan, moved: [{item, what, field, was, now, by, at}]}
    """
    who.require(Right.SEE)
    async with place.database.read() as tx:
        found = await store.load_plan(tx, plan_id, scope_of(place, who))
    if found is None:
        return None
    facts = {"plan": plan_id, "moved": [views.moved_facts(each) for each in await _moved(place, found)]}
    return await _masked(place, who, facts, plan_id)


async def approve(place: Workplace, who: Principal, plan_id: str, digest: str, *, reason: str = "") -> Facts:
    """A second person says yes to exactly this digest. Right APPROVE. The answer is `show`'s; a repeated approval is
    answered the same. Raises NotFound, PlanNotReady, DigestMismatch, SelfApproval, ApprovalNotNeeded, PlanStale.
    """
    who.require(Right.APPROVE)
    person, now = person_of(who), place.now()
    found = await _plan(place, who, plan_id)
    if found.digest != digest:
        raise DigestMismatch(plan_id, found.digest, digest)
    if not found.needs_approval:
        raise ApprovalNotNeeded(plan_id)
    if found.by.human == person.human:
        await tried(place, who, "replay_self_approval", found)
        raise SelfApproval(plan_id)
    stale = await _moved(place, found)
    if stale:
        raise PlanStale(plan_id, stale)
    async with place.database.begin("replay.approve") as tx:
        locked = await store.load_plan(tx, plan_id, scope_of(place, who), lock=True)
        if locked is not None and not locked.approved_by:
            await store.approve_plan(tx, plan_id, person, now)
            detail = {"digest": digest, "reason": reason, "asked_by": found.by.name}
            await note(tx, at=now, kind="replay_approved", actor=who.name, cause=plan_id, detail=detail)
    return await show(place, who, plan_id) or {}


# Runs.


async def run(
    place: Workplace, who: Principal, plan_id: str, digest: str, *, limits: Limits | None = None, reason: str = ""
) -> Facts:
    """Starts the run of exactly this plan; the gateway carries it out. Right WORK. The answer is `run_show`'s.

    A plan is run once: asked again, the run that there is, is the answer. Raises NotFound, PlanNotReady,
    DigestMismatch, PlanStale (`moved`), NeedsApproval, LimitsTooBold, NothingToRun.
    """
    who.require(Right.WORK)
    found = await _plan(place, who, plan_id)
    wanted = limits or found.limits
    async with place.database.read() as tx:
        if found.digest == digest and (there := await run_store.run_of_plan(tx, plan_id)):
            return await views.run_facts(tx, there, place.now())
        unapproved = await lacks_approval(tx, found, digest, wanted)
    if unapproved is not None:
        await tried(place, who, "replay_unapproved", found)
        raise unapproved
    stale = await _moved(place, found)
    if stale:
        raise PlanStale(plan_id, stale)
    try:
        async with place.database.begin("replay.run") as tx:
            now = place.now()
            started = await start_run(tx, found, wanted, person_of(who), now)
            await note_lags(tx, started.id, await lags_of(tx, found.id, now))
            await note_started(tx, place, who, found, started, reason)
            return await views.run_facts(tx, started, now)
    except IntegrityError:  # somebody started it at this very moment
        async with place.database.read() as tx:
            there = await run_store.run_of_plan(tx, plan_id)
            if there is None:
                raise
            return await views.run_facts(tx, there, place.now())


async def run_show(place: Workplace, who: Principal, run_id: str) -> Facts | None:
    """A run. Right SEE. {run, plan, digest, state, word, reason, at, by, ended_at, count, counts: {outcome: n} that add
    up to count, ended, applied_by: {read_back, answer}, step, steps: [{size, done, counts}], limits, rate, left_s,
    troubles: [{outcome, reason, count, cases: [first]}], in_hand, waits, lag_s: {connection: seconds} of
    live traffic alone, lag_before_s: as lag_s, when it began, log: [{at, kind, value, by, text}] the newest first,
    stopped_by}
    """
    who.require(Right.SEE)
    async with place.database.read() as tx:
        found = await run_store.load_run(tx, run_id, scope_of(place, who))
        return None if found is None else await views.run_facts(tx, found, place.now())


async def run_items(
    place: Workplace, who: Principal, run_id: str, *, outcome: str = "", after: int = 0, limit: int = 50
) -> Facts | None:
    """Items of a run with their outcomes. Right SEE. {items: [{seq, step, subject, record, connection, object_key,
    action, state: waiting | handed | done, outcome, by, reason, case, handed_at, ended_at}], next}
    """
    who.require(Right.SEE)
    limit = max(1, min(limit, MOST))
    async with place.database.read() as tx:
        if await run_store.load_run(tx, run_id, scope_of(place, who)) is None:
            return None
        page = await run_store.load_run_items(tx, run_id, outcome=outcome, after=after, limit=limit + 1)
    shown = page[:limit]
    return {
        "items": [views.run_item_facts(item) for item in shown],
        "next": shown[-1].seq if len(page) > limit else None,
    }


async def pause(place: Workplace, who: Principal, run_id: str, *, reason: str = "") -> Facts:
    """Hands nothing more over until `resume`. Right WORK. The answer is `run_show`'s. Raises NotFound, RunRefused."""
    return await _turned(place, who, run_id, "pause", reason)


async def resume(place: Workplace, who: Principal, run_id: str, *, reason: str = "") -> Facts:
    """Goes on: after a pause, or after a step of the ramp that waits for a person. Right WORK. As `pause`."""
    return await _turned(place, who, run_id, "resume", reason)


async def stop(place: Workplace, who: Principal, run_id: str, *, reason: str = "") -> Facts:
    """Hands nothing more over for good; what the lanes have goes on to its end. Right WORK. As `pause`."""
    return await _turned(place, who, run_id, "stop", reason)


async def plans(place: Workplace, who: Principal, *, after: str = "", limit: int = 50) -> Facts:
    """Plans, newest first. Right SEE. {plans: [{plan, state, digest, at, by, good_until, totals, count, sends,
    approval, runs}], next}
    """
    who.require(Right.SEE)
    limit = max(1, min(limit, MOST))
    async with place.database.read() as tx:
        page = await store.list_plans(tx, scope_of(place, who), after=after, limit=limit + 1)
        of = await store.runs_of_plans(tx, [each.id for each in page])
    shown = [views.brief(each, of.get(each.id), place.now()) for each in page[:limit]]
    return {"plans": shown, "next": shown[-1]["plan"] if len(page) > limit else None}


async def runs(place: Workplace, who: Principal, *, after: str = "", limit: int = 50, open: bool = False) -> Facts:
    """Runs, newest first; `open`: only those not ended. Right SEE. {runs: [{run, plan, state, word, at, by, count,
    counts, ended, ended_at}], next}
    """
    who.require(Right.SEE)
    limit = max(1, min(limit, MOST))
    async with place.database.read() as tx:
        page = await run_store.list_runs(tx, scope_of(place, who), after=after, limit=limit + 1, open=open)
        shown = [views.run_brief(each, await run_store.tally(tx, each.id)) for each in page[:limit]]
    return {"runs": shown, "next": shown[-1]["run"] if len(page) > limit else None}


async def runs_of_cases(place: Workplace, who: Principal, numbers: Sequence[str]) -> dict[str, str]:
    """Case -> the run it is in now, also while it waits for its turn; people see such a case as `in_run`. Right SEE.

    A run that the principal may not see is not named, nor is its case in the answer.
    """
    who.require(Right.SEE)
    scope = scope_of(place, who)
    async with place.database.read() as tx:
        found = await store.runs_of_subjects(tx, numbers)
        known = {run for run in set(found.values()) if await run_store.load_run(tx, run, scope) is not None}
    return {number: run for number, run in found.items() if run in known}


# What several of them do.


async def _plan(place: Workplace, who: Principal, plan_id: str) -> Plan:
    async with place.database.read() as tx:
        found = await store.load_plan(tx, plan_id, scope_of(place, who))
    if found is None:
        await planning.whole_or_why(place, who, plan_id)
        raise NotFound("plan", plan_id)
    return found


async def _moved(place: Workplace, found: Plan) -> list[Any]:
    async with place.database.read() as tx:
        selection = await load_selection(tx, found.selection)
    if selection is None:
        raise NotFound("selection", found.selection)
    wish, planner = selection.wish, Planner(place, selection.wish.through)
    return await moved_since(place.database, planner, found, wish.source, now=place.now())


async def _all_items(place: Workplace, plan_id: str) -> dict[str, Foreseen]:
    found: dict[str, Foreseen] = {}
    after = 0
    while True:
        async with place.database.read() as tx:
            page = await store.load_items(tx, plan_id, after=after)
        if not page:
            return found
        found.update((item.subject, item) for _, item in page)
        after = page[-1][0]


async def _turned(place: Workplace, who: Principal, run_id: str, verb: str, reason: str) -> Facts:
    who.require(Right.WORK)
    now = place.now()
    async with place.database.begin("replay.turn") as tx:
        found: Run | None = await run_store.load_run(tx, run_id, scope_of(place, who), lock=True)
        if found is None:
            raise NotFound("run", run_id)
        state = await turn(tx, found, verb, person_of(who), reason, now)
        if state is not found.state:
            detail = {"run": run_id, "from": str(found.state), "to": str(state), "reason": reason}
            await note(tx, at=now, kind=f"replay_{verb}", actor=who.name, cause=found.plan, detail=detail)
        again = await run_store.load_run(tx, run_id, scope_of(place, who))
        return await views.run_facts(tx, again or found, now)


async def _masked(place: Workplace, who: Principal, facts: Facts, plan_id: str) -> Facts:
    return dict(await seen(place, who, facts, record=plan_id, cause=plan_id))
