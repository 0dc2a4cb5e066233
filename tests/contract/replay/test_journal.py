"""Replays from the journal: objects of accepted changes are looked at anew, under the mapping of today."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from gateway.sync.tables import notice
from gateway.work import replays
from replay.errors import BadWish
from replay.values import Source, Wish
from tests.scenarios.world_of_two import START
from tests.support.replaying import NADIA, Facts, Stage, staged

JOURNAL = Wish(source=Source.JOURNAL, connection="a")


async def replayed(stage: Stage, wish: Wish = JOURNAL) -> tuple[Facts, Facts]:
    """The plan and, if it sends anything, its run."""
    plan = await stage.planned(wish=wish)
    if not plan["sends"]:
        return plan, {}
    run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
    return plan, await stage.carried(run["run"])


async def test_what_is_known_already_is_no_op(store_url: str) -> None:
    async with staged(store_url) as stage:
        stage.ids = [stage.a.create(**START) for _ in range(3)]
        await stage.g.settle()
        stage.g.clock.advance(1)
        stage.a.edit(stage.ids[0], x="5")
        await stage.g.settle()
        plan, _ = await replayed(stage)
        assert plan["count"] == plan["totals"]["no_op"] == 3, "each object once, by its newest notice"
        assert plan["sends"] == 0


async def test_a_new_mapping_brings_what_the_old_one_did_not_read(store_url: str) -> None:
    async with staged(store_url, mappings={"a": "narrow", "b": "narrow"}) as stage:
        stage.ids = [stage.a.create(**START) for _ in range(2)]
        await stage.g.settle()
        assert all("y" not in thing.raw for thing in stage.b.things.values())
        async with staged(store_url, before=stage) as now:
            plan, run = await replayed(now)
            assert plan["totals"]["update"] == 2
            fields = {change["field"] for each in plan["alike"] for row in each["values"] for change in row["changes"]}
            assert "y" in fields
            assert run["counts"] == {"applied": 2}, run
            assert all(thing.raw["y"] == "0" for thing in now.b.things.values())
            again, _ = await replayed(now)
            assert again["sends"] == 0, "a replay of the replayed is harmless"


async def test_a_leaver_is_not_brought_back(store_url: str) -> None:
    async with staged(store_url) as stage:
        stage.ids = [stage.a.create(**START)]
        await stage.g.settle()
        stage.a.edit(stage.ids[0], active=False)
        await stage.g.settle()
        stage.g.clock.advance(5)
        plan, _ = await replayed(stage, Wish(source=Source.JOURNAL))
        assert plan["sends"] == 0 and plan["totals"]["blocked"] == plan["count"] > 0
        assert all(thing.raw["active"] is False for thing in stage.b.things.values())


async def test_an_object_that_was_left_out_begins_a_record(store_url: str) -> None:
    async with staged(store_url, where=lambda values: False) as stage:
        stage.a.create(**START)
        await stage.g.settle()
        assert await stage.g.records() == []
        async with staged(store_url, before=stage) as now:
            plan, run = await replayed(now)
            assert plan["totals"]["create"] == 1
            assert run["ended_at"], run
            assert len(await now.g.records()) == 1 and len(now.b.things) == 1


async def test_the_time_and_the_record_narrow_it(store_url: str) -> None:
    async with staged(store_url) as stage:
        stage.ids = [stage.a.create(**START) for _ in range(2)]
        await stage.g.settle()
        later = stage.g.clock.now() + 50
        stage.g.clock.advance(100)
        stage.a.edit(stage.ids[1], x="2")
        await stage.g.settle()
        selected = await replays.select(stage.place, NADIA, Wish(source=Source.JOURNAL, since=later, connection="a"))
        assert selected["count"] == 1
        record = (await stage.g.records())[0].id
        one = await replays.select(stage.place, NADIA, Wish(source=Source.JOURNAL, record=record, connection="a"))
        assert one["count"] == 1
        with pytest.raises(BadWish):
            await replays.select(stage.place, NADIA, Wish(source=Source.JOURNAL, cause="target.refused"))


async def test_a_notice_that_is_gone_is_told(store_url: str) -> None:
    async with staged(store_url) as stage:
        stage.ids = [stage.a.create(**START)]
        await stage.g.settle()
        selected = await replays.select(stage.place, NADIA, JOURNAL)
        async with stage.g.database.begin() as tx:
            await tx.execute(update(notice).values(id="forgotten").where(notice.c.connection == "a"))
        plan = await replays.plan(stage.place, NADIA, selected["selection"])
        assert plan["totals"]["gone"] == 1
