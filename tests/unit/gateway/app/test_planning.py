"""The part of a worker that makes plans: stirred it begins at once, and stopping it gives back what it makes."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from connectors.contract.errors import StorageError
from gateway.app.planning import Planner
from replay.making import Maker
from replay.makings import Claim


class Plans:
    """A maker that has these, and does with them as told."""

    def __init__(self, *plans: str) -> None:
        self.plans, self.made, self.left = list(plans), list[str](), list[str]()
        self.answers: dict[str, Any] = {}
        self.busy, self.looked = asyncio.Event(), asyncio.Event()

    async def take(self) -> Claim | None:
        self.looked.set()
        return Claim(self.plans.pop(0), "worker", 1) if self.plans else None

    async def make(self, claim: Claim) -> None:
        self.busy.set()
        answer = self.answers.get(claim.plan)
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            await answer.wait()
        self.made.append(claim.plan)

    async def leave(self, claim: Claim) -> None:
        self.left.append(claim.plan)
        if (answer := self.answers.get("leave")) is not None:
            raise answer


async def test_a_defect_of_one_plan_is_not_the_next_ones() -> None:
    plans = Plans("rp_bad", "rp_good")
    plans.answers["rp_bad"] = RuntimeError("a defect")
    planner = Planner(cast(Maker, plans))
    assert [await planner.once() for _ in range(3)] == [True, True, False]
    assert plans.made == ["rp_good"] and plans.left == []


async def test_a_database_that_is_away_is_told_of() -> None:
    plans = Plans("rp_1")
    plans.answers["rp_1"] = StorageError("away")
    with pytest.raises(StorageError):
        await Planner(cast(Maker, plans)).once()


@pytest.mark.parametrize("away", [None, StorageError("away")])
async def test_stopping_gives_back_what_is_made(away: Exception | None) -> None:
    plans = Plans("rp_long")
    plans.answers = {"rp_long": asyncio.Event(), "leave": away}
    planner = Planner(cast(Maker, plans))
    await planner.start()
    await plans.busy.wait()
    await planner.stop()
    assert plans.left == ["rp_long"] and plans.made == []


async def test_stirred_it_looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.app.planning.LOOK_S", 3600.0)
    plans = Plans()
    planner = Planner(cast(Maker, plans))
    await planner.start()
    await plans.looked.wait()
    plans.plans.append("rp_1")
    planner.stirred.set()
    async with asyncio.timeout(30):
        await plans.busy.wait()
    await planner.stop()
    assert plans.made == ["rp_1"]
