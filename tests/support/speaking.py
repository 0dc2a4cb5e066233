"""Python processes that say in lines what they have done, to be killed at any time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

_ROOT = Path(__file__).parents[2]


def say(line: str) -> None:
    """In the process: one line to whoever started it; said only after the fact, for it cannot be taken back."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Speaker:
    """`python -m module arguments` as a process; killed and waited for when the block is left."""

    def __init__(self, module: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=_ROOT,
            env=os.environ | {"PYTHONPATH": str(_ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def line(self) -> str:
        """The next line; AssertionError when the process has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.endswith("\n"), "the process ended early; its stderr is above"
        return line.rstrip("\n")

    def rest(self) -> list[str]:
        """The complete lines that are left after the end."""
        assert self._process.stdout is not None
        return [line.rstrip("\n") for line in self._process.stdout if line.endswith("\n")]

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        """Wait for its own end; returns the exit code."""
        return self._process.wait()
