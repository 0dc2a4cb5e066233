"""What the demo says while it runs: on stderr, so that stdout has nothing but the result."""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from pathlib import Path
from typing import TextIO

_INDENT = 10
"""Columns of the clock."""


def typed_as(program: str) -> str:
    """How the running command is called from this directory: `lockstep` where the shell finds this very one.

    After `make demo` it is `.venv/bin/lockstep`, which no shell finds by name.
    """
    here, found = Path(program), shutil.which("lockstep")
    if here.name != "lockstep" or not here.is_file() or (found is not None and here.samefile(found)):
        return "lockstep"
    place, base = here.absolute(), Path.cwd()
    return str(place.relative_to(base) if place.is_relative_to(base) else place)


class Talk:
    """A narrator with a clock. Colour only where a terminal reads it."""

    def __init__(self, out: TextIO | None = None, *, colour: bool | None = None) -> None:
        self._out = out or sys.stderr
        self._colour = self._out.isatty() if colour is None else colour
        self._began = time.monotonic()
        self._lockstep = typed_as(sys.argv[0])
        self._width = shutil.get_terminal_size().columns if self._out.isatty() else 0

    @property
    def elapsed_s(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self._began

    def chapter(self, text: str) -> None:
        """A new part of the story."""
        self._write("")
        self._write(self._styled("1", text))

    def line(self, text: str) -> None:
        """Something that happened, with the second it happened in; in a terminal, broken where that ends."""
        first, *rest = textwrap.wrap(text, max(self._width - _INDENT, _INDENT)) if self._width else [text]
        self._write(f"{self._styled('2', f'{self.elapsed_s:6.1f} s')}  {first}")
        for more in rest:
            self._write(f"{'':{_INDENT}}{more}")

    def look(self, *commands: str) -> None:
        """Where to look: commands to type. `lockstep` is written as it can be typed here."""
        for command in commands:
            program, space, rest = command.partition(" ")
            typed = f"{self._lockstep}{space}{rest}" if program == "lockstep" else command
            self._write(f"{'':{_INDENT}}{self._styled('36', typed)}")

    def plain(self, text: str) -> None:
        """A line as it is."""
        self._write(text)

    def _styled(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def _write(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()
