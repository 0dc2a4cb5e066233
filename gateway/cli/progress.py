"""How far something is that this process does itself."""

from __future__ import annotations

import sys
import time

from gateway.cli.output import say

DRAW_S = 0.1


class Progress:
    """On a terminal one line drawn anew; in a pipe a line for every quarter."""

    def __init__(self, name: str) -> None:
        self._name, self._drawn, self._quarter, self._width = name, 0.0, 0, 0

    def tell(self, what: str, done: int, of: int) -> None:
        if not sys.stderr.isatty():
            if done * 4 // of > self._quarter:
                self._quarter = done * 4 // of
                say(f"{self._name}: {done} of {of}")
            return
        now = time.monotonic()
        if now - self._drawn >= DRAW_S or done == of:
            line = f"{self._name} {done}/{of} {what}"[:100]
            sys.stderr.write("\r" + line.ljust(self._width))
            self._drawn, self._width = now, len(line)

    def end(self) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
