"""Following a run of a replay: bars on a terminal, lines in a pipe. Leaving it does not stop it."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

from gateway.cli.exits import Code, Ending
from gateway.cli.output import say
from gateway.cli.replay_showing import show_run, speed_line, step_line

if TYPE_CHECKING:
    from gateway.cli.port import Gateway

LOOK_S = 0.5
SAY_S = 5.0
"""How often progress is told in a pipe."""
NOBODY_S = 15.0
"""So long without any progress, it is asked whether a gateway is there at all."""

Facts = dict[str, Any]


async def followed(gateway: Gateway, run: str, *, wait_s: float | None) -> Facts:
    """The run once it is over. Ends with code 4 when the patience is over or when it waits for a person who cannot be
    asked, and with 8 when nobody carries it on.
    """
    telling = _Telling()
    began = moved = time.monotonic()
    before: Any = None
    while True:
        found = await gateway.replays.run_show(run)
        if found is None:
            raise Ending(Code.NOT_FOUND, f"there is no run {run}")
        telling.tell(found)
        if found["ended_at"]:
            return found
        now = time.monotonic()
        if (here := (found["state"], found["counts"], found["in_hand"])) != before:
            before, moved = here, now
        if found["state"] == "waiting":
            await _asked(gateway, run, found)
        if wait_s is not None and now - began >= wait_s:
            raise Ending(Code.STILL_UNKNOWN, f"{run} is not over yet; it goes on: lockstep replay show {run}")
        if found["state"] == "running" and now - moved >= NOBODY_S and not await gateway.answers():
            raise Ending(Code.NOT_REACHABLE, f"no gateway answers; start one (lockstep run), it goes on with {run}")
        await asyncio.sleep(LOOK_S)


async def _asked(gateway: Gateway, run: str, found: Facts) -> None:
    """On a terminal whether it goes on; elsewhere only a person's `resume` says so."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        show_run(found)
        raise Ending(Code.STILL_UNKNOWN, f"{run} waits for you: lockstep replay resume {run}, or stop {run}")
    sys.stderr.write("continue? [y/N/stop] ")
    sys.stderr.flush()
    said = (await asyncio.to_thread(sys.stdin.readline)).strip().casefold()
    if said in {"y", "yes"}:
        await gateway.replays.resume(run)
    elif said == "stop":
        await gateway.replays.stop(run)
    else:
        raise Ending(Code.STILL_UNKNOWN, f"{run} waits: lockstep replay resume {run}, or stop {run}")


class _Telling:
    """On a terminal the step under way is drawn anew in its line; in a pipe a line now and then."""

    def __init__(self) -> None:
        self.step, self.told, self.width, self.line, self.tenth = 0, 0.0, 0, "", 0

    def tell(self, run: Facts) -> None:
        """Tells of what is new."""
        steps = run["steps"]
        while self.step < len(steps) - 1 and steps[self.step]["done"] == steps[self.step]["size"]:
            self._whole(step_line(run, self.step))
            self.step += 1
        line = step_line(run, self.step)
        if run["ended_at"]:
            self._whole(line)
        elif sys.stderr.isatty():
            self._draw(f"{line}     {speed_line(run)}")
        elif line != self.line and (self._tenth(run) or time.monotonic() - self.told >= SAY_S):
            self.told, self.line = time.monotonic(), line
            say(f"{line}     {speed_line(run)}")

    def _tenth(self, run: Facts) -> bool:
        """Whether another tenth of all items has ended: that is told at once."""
        before, self.tenth = self.tenth, run["ended"] * 10 // run["count"] if run["count"] else 10
        return self.tenth > before

    def _whole(self, line: str) -> None:
        if sys.stderr.isatty():
            self._draw(line)
            sys.stderr.write("\n")
            self.width = 0
        else:
            say(line)

    def _draw(self, line: str) -> None:
        sys.stderr.write("\r" + line.ljust(self.width))
        sys.stderr.flush()
        self.width = len(line)
