"""Waiting for what sends no signal: another process's doing, a health report, a file's content."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 30.0
"""Only a hang ends by it."""
_LOOK_EVERY_S = 0.02


async def until(condition: Callable[[], Any], *, what: str, timeout_s: float = PATIENCE_S) -> Any:
    """Looks again and again; gives what the condition (plain or a coroutine function) gave once that is true.

    AssertionError, with `what` was waited for, after `timeout_s`; the last look comes after that time, so that a slow
    machine's pause between two looks cannot end the wait.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        late = time.monotonic() >= deadline
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if late:
            raise AssertionError(f"waited {timeout_s:g} s in vain for {what}")
        await asyncio.sleep(_LOOK_EVERY_S)
