"""What runs beside the work, and what of it is done once."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from connectors.contract.errors import StorageError
from gateway.app import housekeeping
from gateway.app.housekeeping import Housekeeping
from gateway.config.values import Retention


async def test_cases_are_looked_through_at_the_start_and_then_kept_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, and again only where the database did not answer."""
    done: list[str] = []
    enough = asyncio.Event()

    async def begin(place: Any) -> list[str]:
        done.append("begin")
        if len(done) == 1:
            raise StorageError("away")
        return []

    async def keep_up(place: Any) -> None:
        done.append("keep up")
        if len(done) == 4:
            enough.set()

    monkeypatch.setattr(housekeeping, "begin", begin)
    monkeypatch.setattr(housekeeping, "keep_up", keep_up)
    monkeypatch.setattr(housekeeping, "CASES_EVERY_S", 0.0)
    nothing = cast(Any, object())
    loops = Housekeeping(nothing, Retention(1.0, 1.0, 1.0, 1.0, 1.0), nothing, nothing)
    task = asyncio.create_task(loops._cases(nothing))
    async with asyncio.timeout(30):
        await enough.wait()
    task.cancel()
    assert done[:4] == ["begin", "begin", "keep up", "keep up"]
