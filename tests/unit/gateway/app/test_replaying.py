"""The part of a worker that carries runs on: a defect in one run stops neither the others nor itself."""

from __future__ import annotations

from typing import Any, cast

import pytest

from connectors.contract.errors import StorageError
from gateway.app import replaying
from gateway.app.replaying import FORGET_S, LOOK_S, Replayer
from replay.running import Runner
from tests.support.world import FakeClock


class Steps:
    """A runner that takes what it is given and answers as told."""

    def __init__(self, *runs: str) -> None:
        self.runs, self.answers, self.stepped = list(runs), dict[str, Any](), list[str]()
        self.books = None

    async def take(self, now: float) -> str | None:
        return self.runs.pop(0) if self.runs else None

    async def step(self, run: str, now: float) -> float | None:
        self.stepped.append(run)
        answer = self.answers.get(run, 0.25)
        if isinstance(answer, Exception):
            raise answer
        return cast("float | None", answer)


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []

    async def forget(books: object, before: float) -> int:
        found.append(before)
        return 0

    monkeypatch.setattr(replaying, "forget", forget)
    return found


async def test_a_defect_of_one_run_is_tried_again_ever_later(forgotten: list[float]) -> None:
    steps, clock = Steps("rr_good", "rr_bad"), FakeClock()
    replayer = Replayer(cast(Runner, steps), clock)
    steps.answers["rr_bad"] = RuntimeError("a defect")
    for _ in range(2):
        await replayer.once()
        clock.advance(LOOK_S)
    await replayer.once()
    waits = []
    for _ in range(4):
        waits.append(replayer.mine["rr_bad"] - clock.monotonic())
        clock.advance(max(waits[-1], LOOK_S))
        await replayer.once()
    assert waits == sorted(waits) and waits[-1] > waits[0]
    assert steps.stepped.count("rr_good") > steps.stepped.count("rr_bad")
    steps.answers["rr_bad"] = None
    clock.advance(60)
    await replayer.once()
    assert "rr_bad" not in replayer.mine and replayer.failures == {}


async def test_a_database_that_is_away_is_told_of(forgotten: list[float]) -> None:
    steps, clock = Steps("rr_1"), FakeClock()
    steps.answers["rr_1"] = StorageError("away")
    with pytest.raises(StorageError):
        await Replayer(cast(Runner, steps), clock).once()


async def test_old_plans_are_dropped_now_and_then(forgotten: list[float]) -> None:
    clock = FakeClock()
    replayer = Replayer(cast(Runner, Steps()), clock)
    for _ in range(3):
        await replayer.once()
        clock.advance(FORGET_S / 2)
    assert len(forgotten) == 2
