"""What stops a run by itself: failures one after the other, and their share; never failures that are far between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.contract.values import Write
from tests.support.replaying import Stage, refuse, staged


def every(n: int) -> Callable[[Write], str | None]:
    """Refuses every n-th write, counted from the first."""
    count = iter(range(1, 10_000))

    def answer(write: Write) -> str | None:
        return refuse(write) if next(count) % n == 0 else None

    return answer


async def ended(stage: Stage, answer: Callable[[Write], str | None], count: int) -> dict[str, Any]:
    await stage.trouble(count)
    stage.mend(answer)
    return await stage.carried((await stage.started())["run"])


async def test_failures_that_are_far_between_do_not_stop_it(store_url: str) -> None:
    settings = {"failures": 3, "failed_share": 1.0, "ramp": (), "rate": 300.0}
    async with staged(store_url, settings=settings) as stage:
        run = await ended(stage, every(2), 10)
        assert (run["state"], run["counts"]) == ("done", {"applied": 5, "failed": 5})


async def test_failures_one_after_the_other_do(store_url: str) -> None:
    settings = {"failures": 3, "failed_share": 1.0, "ramp": (), "rate": 300.0}
    async with staged(store_url, settings=settings) as stage:
        run = await ended(stage, refuse, 12)
        assert (run["state"], run["stopped_by"], run["reason"].split(" ", 1)[1]) == (
            "stopped",
            "guard",
            "failures one after the other",
        )
        assert run["counts"]["skipped"] >= 6 and sum(run["counts"].values()) == 12


@pytest.mark.parametrize(("share", "state"), [(0.3, "done"), (0.2, "stopped")])
async def test_their_share_of_all_that_ended_does(store_url: str, share: float, state: str) -> None:
    settings = {"failures": 100, "failed_share": share, "ramp": (), "rate": 300.0}
    async with staged(store_url, settings=settings) as stage:
        run = await ended(stage, every(4), 28)
        assert run["state"] == state, run
        assert (state == "done") == (run["counts"] == {"applied": 21, "failed": 7})
