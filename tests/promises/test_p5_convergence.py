"""P5: when all is quiet, linked objects agree on every mapped field, except what is openly held."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.errors import Conflict
from tests.scenarios.world_of_two import COUNTER, START, Two, edit_that_is_taken_back, first_answer, once, two
from tests.support.broken import rejects

MOVES = {"new": ["doing"], "doing": ["reviewing", "new"], "reviewing": ["done", "doing"], "done": ["doing"]}


async def in_step(w: Two) -> None:
    """Both show the canonical values, nothing is due, and a second look changes nothing."""
    record = await w.g.record()
    for name in START:
        shown = [w.shown(system).get(name) for system in (w.a, w.b)]
        assert shown == [record.fields[name].now.value] * 2, (
            f"{name}: {shown}, canonical {record.fields[name].now.value}"
        )
    assert not [lane for lane in await w.g.lanes() if lane.has_work]
    writes = len(w.a.writes) + len(w.b.writes)
    await w.g.bring([w.a.poll(w.ai), w.b.poll(w.bi)])
    await w.g.settle()
    assert len(w.a.writes) + len(w.b.writes) == writes, "it was not quiet"


async def edits_cross(url: str) -> None:
    async with two(url) as w:
        w.edit_b(x="17")
        await w.bring()
        w.edit_a(x="27", status="doing")
        w.edit_b(status="done")
        await w.g.settle()
        await in_step(w)


async def taken_back_while_we_write(url: str) -> None:
    async with two(url, b=COUNTER) as w:
        await edit_that_is_taken_back(w)
        await in_step(w)


async def states_are_walked(url: str) -> None:
    async with two(url, b={**COUNTER, "moves": MOVES}, mappings={"b": "stepped"}) as w:
        w.b.answer = first_answer("lost")
        w.edit_a(status="done")
        await w.g.settle()
        await in_step(w)


async def written_against_a_moving_object(url: str) -> None:
    """412 again and again, then not: the base is always a new one."""
    async with two(url, b={**COUNTER, "conditional": True}) as w:
        w.b.before_commit = once(lambda: w.edit_b(status="doing"))
        w.edit_a(x="1")
        await w.g.settle()
        await in_step(w)


async def a_move_that_is_gone(url: str) -> None:
    async with two(url, b={**COUNTER, "moves": MOVES}, mappings={"b": "stepped"}) as w:

        def gone(write: Any) -> None:
            w.b.answer = lambda write: None
            w.edit_b(status="doing")
            raise Conflict("the move is not available", status=409)

        w.b.answer = gone
        w.edit_a(status="reviewing")
        await w.g.settle()
        await in_step(w)


CHECKS = [
    ("REBASE", edits_cross),
    ("HOLD", taken_back_while_we_write),
    ("STEPS", states_are_walked),
]


@pytest.mark.parametrize(
    "check", [*(check for _, check in CHECKS), written_against_a_moving_object, a_move_that_is_gone]
)
async def test_holds(check: Any, store_url: str) -> None:
    await check(store_url)


@pytest.mark.parametrize(("mechanism", "check"), CHECKS)
async def test_is_broken_without(mechanism: str, check: Any, embedded_url: str) -> None:
    await rejects(check, mechanism, embedded_url)
