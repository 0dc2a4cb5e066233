"""`--watch`: a command again and again. On a terminal it is drawn anew; in a pipe what is new or moved is told."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable

from gateway.cli import output
from gateway.cli.exits import Code, Ending
from gateway.cli.output import say

LEAST_S = 0.2


class _Held(io.StringIO):
    """Output that is kept back; it is as wide as what it stands for."""

    def __init__(self, real: object) -> None:
        super().__init__()
        self.real = real

    def isatty(self) -> bool:
        return bool(getattr(self.real, "isatty", bool)())

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return str(getattr(self.real, "encoding", "utf-8"))


def watch(command: Callable[[], None], every_s: float, *, rest: Callable[[float], None] = time.sleep) -> None:
    """Until it is interrupted; then it ends with the exit code of the last time. One that is away is waited for."""
    last = Ending(Code.DONE)
    before: set[str] = set()
    away = ""
    try:
        while True:
            last, lines = _once(command)
            if last.code is Code.WRONG_USE:
                raise last
            if last.message != away:
                away = last.message
                if away:
                    say(away)
            before = _shown(lines, before) if lines or not last.message else before
            rest(max(every_s, LEAST_S))
    except KeyboardInterrupt:
        raise Ending(last.code) from None


def _once(command: Callable[[], None]) -> tuple[Ending, list[tuple[str, str]]]:
    """How it ended, and its lines, each with what makes it another one."""
    held = _Held(sys.stdout)
    aside = contextlib.redirect_stderr(io.StringIO())  # what is said beside a list is said each time
    with contextlib.redirect_stdout(held), aside, output.marked() as marks:
        try:
            command()
            ending = Ending(Code.DONE)
        except Ending as ended:
            ending = ended
    return ending, [(line, marks.get(line, line)) for line in held.getvalue().splitlines()]


def _shown(lines: list[tuple[str, str]], before: set[str]) -> set[str]:
    if sys.stdout.isatty():
        sys.stdout.write("\x1b[2J\x1b[H")
        before = set()
    for line, mark in lines:
        if mark not in before:
            sys.stdout.write(line + "\n")
    sys.stdout.flush()
    return {mark for _, mark in lines}
