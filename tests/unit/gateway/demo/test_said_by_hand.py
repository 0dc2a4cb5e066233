"""Somebody says that an account was switched off; the gateway is killed over it, and nobody hears that it was taken."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

from gateway.demo.leaver import Leaver


async def test_what_was_taken_without_an_answer_is_seen(monkeypatch: Any) -> None:
    told: list[str] = []
    states = iter(["by hand", "done by hand"])

    async def departure() -> Any:
        state = next(states)
        return {"leaver": {"number": 1, "version": 2}, "steps": [{"id": "ls1", "state": state, "instruction": "x"}]}

    async def said(leaver: Any, step: str) -> bool:
        return False  # asked again after the kill, it is no open step any more

    act: Any = SimpleNamespace(
        _began=time.monotonic(),
        _before={},
        _said=said,
        departure=departure,
        scene=SimpleNamespace(talk=SimpleNamespace(line=told.append)),
    )
    async with asyncio.timeout(10):
        await Leaver._by_hand(act)
    assert told == ["somebody does, and says so; the gateway was killed over it, and has it"]
