"""What became of a run, step by step, for whoever looks at it: statements inside a transaction that holds the run."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from replay.sums import Sums
from replay.tables import lags, run_log
from replay.values import RunState

TENTH = 10


class Step(StrEnum):
    """What a line tells of; `value` is in brackets."""

    STARTED = "started"  # [items]
    PERCENT = "percent"  # [10, 20 ... 100] of all items ended
    RAMP = "ramp"  # [number]: this step of the ramp began
    WAITING = "waiting"  # for a person [after which step]
    PAUSED = "paused"  # [why]
    RESUMED = "resumed"  # [why]
    STOPPING = "stopping"  # [why]
    TAKEN_UP = "taken_up"  # [worker] went on where another had left it
    DONE = "done"
    STOPPED = "stopped"


OF_STATE: Mapping[RunState, Step] = {
    RunState.RUNNING: Step.RESUMED,
    RunState.WAITING: Step.WAITING,
    RunState.PAUSED: Step.PAUSED,
    RunState.STOPPING: Step.STOPPING,
    RunState.DONE: Step.DONE,
    RunState.STOPPED: Step.STOPPED,
}


_TEXT: Mapping[Step, str] = {
    Step.STARTED: "started, {} items",
    Step.PERCENT: "{} % ended",
    Step.RAMP: "step {} of the ramp began",
    Step.WAITING: "step {} of the ramp ended; it waits for a person",
    Step.PAUSED: "paused: {}",
    Step.RESUMED: "goes on: {}",
    Step.STOPPING: "nothing more is handed over: {}",
    Step.TAKEN_UP: "{} took it up where another worker had left it",
    Step.DONE: "over: {}",
    Step.STOPPED: "over, stopped: {}",
}


def sentence(kind: str, value: str) -> str:
    """A line in words."""
    text = _TEXT[Step(kind)]
    return text.format(value) if value else text.partition(":")[0]


async def log(tx: AsyncConnection, run: str, step: Step, value: object, now: float, *, by: str = "") -> None:
    """One more line."""
    newest = select(func.coalesce(func.max(run_log.c.n), 0)).where(run_log.c.run == run)
    n = int((await tx.execute(newest)).scalar_one()) + 1
    row = {"run": run, "n": n, "at": now, "kind": step, "value": str(value), "by": by}
    await tx.execute(insert(run_log).values(row))


async def log_progress(tx: AsyncConnection, run: str, whole: Sums, now: float) -> None:
    """A line for each tenth of all items that has ended, once; of several at a time the highest."""
    percent = whole.ended * 100 // whole.total // TENTH * TENTH if whole.total else 0
    if not percent:
        return
    told = select(run_log.c.value).where(run_log.c.run == run, run_log.c.kind == Step.PERCENT)
    last = (await tx.execute(told.order_by(run_log.c.n.desc()).limit(1))).scalar()
    if percent > int(last or 0):
        await log(tx, run, Step.PERCENT, percent, now)


async def load_log(tx: AsyncConnection, run: str, limit: int) -> list[dict[str, Any]]:
    """The newest lines, the newest first: {at, kind, value, by, text}."""
    columns = (run_log.c.at, run_log.c.kind, run_log.c.value, run_log.c.by)
    query = select(*columns).where(run_log.c.run == run).order_by(run_log.c.n.desc()).limit(limit)
    rows = (await tx.execute(query)).mappings()
    return [{**row, "text": sentence(row["kind"], row["value"])} for row in rows]


async def note_lags(tx: AsyncConnection, run: str, before: Mapping[str, float]) -> None:
    """How live traffic fared when the run began: connection -> age of its oldest unfinished change, in seconds."""
    rows = [{"run": run, "connection": name, "before_s": age} for name, age in sorted(before.items())]
    if rows:
        await tx.execute(insert(lags), rows)


async def lags_before(tx: AsyncConnection, run: str) -> dict[str, float]:
    """As `note_lags` was told."""
    query = select(lags.c.connection, lags.c.before_s).where(lags.c.run == run)
    return {row[0]: row[1] for row in await tx.execute(query)}
