"""Waiting for the engine's own parts. They may swallow a cancellation: `asyncio.wait_for` would then wait for ever. And
they may end by one of their own making: passed on, it would end whoever waits, as if he had been cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class CutOffError(Exception):
    """It was cancelled, and not by whoever waited for it."""


async def ended(seconds: float, task: asyncio.Task[_T]) -> _T:
    """What the task gives. TimeoutError after `seconds`, and it goes on; CutOffError: somebody else cancelled it."""
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        raise TimeoutError(f"no answer within {seconds:g} s")
    if task.cancelled():
        raise CutOffError("it cancelled itself")
    return task.result()


async def within(seconds: float, work: Coroutine[Any, Any, _T]) -> _T:
    """The result of `work`, or TimeoutError after `seconds`; what still runs then is cancelled and left behind.

    CutOffError: it was cancelled from within.
    """
    task = asyncio.create_task(work)
    try:
        return await ended(seconds, task)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_seen)


def _seen(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
