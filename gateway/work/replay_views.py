"""Plans and runs as people see them: plain data, the dangerous first, what is alike folded, sums that add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.work.replay_forecast import effect_on_live, lags_of, told_of
from gateway.work.workplace import Workplace
from replay import runs as run_store
from replay import store
from replay.log import lags_before, load_log
from replay.runs import RunItem
from replay.selecting import came_later, load_selection
from replay.sums import Row, sums_of, word
from replay.values import (
    ENDED,
    LOOK_FIRST,
    SENDS,
    Action,
    Foreseen,
    Limits,
    Making,
    Moved,
    Outcome,
    Plan,
    Run,
    Scope,
    Selection,
)

Facts = dict[str, Any]
SHOWN = 3
"""Items of a kind that a summary names; the rest is one call away."""
VALUES = 5
TROUBLES = 50
LINES = 50
"""Lines of a run's log, the newest."""
_BAD = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.CONFLICT, Outcome.HELD, Outcome.SKIPPED, Outcome.DUPLICATE)


def selection_facts(selection: Selection) -> Facts:
    """A selection without its items."""
    return {
        "selection": selection.id,
        "count": selection.count,
        "at": selection.at,
        "by": selection.by,
        "wish": plain(selection.wish),
    }


def plain(value: Any) -> Any:
    """A value as plain data."""
    return msgspec.to_builtins(value)


async def plan_facts(tx: AsyncConnection, plan: Plan, scope: Scope, place: Workplace, now: float) -> Facts:
    """All of a plan but its items."""
    folds = await store.folded(tx, plan.id)
    share = place.config.replay.share
    selection = await load_selection(tx, plan.selection)
    minutes = plan.sends / plan.limits.rate
    run = (await store.runs_of_plans(tx, [plan.id])).get(plan.id)
    return {
        **brief(plan, run, now),
        "selection": plan.selection,
        "wish": plain(selection.wish) if selection else None,
        "pins": {"mappings": plan.pins.mappings, "connectors": plan.pins.connectors, "position": plan.at},
        "first": [await _first(tx, plan, folds, action) for action in Action if action in LOOK_FIRST],
        "alike": await _alike(tx, plan, folds),
        "not_in": [
            {**{name: fold[name] for name in ("action", "connection", "count")}, "reason": fold["alike"]}
            for fold in folds
            if fold["action"] not in SENDS
        ],
        "later": await came_later(tx, selection, scope) if selection else 0,
        "cost": {"calls": plan.calls, "minutes": minutes, "rate": plan.limits.rate, "share": share},
        "told": told_of(plan, folds, place.config, place.topology, now),
        "live": await effect_on_live(tx, plan, folds, place.config, now),
        "limits": plain(plan.limits),
        "again": plan.again,
        "stale_by_time": now > plan.pins.good_until,
    }


def making_facts(making: Making) -> Facts:
    """How far a plan is, or how its making ended."""
    return {
        "plan": making.plan,
        "state": str(making.state),
        "at": making.at,
        "by": making.by.name,
        "total": making.total,
        "looked": making.looked,
        "ended_at": making.ended_at or None,
        "reason": making.reason,
        "again": making.again,
    }


def brief(plan: Plan, run: str | None, now: float) -> Facts:
    """A plan as a list shows it."""
    return {
        "plan": plan.id,
        "state": "run" if run else "expired" if now > plan.pins.good_until else str(plan.state),
        "digest": plan.digest,
        "at": plan.at,
        "by": plan.by.name,
        "good_until": plan.pins.good_until,
        "totals": dict(plan.totals),
        "count": plan.count,
        "sends": plan.sends,
        "approval": {
            "needed": bool(plan.needs_approval),
            "why": plan.needs_approval,
            "by": plan.approved_by,
            "at": plan.approved_at or None,
        },
        "runs": [run] if run else [],
    }


async def _first(tx: AsyncConnection, plan: Plan, folds: Sequence[Facts], action: Action) -> Facts:
    count = sum(fold["count"] for fold in folds if fold["action"] == action)
    shown = await store.load_items(tx, plan.id, actions=[action], limit=SHOWN) if count else []
    return {"action": str(action), "count": count, "items": [item_facts(seq, item) for seq, item in shown]}


async def _alike(tx: AsyncConnection, plan: Plan, folds: Sequence[Facts]) -> list[Facts]:
    kinds = await store.kinds_of_change(tx, plan.id)
    found: dict[tuple[str, str], Facts] = {}
    for fold in folds:
        if fold["action"] not in SENDS:
            continue
        key = (fold["action"], fold["alike"])
        entry = found.setdefault(
            key,
            {
                "action": fold["action"],
                "alike": fold["alike"],
                "connections": [],
                "count": 0,
                "different": kinds[key],
                "values": await _values(tx, plan, *key),
                "sample": fold["first"],
            },
        )
        entry["count"] += fold["count"]
        entry["connections"] = sorted({*entry["connections"], fold["connection"]})
    return sorted(found.values(), key=lambda entry: -int(entry["count"]))


async def _values(tx: AsyncConnection, plan: Plan, action: str, alike: str) -> list[Facts]:
    rows = await store.values_of(tx, plan.id, action, alike, VALUES)
    return [
        {
            "changes": [
                {"field": field, "got": got, "wanted": wanted} for field, got, wanted in msgspec.json.decode(change)
            ],
            "count": count,
        }
        for change, count in rows
    ]


def item_facts(seq: int, item: Foreseen) -> Facts:
    """An item of a plan."""
    keep = ("subject", "decision", "reason", "record", "flow", "connection", "object", "object_key", "cause", "calls")
    return {
        "seq": seq,
        "action": str(item.action),
        "alike": item.alike,
        **{name: getattr(item, name) for name in keep},
        "diffs": [plain(diff) for diff in item.diffs],
    }


def moved_facts(moved: Moved) -> Facts:
    """One thing that moved; `field` says whose value it is, for who may not see it."""
    return {**plain(moved), "field": moved.what, "at": moved.at or None}


def difference(subject: str, was: Foreseen | None, now: Foreseen | None) -> Facts:
    """How an item differs between two plans."""
    known = now or was
    assert known is not None
    return {"subject": subject, "object_key": known.object_key, "was": _side(was), "now": _side(now)}


def _side(item: Foreseen | None) -> Facts | None:
    if item is None:
        return None
    return {"action": str(item.action), "reason": item.reason, "diffs": [plain(diff) for diff in item.diffs]}


# Runs.


async def run_facts(tx: AsyncConnection, run: Run, now: float) -> Facts:
    """All of a run but its items."""
    rows = await run_store.tally(tx, run.id)
    whole = sums_of(rows)
    troubles = await run_store.troubles(tx, run.id, _BAD, TROUBLES)
    return {
        **run_brief(run, rows),
        "digest": run.digest,
        "reason": run.reason,
        "stopped_by": run.stopped_by,
        "applied_by": {by: whole.applied_by.get(by, 0) for by in ("read_back", "answer")},
        "step": run.step,
        "steps": [_step(size, rows, place) for place, size in enumerate(run.steps, 1)],
        "limits": plain(run.limits),
        "rate": run.limits.rate,
        "left_s": 0.0 if run.state in ENDED else whole.waits * 60.0 / run.limits.rate,
        "in_hand": whole.handed,
        "waits": whole.waits,
        "troubles": [
            {
                "outcome": row["outcome"],
                "reason": row["reason"],
                "count": row["count"],
                "cases": [row["case"]] if row["case"] else [],
            }
            for row in troubles
        ],
        "lag_s": await lags_of(tx, run.plan, now),
        "lag_before_s": await lags_before(tx, run.id),
        "log": await load_log(tx, run.id, LINES),
    }


def run_brief(run: Run, rows: Sequence[Row]) -> Facts:
    """A run as a list shows it."""
    whole = sums_of(rows)
    return {
        "run": run.id,
        "plan": run.plan,
        "state": str(run.state),
        "word": word(run, whole.counts),
        "at": run.at,
        "by": run.by.name,
        "count": run.count,
        "counts": _ordered(whole.counts),
        "ended": whole.ended,
        "ended_at": run.ended_at or None,
    }


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    return {str(outcome): counts[outcome] for outcome in Outcome if counts.get(outcome)}


def _step(size: int, rows: Sequence[Row], step: int) -> Facts:
    sums = sums_of(rows, step)
    return {"size": size, "done": sums.ended, "counts": _ordered(sums.counts)}


def run_item_facts(item: RunItem) -> Facts:
    """An item of a run."""
    return {
        "seq": item.seq,
        "step": item.step,
        "subject": item.subject,
        "record": item.record,
        "connection": item.connection,
        "object_key": item.object_key,
        "action": item.action,
        "state": item.state,
        "outcome": str(item.outcome),
        "by": item.settled_by,
        "reason": item.reason,
        "case": item.case_number,
        "handed_at": item.handed_at or None,
        "ended_at": item.ended_at or None,
    }


def limits_of(found: Mapping[str, Any], before: Limits) -> Limits:
    """`before` with what `found` names."""
    return msgspec.convert({**plain(before), **found}, Limits)
