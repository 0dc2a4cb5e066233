"""What the demo says while it runs: on stderr, so that stdout has nothing but the result."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Talk:
    """A narrator with a clock. Colour only where a terminal reads it."""

    def __init__(self, out: TextIO | None = None, *, colour: bool | None = None) -> None:
        self._out = out or sys.stderr
        self._colour = self._out.isatty() if colour is None else colour
        self._began = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self._began

    def chapter(self, text: str) -> None:
        """A new part of the story."""
        self._write("")
        self._write(self._styled("1", text))

    def line(self, text: str) -> None:
        """Something that happened, with the second it happened in."""
        self._write(f"{self._styled('2', f'{self.elapsed_s:6.1f} s')}  {text}")

    def look(self, *commands: str) -> None:
        """Where to look: commands to type."""
        for command in commands:
            self._write(f"           {self._styled('36', command)}")

    def plain(self, text: str) -> None:
        """A line as it is."""
        self._write(text)

    def _styled(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def _write(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()
