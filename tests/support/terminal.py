"""A command at a terminal of a given width, and a person who answers what it asks."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import termios
from collections.abc import Mapping
from pathlib import Path

from tests.support import warm
from tests.support.edges import MODULE, SLOW_S, environment


async def typed(
    *arguments: str, cwd: Path, answer: str = "", columns: int = 80, env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Runs `lockstep` there; `answer` is typed once a question stands. Gives the exit code and all that was shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    plain = {**(env or environment()), "NO_COLOR": "1"}
    for overruling in ("COLUMNS", "LINES"):  # of whoever runs the tests; a user's terminal is asked for its size
        plain.pop(overruling, None)
    process = await warm.start(MODULE, *arguments, cwd=cwd, env=plain, streams=(theirs, theirs, theirs))
    os.close(theirs)
    try:
        shown = await asyncio.wait_for(asyncio.to_thread(_talk, ours, answer), SLOW_S)
        return await asyncio.wait_for(process.wait(), SLOW_S), shown
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


def _talk(terminal: int, answer: str) -> str:
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # the other end is gone
            return shown.decode().replace("\r\n", "\n")
        if answer and b"[y/N] " in shown:
            os.write(terminal, f"{answer}\n".encode())
            answer = ""
