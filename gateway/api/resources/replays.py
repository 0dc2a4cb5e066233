"""Replay: select, plan, look, agree, run. A run is bound to the digest of the plan that was looked at."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from gateway.access.rights import Right
from gateway.api.declare import Answer, Ask, Key, Nothing, Page, Paged, Route
from gateway.api.failures import NotThere
from gateway.api.reading import Unfit
from gateway.api.resources.replay_shapes import (
    NewPlan,
    NewRun,
    NewSelection,
    PlanBrief,
    PlanDiff,
    PlanItem,
    PlanItems,
    PlanMoved,
    PlanView,
    RunBrief,
    RunItem,
    RunItems,
    RunList,
    RunView,
    SelectionView,
    Turn,
    Yes,
    narrower,
)
from gateway.work import operations, replays
from gateway.work import replay_planning as planning
from gateway.work.operations import Operation
from gateway.work.replay_limits import wanted_limits
from replay.values import Wish

T = TypeVar("T")
AGAIN_S = 2
"""Retry-After of what is under way."""


async def select(ask: Ask) -> Answer:
    said: NewSelection = ask.body
    told = msgspec.structs.asdict(said)
    times = {name: told[name].timestamp() if told[name] else None for name in ("since", "until")}
    made = await replays.select(ask.desk.place, ask.who, Wish(**told | times))
    return Answer(value=_as(made, SelectionView))


async def plan(ask: Ask) -> Answer:
    said: NewPlan = ask.body
    if bool(said.selection) == bool(said.again):
        raise Unfit("name a `selection`, or the plan to make `again`", code="invalid-body")
    if said.drop and not said.again:
        raise Unfit("`drop` leaves items of a plan out: name it in `again`", code="invalid-body")
    place, who = ask.desk.place, ask.who
    told = {} if said.limits is None else msgspec.structs.asdict(said.limits)
    limits = wanted_limits(place, ask.who, 1, {name: value for name, value in told.items() if value is not None})
    selection, again = said.selection, ""
    if said.again:
        selection, before, again = await planning.anew(place, who, said.again, said.drop)
        limits = limits or before
    made = await planning.begin(place, who, selection, limits=limits, again=again)
    headers = {"Location": f"/v1/operations/{made['plan']}", "Retry-After": str(AGAIN_S)}
    return Answer(value=operations.plan_in_the_making(made), headers=headers)


async def plans(ask: Ask) -> Answer:
    found = await replays.plans(ask.desk.place, ask.who, after=ask.position or "", limit=ask.query.limit)
    return _page(found["plans"], PlanBrief, found["next"])


async def show(ask: Ask) -> Any:
    found = await replays.show(ask.desk.place, ask.who, ask.path["id"])
    return _there(found, PlanView)


async def items(ask: Ask) -> Answer:
    asked: PlanItems = ask.query
    found = await replays.items(
        ask.desk.place,
        ask.who,
        ask.path["id"],
        action=asked.action or "",
        alike=asked.alike,
        after=ask.position or 0,
        limit=asked.limit,
    )
    if found is None:
        raise NotThere
    return _page(found["items"], PlanItem, found["next"])


async def diff(ask: Ask) -> PlanDiff:
    return _there(await replays.diff(ask.desk.place, ask.who, ask.path["id"]), PlanDiff)


async def moved(ask: Ask) -> PlanMoved:
    return _there(await replays.moved(ask.desk.place, ask.who, ask.path["id"]), PlanMoved)


async def approve(ask: Ask) -> PlanView:
    said: Yes = ask.body
    found = await replays.approve(ask.desk.place, ask.who, ask.path["id"], said.digest, reason=said.reason)
    return _there(found or None, PlanView)


async def run(ask: Ask) -> Answer:
    said: NewRun = ask.body
    place, who = ask.desk.place, ask.who
    limits = None
    if said.limits is not None:
        limits = narrower(said.limits, _there(await replays.show(place, who, said.plan), PlanView).limits)
    made = await replays.run(place, who, said.plan, said.digest, limits=limits, reason=said.reason)
    headers = {"Location": f"/v1/operations/{made['run']}", "Retry-After": str(AGAIN_S)}
    return Answer(value=_as(made, RunView), headers=headers)


async def runs(ask: Ask) -> Answer:
    asked: RunList = ask.query
    found = await replays.runs(ask.desk.place, ask.who, after=ask.position or "", limit=asked.limit, open=asked.open)
    return _page(found["runs"], RunBrief, found["next"])


async def run_show(ask: Ask) -> RunView:
    return _there(await replays.run_show(ask.desk.place, ask.who, ask.path["id"]), RunView)


async def run_items(ask: Ask) -> Answer:
    asked: RunItems = ask.query
    found = await replays.run_items(
        ask.desk.place,
        ask.who,
        ask.path["id"],
        outcome=asked.outcome or "",
        after=ask.position or 0,
        limit=asked.limit,
    )
    if found is None:
        raise NotThere
    return _page(found["items"], RunItem, found["next"])


async def pause(ask: Ask) -> RunView:
    return _as(await replays.pause(ask.desk.place, ask.who, ask.path["id"], reason=ask.body.reason), RunView)


async def resume(ask: Ask) -> RunView:
    return _as(await replays.resume(ask.desk.place, ask.who, ask.path["id"], reason=ask.body.reason), RunView)


async def stop(ask: Ask) -> RunView:
    return _as(await replays.stop(ask.desk.place, ask.who, ask.path["id"], reason=ask.body.reason), RunView)


async def leftovers(ask: Ask) -> Answer:
    return Answer(value=_as(await planning.leftovers(ask.desk.place, ask.who, ask.path["id"]), SelectionView))


async def list_operations(ask: Ask) -> Page[Operation]:
    return Page(items=tuple(await operations.open_operations(ask.desk.place, ask.who)))


async def cancel(ask: Ask) -> Operation:
    return await operations.cancel_operation(ask.desk.place, ask.who, ask.path["id"], reason=ask.body.reason)


async def operation(ask: Ask) -> Answer:
    found = await operations.get_operation(ask.desk.place, ask.who, ask.path["id"])
    headers = {} if found is None or found.over else {"Retry-After": str(AGAIN_S)}
    return Answer(value=found, headers=headers)


def _as(facts: Any, kind: type[T]) -> T:
    return msgspec.convert(facts, kind)


def _there(facts: Any, kind: type[T]) -> T:
    if facts is None:
        raise NotThere
    return msgspec.convert(facts, kind)


def _page(facts: Any, kind: Any, next: Any) -> Answer:
    return Answer(value=Page(items=msgspec.convert(facts, tuple[kind, ...])), position=next)


def _get(path: str, name: str, summary: str, do: Any, answer: Any, query: Any = None, **more: Any) -> Route:
    return Route(
        method="GET",
        path=path,
        name=name,
        tag="replay",
        summary=summary,
        right=Right.SEE,
        do=do,
        answer=answer,
        **({"query": query} if query else {}),
        **more,
    )


def _post(path: str, name: str, summary: str, do: Any, body: Any, answer: Any, **more: Any) -> Route:
    told = {"right": Right.WORK, "key": Key.DAY} | more
    return Route(
        method="POST", path=path, name=name, tag="replay", summary=summary, do=do, body=body, answer=answer, **told
    )


_PLAN, _RUN = "/v1/replay-plans/{id}", "/v1/replay-runs/{id}"
_TURNS = ("run-not-found", "run-pause", "run-resume", "run-stop")

ROUTES = (
    _post(
        "/v1/selections",
        "select",
        "Pins what a wish finds now",
        select,
        NewSelection,
        SelectionView,
        status=201,
        problems=("selection-empty", "selection-invalid"),
    ),
    _get("/v1/replay-plans", "listPlans", "Plans, newest first", plans, Page[PlanBrief], Paged),
    _post(
        "/v1/replay-plans",
        "plan",
        "Says what a replay would do; sends nothing",
        plan,
        NewPlan,
        Operation,
        status=202,
        key=Key.FOR_GOOD,
        problems=(
            *("selection-not-found", "plan-not-found", "plan-not-ready", "plan-no-such-item", "selection-empty"),
        ),
    ),
    _get(
        _PLAN,
        "getPlan",
        "A plan: totals, what to look at first, who would be told, cost, limits",
        show,
        PlanView,
        problems=("plan-not-ready",),
    ),
    _get(f"{_PLAN}/items", "listPlanItems", "Its items, the dangerous first", items, Page[PlanItem], PlanItems),
    _get(f"{_PLAN}/diff", "diffPlan", "How it differs from the plan it was made anew of", diff, PlanDiff),
    _get(f"{_PLAN}/moved", "movedPlan", "What is not as it says any more", moved, PlanMoved),
    _post(
        f"{_PLAN}/approvals",
        "approvePlan",
        "A second person agrees to exactly this digest",
        approve,
        Yes,
        PlanView,
        right=Right.APPROVE,
        problems=(
            *("plan-not-found", "plan-not-ready", "plan-digest", "plan-self-approval", "plan-approval-not-needed"),
            "plan-stale",
        ),
    ),
    _get("/v1/replay-runs", "listRuns", "Runs, newest first", runs, Page[RunBrief], RunList),
    _post(
        "/v1/replay-runs",
        "run",
        "Starts exactly the plan that was looked at",
        run,
        NewRun,
        RunView,
        status=202,
        key=Key.FOR_GOOD,
        problems=(
            *("plan-not-found", "plan-not-ready", "plan-digest", "plan-stale", "plan-needs-approval"),
            *("plan-nothing-to-run", "run-limits"),
        ),
    ),
    _get(_RUN, "getRun", "A run: outcomes that add up, steps of the ramp, troubles", run_show, RunView),
    _get(f"{_RUN}/items", "listRunItems", "Its items with their outcomes", run_items, Page[RunItem], RunItems),
    _post(f"{_RUN}:pause", "pauseRun", "Hands nothing more over", pause, Turn, RunView, problems=_TURNS),
    _post(f"{_RUN}:resume", "resumeRun", "Goes on", resume, Turn, RunView, problems=_TURNS),
    _post(f"{_RUN}:stop", "stopRun", "Hands nothing more over for good", stop, Turn, RunView, problems=_TURNS),
    _post(
        f"{_RUN}/leftovers",
        "selectLeftovers",
        "Pins what a run left open, for a new plan",
        leftovers,
        Nothing,
        SelectionView,
        status=201,
        problems=("run-not-found", "selection-empty"),
    ),
    _get("/v1/operations", "listOperations", "What is under way, newest first", list_operations, Page[Operation]),
    _post(
        "/v1/operations/{id}:cancel",
        "cancelOperation",
        "Gives a plan in the making up, or stops a run",
        cancel,
        Turn,
        Operation,
        problems=("operation-not-found", "plan-not-found", "operation-over", "run-stop", "run-not-found"),
    ),
    _get(
        "/v1/operations/{id}",
        "getOperation",
        "How far something is that takes longer than a request",
        operation,
        Operation,
    ),
)
