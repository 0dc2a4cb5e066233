"""Requests wait for a place that another leaves, a leaver does not, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from connectors.contract.errors import BudgetSpent
from connectors.contract.limits import Purpose, purpose
from gateway.budget.adapting import FIRST, Adaptive
from gateway.budget.admission import Budget
from gateway.config.budget import BudgetRules
from tests.support.waiting import until
from tests.support.world import FakeClock


def budget(clock: FakeClock) -> Budget:
    nobody: Any = None
    return Budget("b", BudgetRules(), nobody, clock, "one", nobody, adaptive=Adaptive(clock, 16))


async def test_a_request_too_many_waits_until_another_has_ended() -> None:
    made = budget(FakeClock())
    for _ in range(FIRST):
        await made.enter(0.0)
    with pytest.raises(BudgetSpent, match="takes no more than 4 requests at once well"):
        await made.enter(0.0)
    waits = asyncio.create_task(made.enter(60.0))
    await until(lambda: made._waiting[Purpose.LIVE] == 1, what="it waits")
    assert not waits.done()
    made.leave()
    await waits
    assert made.in_flight == FIRST


async def test_a_leaver_is_not_held_up_by_what_was_found_out() -> None:
    made = budget(FakeClock())
    for _ in range(FIRST):
        await made.enter(0.0)
    token = purpose.set(Purpose.LEAVER)
    await made.enter(0.0)
    purpose.reset(token)
    assert made.in_flight == FIRST + 1


async def test_a_pause_that_the_system_asked_for_holds_everybody() -> None:
    clock = FakeClock()
    made = budget(clock)
    made.answered(0.1, 429, [], 30.0)
    token = purpose.set(Purpose.LEAVER)
    with pytest.raises(BudgetSpent, match="asked for a pause of 30 s more") as got:
        await made.enter(5.0)
    purpose.reset(token)
    assert got.value.retry_after_s == 30.0
    clock.advance(30.5)
    await made.enter(0.0)
