"""What happens when a part that should run for ever does not."""

from __future__ import annotations

import asyncio

import pytest

from gateway.app.run import Defect, until_one_ends


async def _never() -> None:
    await asyncio.Event().wait()


async def _breaks() -> None:
    raise ValueError("why")


async def _cancels_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await _never()


async def _returns() -> None:
    return


@pytest.mark.parametrize("work", [_breaks, _cancels_itself, _returns])
async def test_a_part_that_ends_in_whatever_way_is_a_defect(work: object) -> None:
    lasting, short = asyncio.create_task(_never()), asyncio.create_task(work(), name="short")  # type: ignore[operator]
    try:
        with pytest.raises(Defect, match="short ended by a defect"):
            await until_one_ends([lasting, short])
    finally:
        lasting.cancel()
