"""Waiting for parts that end in their own way, and that nobody who waits is taken for cancelled by it."""

from __future__ import annotations

import asyncio

import pytest

from gateway.streams.bounded import CutOffError, within


async def _never() -> None:
    await asyncio.Event().wait()


async def _cancels_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await _never()


async def _answers() -> str:
    return "done"


async def test_what_cancels_itself_does_not_cancel_who_waits() -> None:
    with pytest.raises(CutOffError):
        await within(10, _cancels_itself())
    assert await within(10, _answers()) == "done"


async def test_what_does_not_answer_is_left_behind() -> None:
    with pytest.raises(TimeoutError):
        await within(0.01, _never())


async def test_who_is_cancelled_while_waiting_is_cancelled() -> None:
    waiting = asyncio.create_task(within(10, _never()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
