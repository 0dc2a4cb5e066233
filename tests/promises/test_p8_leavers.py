"""P8: after a departure nothing creates or re-opens anything: no late notice, retry, edit, replay or late landing."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.errors import Refused
from tests.scenarios.world_of_two import START, Two, first_answer, two
from tests.support.broken import rejects


def closed_everywhere(w: Two) -> None:
    """Nothing is active, and nothing was made anew."""
    for system in (w.a, w.b):
        assert len(system.things) == 1, f"{system.name} has {list(system.things)}"
        assert not any(thing.exists and thing.raw["active"] for thing in system.things.values()), (
            f"active in {system.name}"
        )


async def late_notices(url: str) -> None:
    async with two(url) as w:
        old = [w.a.poll(w.ai), w.b.poll(w.bi)]
        w.edit_a(active=False)
        await w.bring(w.a)
        await w.g.bring(old)
        await w.g.settle()
        closed_everywhere(w)
        await w.g.bring([w.a.poll(w.ai), w.b.poll(w.bi)])
        w.edit_b(x="edited after all")
        await w.g.settle()
        closed_everywhere(w)


async def let_in_again_by_hand(url: str) -> None:
    async with two(url) as w:
        w.edit_a(active=False)
        await w.g.settle()
        w.edit_b(active=True)
        await w.g.settle()
        closed_everywhere(w)


async def refused_before(url: str) -> None:
    """A lane that was parked on a refused write still closes."""
    async with two(url) as w:

        def refuse(write: Any) -> None:
            if "active" not in write.values:
                raise Refused("no", status=400)

        w.b.answer = refuse
        w.edit_a(x="1")
        await w.g.settle()
        w.edit_a(active=False)
        await w.g.settle()
        closed_everywhere(w)
        assert await w.g.cases() == []


async def a_create_under_way(url: str) -> None:
    """The person leaves while the create has been sent; nobody got its answer, and it lands late."""
    async with two(url, linked=False) as w:
        w.b.answer = first_answer("late")
        ai = w.a.create(**START)
        await w.bring(w.a)
        await w.g.drain()
        w.a.edit(ai, active=False)
        await w.bring(w.a)
        w.b.land()
        await w.g.settle()
        closed_everywhere(w)


async def deleted(url: str) -> None:
    async with two(url) as w:
        old = w.b.poll(w.bi)
        w.a.delete(w.ai)
        await w.g.settle()
        await w.g.bring([old])
        await w.g.settle()
        closed_everywhere(w)


@pytest.mark.parametrize("check", [late_notices, let_in_again_by_hand, refused_before, a_create_under_way, deleted])
async def test_holds(check: Any, store_url: str) -> None:
    await check(store_url)


@pytest.mark.parametrize("check", [late_notices, let_in_again_by_hand, refused_before, deleted])
async def test_is_broken_without_a_sticky_tombstone(check: Any, embedded_url: str) -> None:
    await rejects(check, "TOMB", embedded_url)
