"""What takes longer than a request, whatever it is, in one form: how far it is and what came of it. Reads only."""

from __future__ import annotations

import msgspec

from gateway.access.rights import Principal, Right
from gateway.work import replays
from gateway.work.workplace import Workplace

_OVER = ("done", "stopped")


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
    """They add up to `total`."""
    at: float
    by: str
    ended_at: float
    result: str
    """Where to read what came of it."""


async def get_operation(place: Workplace, who: Principal, id: str) -> Operation | None:
    """By the id of a plan or a run. None: there is none, or it is outside the reader's scope."""
    who.require(Right.SEE)
    if (run := await replays.run_show(place, who, id)) is not None:
        return _run(run)
    plan = await replays.show(place, who, id)
    return None if plan is None else _plan(plan)


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
    )


def _plan(plan: replays.Facts) -> Operation:
    """A plan that can be seen is made."""
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
