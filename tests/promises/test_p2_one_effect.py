"""P2: whatever is killed, retried, unknown or delivered twice, a command takes effect at most once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gateway.delivery.runner import Runner
from gateway.sync.backoff import Backoff
from gateway.sync.worker import Worker
from tests.promises import killing
from tests.scenarios.world_of_two import COUNTER, START, Two, first_answer, two
from tests.support.broken import rejects
from tests.support.gateway import NoChance
from tests.support.speaking import Speaker


def comments_once(w: Two) -> None:
    """Each comment stands once on each side."""
    for system in (w.a, w.b):
        for thing in system.things.values():
            shown = Counter(item.body for item in thing.items)
            assert all(times == 1 for times in shown.values()), f"{system.name} shows {shown}"
    bodies = {tuple(sorted(i.body for i in t.items)) for s in (w.a, w.b) for t in s.things.values()}
    assert len(bodies) == 1, f"not everywhere: {bodies}"


async def crash_after_the_request(url: str) -> None:
    """The worker dies with the request sent and nothing recorded of its outcome."""
    async with two(url) as w:
        original = w.b.apply

        async def apply(write: Any) -> Any:
            await original(write)
            raise asyncio.CancelledError

        w.b.apply = apply
        w.a.comment(w.ai, "hello")
        await w.bring(w.a)
        with pytest.raises(asyncio.CancelledError):
            await w.g.run("b")
        w.b.apply = original
        w.b.take()  # the webhook of it is lost, too
        w.g.clock.advance(60)
        await w.g.settle()
        comments_once(w)


async def no_answer_and_no_way_to_look(url: str) -> None:
    async with two(url, b={**COUNTER, "probes": False}) as w:
        w.b.answer = first_answer("lost")
        w.edit_a(x="17")
        await w.bring(w.a)
        for _ in range(5):
            await w.g.drain()
            w.g.clock.advance(30)
        assert len(w.b.writes) == 1, "sent again blindly"
        assert await w.g.cases(), "a person must see that nobody knows"


async def comments_on_both_sides(url: str) -> None:
    async with two(url) as w:
        w.b.answer = first_answer("lost")
        w.a.comment(w.ai, "hello")
        w.b.comment(w.bi, "there")
        await w.g.settle()
        comments_once(w)


async def two_workers_on_one_lane(url: str) -> None:
    async with two(url) as w:
        worker = Worker("other", 30.0, 5.0, Backoff(NoChance()))
        other = Runner("b", w.b, w.g.runners["b"].gate, worker, w.g.decider, w.g.clock)
        w.edit_a(x="17")
        await w.bring(w.a)
        record = (await w.g.record()).id
        await asyncio.gather(w.g.runners["b"].run(record), other.run(record))
        await w.g.settle()
        assert [values for _, values in w.b.writes] == [{"x": "17"}]


async def made_in_two_systems_at_once(url: str) -> None:
    async with two(url, linked=False, natural="y") as w:
        for system in (w.a, w.b):
            system.create(**{**START, "y": "the same thing"})
        await w.g.settle()
        assert (len(w.a.things), len(w.b.things)) == (1, 1), "created again although it was there"
        assert len(await w.g.records()) == 1


async def delivered_twice(url: str) -> None:
    """A repeat is known as one before anything is decided: it leaves no row and no decision."""
    async with two(url) as w:
        w.edit_a(x="17")
        (change,) = w.a.take()
        await w.g.bring([change])
        before = len(await w.g.notices()), (await w.g.record()).rev
        await w.g.bring([change, change])
        assert (len(await w.g.notices()), (await w.g.record()).rev) == before
        await w.g.settle()
        assert [values for _, values in w.b.writes] == [{"x": "17"}]


CHECKS = {
    "ATTEMPT": crash_after_the_request,
    "NOPROBE": no_answer_and_no_way_to_look,
    "ITEMS": comments_on_both_sides,
    "FENCE": two_workers_on_one_lane,
    "IDENT": made_in_two_systems_at_once,
    "DELIVERY KEYS": delivered_twice,
}


@pytest.mark.parametrize("check", CHECKS.values())
async def test_holds(check: Any, store_url: str) -> None:
    await check(store_url)


@pytest.mark.parametrize("mechanism", CHECKS)
async def test_is_broken_without(mechanism: str, embedded_url: str) -> None:
    await rejects(CHECKS[mechanism], mechanism, embedded_url)


@pytest.mark.parametrize("what", ["comment", "create", "edit"])
@pytest.mark.parametrize("where", ["before", "after"])
def test_a_kill_around_the_request(what: str, where: str, tmp_path: Path) -> None:
    """SIGKILL while the request is about to leave, or has just taken effect; the next process finishes the work."""
    with Speaker(killing.__name__, tmp_path, what, where) as victim:
        assert victim.line() == "here"
        victim.kill()
    with Speaker(killing.__name__, tmp_path, what, "never") as survivor:
        effects = json.loads(survivor.line())
    assert effects == {"writes": 1, "shown": 1, "cases": 0}
