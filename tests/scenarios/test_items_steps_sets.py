"""SYNC.md section 4, scenarios 25 to 30: comments, stepped states, sets, two workers, clocks, conditional writes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from connectors.contract.errors import Conflict
from connectors.contract.values import ATTACHMENT, File, Receipt, Write
from gateway.delivery.runner import Runner
from gateway.sync.backoff import Backoff
from gateway.sync.worker import Worker
from tests.scenarios.world_of_two import COUNTER, COUNTER_HISTORY, STAMP_HISTORY, first_answer, once, two
from tests.support.gateway import NoChance

MOVES = {"new": ["doing"], "doing": ["reviewing", "new"], "reviewing": ["done", "doing"], "done": ["doing"]}


@pytest.mark.parametrize("verdict", ["lost", "late", None])
async def test_comment_unknown_and_echo(store_url: str, verdict: str | None) -> None:
    async with two(store_url) as w:
        w.b.answer = first_answer(verdict) if verdict else lambda write: None
        w.a.comment(w.ai, "hello")
        w.b.comment(w.bi, "there")
        await w.g.settle()
        assert sorted(i.body for i in w.a.things[w.ai].items) == ["hello", "there"]
        assert sorted(i.body for i in w.b.things[w.bi].items) == ["hello", "there"]


async def test_an_empty_file_goes_in_words_where_no_file_can_go(store_url: str) -> None:
    async with two(store_url) as w:
        w.a.comment(w.ai, "empty.log, 0 bytes", kind=ATTACHMENT, file=File(name="empty.log", size=0))
        await w.g.settle()
        assert [(each.item.kind, each.item.file) for each in w.b.tries if each.item] == [("comment", None)]


@pytest.mark.parametrize("kind", [COUNTER, COUNTER_HISTORY, STAMP_HISTORY])
async def test_status_path_crash_midway(store_url: str, kind: dict[str, Any]) -> None:
    async with two(store_url, b={**kind, "moves": MOVES}, mappings={"b": "stepped"}) as w:
        original = w.b.apply
        seen: list[str] = []

        async def apply(write: Write) -> Receipt:
            receipt = await original(write)
            seen.append(w.shown(w.b)["status"])
            if len(seen) == 1:
                raise asyncio.CancelledError
            return receipt

        w.b.apply = apply
        w.edit_a(status="done")
        await w.bring(w.a)
        with pytest.raises(asyncio.CancelledError):
            await w.g.run("b")
        w.g.clock.advance(60)
        await w.g.settle()
        assert seen == ["doing", "reviewing", "done"]
        assert w.shown(w.a)["status"] == "done"
        assert await w.g.canonical("status") == "done"
        async with w.g.database.read() as tx:
            from sqlalchemy import select

            from gateway.sync.tables import field_version

            query = select(field_version.c.value).where(field_version.c.field == "status")
            values = [row[0] for row in await tx.execute(query)]
        assert values == ['"new"', '"done"'], "an intermediate state is never canonical"


async def test_status_moved_by_a_person_midway(store_url: str) -> None:
    async with two(store_url, b={**COUNTER_HISTORY, "moves": MOVES}, mappings={"b": "stepped"}) as w:
        w.b.after_commit = once(lambda: w.edit_b(status="new"))
        w.edit_a(status="done")
        await w.g.settle()
        assert w.agree("status")
        assert len(await w.g.lost("status")) >= 1


async def test_tag_remove_vs_add(store_url: str) -> None:
    async with two(store_url, start={"tags": ["p", "q"]}) as w:
        w.edit_a(tags=["p", "q", "r"])
        w.edit_b(tags=["q"])
        await w.g.settle()
        assert sorted(w.shown(w.a)["tags"]) == sorted(w.shown(w.b)["tags"]) == ["q", "r"]


@pytest.mark.parametrize("kind", [COUNTER_HISTORY, STAMP_HISTORY])
async def test_tag_edit_in_the_window(store_url: str, kind: dict[str, Any]) -> None:
    async with two(store_url, b=kind, start={"tags": ["p", "q"]}) as w:
        w.b.before_commit = once(lambda: w.edit_b(tags=["p"]))
        w.edit_a(tags=["p", "q", "r"])
        await w.g.settle()
        assert sorted(w.shown(w.a)["tags"]) == sorted(w.shown(w.b)["tags"]) == ["p", "r"]


async def test_two_workers_one_record(store_url: str) -> None:
    async with two(store_url, b=COUNTER) as w:
        other = Runner(
            "b", w.b, w.g.runners["b"].gate, Worker("other", 30.0, 5.0, Backoff(NoChance())), w.g.decider, w.g.clock
        )
        w.edit_a(x="17")
        await w.bring(w.a)
        record = (await w.g.record()).id
        await asyncio.gather(w.g.runners["b"].run(record), other.run(record))
        await w.g.settle()
        assert [v for _, v in w.b.writes] == [{"x": "17"}]


async def test_paused_worker_loses_at_the_database(store_url: str) -> None:
    async with two(store_url, b=COUNTER) as w:
        original, gate, sent = w.b.apply, asyncio.Event(), asyncio.Event()

        async def apply(write: Write) -> Receipt:
            receipt = await original(write)
            if len(w.b.tries) == 1:
                sent.set()
                await gate.wait()
            return receipt

        w.b.apply = apply
        w.edit_a(x="17")
        await w.bring(w.a)
        record = (await w.g.record()).id
        paused = asyncio.create_task(w.g.runners["b"].run(record))
        await sent.wait()
        w.g.clock.advance(60)
        other = Runner(
            "b", w.b, w.g.runners["b"].gate, Worker("other", 30.0, 5.0, Backoff(NoChance())), w.g.decider, w.g.clock
        )
        w.edit_a(x="18")
        await w.bring(w.a)
        for _ in range(4):
            await other.run(record)
            w.g.clock.advance(15)
        gate.set()
        await paused
        await w.g.settle()
        assert [v for _, v in w.b.writes] == [{"x": "17"}, {"x": "18"}]
        assert w.agree("x")


async def test_clock_skew_latest(store_url: str) -> None:
    async with two(store_url, skew_s=5.0) as w:
        w.edit_b(x="seen")
        await w.g.settle()
        w.g.clock.wall -= 3_600  # A's clock (and ours) falls back an hour
        w.a.edit(w.ai, x="causally later")
        await w.g.settle()
        assert await w.g.canonical("x") == "causally later"
        w.a.edit(w.ai, x="strong")
        w.g.clock.advance(1)  # within the uncertainty of both clocks: authority decides, not the clock
        w.b.edit(w.bi, x="weak")
        await w.g.settle()
        assert await w.g.canonical("x") == "strong"
        assert await w.g.lost("x") == ["weak"]


async def test_if_match_412(store_url: str) -> None:
    async with two(store_url, b={**COUNTER, "conditional": True}) as w:
        w.b.take()
        w.edit_b(y="5")  # moves the version; its webhook is lost
        w.b.take()
        w.edit_a(x="17")
        await w.g.settle()
        assert [v for _, v in w.b.writes] == [{"x": "17"}]
        assert len(w.b.tries) <= 2
        assert (w.shown(w.a)["y"], w.shown(w.b)["x"]) == ("5", "17")


async def test_conflict_answers_for_ever_do_not_spin(store_url: str) -> None:
    async with two(store_url, b=COUNTER) as w:

        def refuse(write: Write) -> None:
            raise Conflict("moved", status=409)

        w.b.answer = refuse
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain(most=60)
        assert len(w.b.tries) < 20
