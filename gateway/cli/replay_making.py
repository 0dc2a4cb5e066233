"""How far a plan is, while it is made: one line that is drawn anew on a terminal, a sentence per tenth elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from gateway.cli.output import say

DRAW_S = 0.1
QUIET_S = 0.5
"""A plan that is made so soon is shown at once; nobody needs to hear how far it is."""


class Looking:
    """Told of each step of a plan in the making."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._began, self._drawn, self._tenth, self._width = clock(), 0.0, 0, 0

    def heard(self, looked: int, total: int) -> None:
        """So many of so many cases were looked at."""
        now = self.clock()
        line = f"{_number(looked)} of {_number(total)} looked at"
        if sys.stderr.isatty():
            if now - self._began >= QUIET_S and (now - self._drawn >= DRAW_S or looked == total):
                self._drawn = now
                self._draw(line)
            return
        tenth = looked * 10 // total if total else 10
        if now - self._began >= QUIET_S and self._tenth < tenth < 10:
            say(line)
        self._tenth = max(self._tenth, tenth)

    def over(self) -> None:
        """What comes next begins on an empty line."""
        if self._width:
            self._draw("")
            sys.stderr.write("\r")
            sys.stderr.flush()

    def _draw(self, line: str) -> None:
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = len(line) if line else 0


def _number(count: int) -> str:
    return f"{count:,}".replace(",", " ")
