"""What takes longer than a request, whatever it is, in one form: how far it is, what came of it, and giving it up."""

from __future__ import annotations

import msgspec

from gateway.access.rights import Principal, Right
from gateway.work import mapping_jobs, replays
from gateway.work import replay_planning as planning
from gateway.work.workplace import Workplace
from replay.errors import NotFound, RunRefused

_OVER = ("done", "stopped")
RUNS = 20


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """Something under way, or over."""

    id: str
    """Of the plan or run that it is."""
    kind: str
    """plan or run."""
    state: str
    """In words of its kind; see `over`."""
    over: bool
    """Nothing more comes of it by itself."""
    progress: float
    """0 to 1."""
    total: int
    outcome_counts: dict[str, int]
    """They add up to `total`; of a plan in the making how many were `looked_at` and how many are `waiting`."""
    at: float
    by: str
    ended_at: float
    result: str
    """Where to read what came of it, once it is over; empty: nothing did."""
    reason: str = ""
    """Why it failed, was cancelled, waits or was stopped."""


async def get_operation(place: Workplace, who: Principal, id: str) -> Operation | None:
    """By the id of a plan or a run. None: there is none, or it is outside the reader's scope."""
    who.require(Right.SEE)
    if (run := await replays.run_show(place, who, id)) is not None:
        return _run(run)
    if (backtest := await mapping_jobs.get(place, who, id)) is not None:
        return _backtest(backtest)
    wanted = await planning.making(place, who, id)
    if wanted is not None and wanted["state"] != "ready":
        return plan_in_the_making(wanted)
    plan = await replays.show(place, who, id)
    return None if plan is None else _plan(plan)


async def open_operations(place: Workplace, who: Principal) -> list[Operation]:
    """Plans in the making, those of the last hour that never became whole, and runs that go on; newest first. Right
    SEE.
    """
    found = [plan_in_the_making(each) for each in await planning.under_way(place, who)]
    found += [_run(each) for each in (await replays.runs(place, who, limit=RUNS, open=True))["runs"]]
    return sorted(found, key=lambda each: -each.at)


async def cancel_operation(place: Workplace, who: Principal, id: str, *, reason: str = "") -> Operation:
    """Gives a plan in the making up, and stops a run: what its lanes have goes on to its end. Right WORK. Said again,
    it is the same. Raises NotFound, PlanIsOver, RunRefused.
    """
    who.require(Right.WORK)
    if (run := await replays.run_show(place, who, id)) is not None:
        if run["state"] == "stopped":
            return _run(run)
        if run["ended_at"]:
            raise RunRefused(id, "stop", "it has ended")
        return _run(await replays.stop(place, who, id, reason=reason))
    if await planning.making(place, who, id) is None:
        if await replays.show(place, who, id) is not None:
            raise RunRefused(id, "stop", "it is over")
        raise NotFound("operation", id)
    return plan_in_the_making(await planning.cancel(place, who, id, reason=reason))


def _backtest(found: replays.Facts) -> Operation:
    total, done = found["total"], found["done"]
    over = found["ended_at"] is not None
    return Operation(
        id=found["id"],
        kind="backtest",
        state=found["state"],
        over=over,
        progress=1.0 if over else min(done / total, 0.99) if total else 0.0,
        total=total,
        outcome_counts={"looked_at": done, "waiting": total - done},
        at=found["at"],
        by=found["by"],
        ended_at=found["ended_at"] or 0.0,
        result=f"/v1/mapping-backtests/{found['id']}",
        reason=found["reason"],
    )


def _run(run: replays.Facts) -> Operation:
    count = run["count"]
    return Operation(
        id=run["run"],
        kind="run",
        state=run["state"],
        over=run["state"] in _OVER,
        progress=run["ended"] / count if count else 1.0,
        total=count,
        outcome_counts=run["counts"],
        at=run["at"],
        by=run["by"],
        ended_at=run["ended_at"] or 0.0,
        result=f"/v1/replay-runs/{run['run']}",
        reason=run.get("reason", ""),
    )


def plan_in_the_making(made: replays.Facts) -> Operation:
    """Of the answer of `replay_planning.making`."""
    total, looked = made["total"], made["looked"]
    whole = made["state"] == "ready"
    return Operation(
        id=made["plan"],
        kind="plan",
        state=made["state"],
        over=made["state"] != "making",
        progress=1.0 if whole or not total else min(looked / total, 0.99),
        total=total,
        outcome_counts={"looked_at": looked, "waiting": total - looked},
        at=made["at"],
        by=made["by"],
        ended_at=made["ended_at"] or 0.0,
        result=f"/v1/replay-plans/{made['plan']}" if made["state"] in ("making", "ready") else "",
        reason=made["reason"],
    )


def _plan(plan: replays.Facts) -> Operation:
    """A plan that is whole."""
    return Operation(
        id=plan["plan"],
        kind="plan",
        state=plan["state"],
        over=True,
        progress=1.0,
        total=plan["count"],
        outcome_counts=plan["totals"],
        at=plan["at"],
        by=plan["by"],
        ended_at=plan["at"],
        result=f"/v1/replay-plans/{plan['plan']}",
    )
