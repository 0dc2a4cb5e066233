"""Following what a gateway does for a person: how far it is, and when it is over. Leaving does not stop it."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.cli.drift import details, facts
from gateway.cli.exits import Code, Ending
from gateway.cli.output import say
from gateway.cli.store import gateway_answers

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.storage.database import Database

LOOK_S = 0.3
SHARE = 10.0
"""Pause between two looks, in times of how long one takes: a large plan is not counted all the time."""
SAY_S = 5.0
"""How often progress is told in a pipe."""
NOBODY_S = 15.0
"""So long without any progress, it is asked whether a gateway is there at all."""

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Follow:
    """`wait_s`: patience, None without end. `again`: how to come back to the run."""

    config: Config
    wait_s: float | None
    again: str


async def follow(database: Database, run: str, how: Follow, *, planning: bool = False) -> Facts:
    """The facts of a run when its plan is whole (`planning`), or when it is over.

    Ends with code 4 when the patience is over, and with 8 when nobody works on it; interrupted, it says how to go on.
    """
    try:
        return await _follow(database, run, how, {"planning"} if planning else {"planning", "running", "stopping"})
    except asyncio.CancelledError:
        say(f"it goes on; to see more of it: {how.again.format(run=run)}; to end it, add --stop")
        raise


async def _follow(database: Database, run: str, how: Follow, busy: set[str]) -> Facts:
    began = moved = told = time.monotonic()
    before = ""
    while True:
        asked = time.monotonic()
        found = await facts(database, run)
        now = time.monotonic()
        if found["state"] not in busy:
            _redraw("", end=before)
            return {**found, **await details(database, run)}
        line = _line(found)
        if line != before:
            moved = now
        told = _tell(line, before, told, now)
        before = line
        if how.wait_s is not None and now - began >= how.wait_s:
            raise Ending(Code.STILL_UNKNOWN, f"not over yet ({line}); it goes on: {how.again.format(run=run)}")
        if now - moved >= NOBODY_S and not gateway_answers(how.config):
            raise Ending(Code.NOT_REACHABLE, f"no gateway answers; start it and go on: {how.again.format(run=run)}")
        await asyncio.sleep(max(LOOK_S, SHARE * (now - asked)))


def _line(found: Facts) -> str:
    counts, results = found["counts"], found["results"]
    if found["state"] == "planning":
        return f"{found['run']}: {counts.get('listed', 0)} listed, {counts.get('compared', 0)} compared"
    ended = sum(n for result, n in results.items() if result)
    return f"{found['run']}: {ended} of {sum(results.values())} done"


def _tell(line: str, before: str, told: float, now: float) -> float:
    """On a terminal one line that is drawn anew; in a pipe a line now and then."""
    if sys.stderr.isatty():
        if line != before:
            _redraw(line, end=before)
        return now
    if line == before or now - told < SAY_S:
        return told
    say(line)
    return now


def _redraw(line: str, *, end: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r" + line.ljust(len(end)) + ("\r" if not line else ""))
        sys.stderr.flush()
