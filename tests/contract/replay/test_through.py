"""Replays of the journal with a stored mapping version: the plan pins it, the run reads by it and by nothing else."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from gateway.storage.database import loads
from gateway.sync import tables as t
from gateway.versions import store
from gateway.versions.errors import UnknownVersion
from gateway.versions.store import Version
from gateway.work import replays
from mappings.loader import digest_of
from replay.errors import BadWish
from replay.values import Source, Wish
from tests.scenarios.world_of_two import START
from tests.support.gateway import THINGS
from tests.support.replaying import NADIA, Stage, staged
from tests.support.versions import who

WISH = Wish(source=Source.JOURNAL, connection="a", through="plain@2")


async def kept(stage: Stage, *changes: tuple[str, str], number: int = 2) -> Version:
    """Another version of the mapping of both systems, stored."""
    text = (THINGS / "plain.yaml").read_text().replace("version: 1", f"version: {number}")
    for before, after in changes or (("x: {path: x}", "x: {path: y}"),):
        assert before in text
        text = text.replace(before, after)
    of_type = (THINGS / "types" / "thing.yaml").read_text()
    version = Version(
        digest=digest_of(text, of_type),
        name="plain",
        version=number,
        system="world",
        object="thing",
        type="thing",
        text=text,
        type_text=of_type,
        stored_at=stage.g.clock.now(),
        stored_by="ines",
        origin="new.yaml",
    )
    async with stage.g.database.begin() as tx:
        await store.keep(tx, version)
    return version


async def begun(stage: Stage, count: int = 2) -> None:
    stage.ids = [stage.a.create(**{**START, "x": "1", "y": "7"}) for _ in range(count)]
    await stage.g.settle()
    stage.a.writes.clear()
    stage.b.writes.clear()


async def replayed(stage: Stage) -> replays.Facts:
    plan = await stage.planned(wish=WISH)
    run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
    return await stage.carried(run["run"])


async def test_what_came_in_is_understood_by_the_version_that_was_chosen(store_url: str) -> None:
    async with staged(store_url) as stage:
        await begun(stage)
        version = await kept(stage)
        plan = await stage.planned(wish=WISH)
        assert plan["totals"]["update"] == 2 and stage.b.writes == []
        assert plan["pins"]["mappings"]["through"] == f"plain@2 {version.digest[:12]}"
        changes = [change for each in plan["alike"] for row in each["values"] for change in row["changes"]]
        assert [(each["field"], each["got"], each["wanted"]) for each in changes] == [("x", "1", "7")]
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        ended = await stage.carried(run["run"])
        assert ended["counts"] == {"applied": 2}, ended
        assert [raw["x"] for raw in (thing.raw for thing in stage.b.things.values())] == ["7", "7"]
        assert stage.a.writes == [], "the system that it is from shows what it shows"
        async with stage.g.database.read() as tx:
            rows = await tx.execute(select(t.field_version).where(t.field_version.c.mapping == "plain@2"))
            assert sorted((row.field, loads(row.value)) for row in rows) == [("x", "7"), ("x", "7")]
        again = await stage.planned(wish=WISH)
        assert again["sends"] == 0 and again["totals"]["no_op"] == 2


async def test_the_run_reads_by_the_text_that_was_pinned_whatever_is_stored_since(store_url: str) -> None:
    async with staged(store_url) as stage:
        await begun(stage)
        await kept(stage)
        plan = await stage.planned(wish=WISH)
        stage.g.clock.advance(1)
        await kept(stage, ("x: {path: x}", "x: {path: status}"))
        assert await replays.moved(stage.place, NADIA, plan["plan"]) == {"plan": plan["plan"], "moved": []}
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        await stage.carried(run["run"])
        assert {thing.raw["x"] for thing in stage.b.things.values()} == {"7"}


async def test_nothing_newer_gives_way(store_url: str) -> None:
    async with staged(store_url) as stage:
        await begun(stage, 3)
        await kept(stage)
        stage.g.clock.advance(1)
        b = next(id for id, thing in stage.b.things.items())
        stage.b.edit(b, x="from b")
        await stage.g.settle()
        record = next(each for each in await stage.g.records() if each.fields["x"].now.value == "from b")
        plan = await stage.planned(wish=WISH)
        assert plan["totals"]["update"] == 2 and plan["totals"]["no_op"] == 1, "another system's value is newer"
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        await stage.carried(run["run"])
        (found,) = [each for each in await stage.g.records() if each.id == record.id]
        assert found.fields["x"].now.value == "from b"


async def test_a_record_that_left_stays_left(store_url: str) -> None:
    async with staged(store_url) as stage:
        await begun(stage, 1)
        await kept(stage)
        stage.a.edit(stage.ids[0], active=False)
        await stage.g.settle()
        plan = await stage.planned(wish=WISH)
        assert plan["sends"] == 0 and plan["totals"]["blocked"] == 1


async def test_a_value_that_the_version_in_use_did_not_know(store_url: str) -> None:
    async with staged(store_url) as stage:
        await begun(stage, 1)
        stage.g.clock.advance(1)
        stage.a.edit(stage.ids[0], status="closed")
        await stage.g.settle()
        assert [case.cls for case in await stage.g.cases()] == ["mapping"]
        await kept(stage, ("done: done}}", "done: [done, closed]}, lossy: true}"))
        run = await replayed(stage)
        assert run["counts"] == {"applied": 1}, run
        assert [thing.raw["status"] for thing in stage.b.things.values()] == ["done"]
        assert [case for case in await stage.g.cases() if case.closed_at is None] == []


async def test_what_cannot_be_meant_is_said_at_once(store_url: str) -> None:
    async with staged(store_url) as stage:
        await begun(stage, 1)
        version = await kept(stage)
        with pytest.raises(
            UnknownVersion, match=rf"no stored mapping version plain@9; there are plain@2:{version.digest[:8]}"
        ):
            await replays.select(stage.place, NADIA, Wish(source=Source.JOURNAL, through="plain@9"))
        with pytest.raises(BadWish, match="replay the journal with it"):
            await replays.select(stage.place, NADIA, Wish(through="plain@2"))
        elsewhere = who("sam", *NADIA.roles, types=frozenset({"other"}))
        with pytest.raises(UnknownVersion, match="none of that name"):
            await replays.select(stage.place, elsewhere, WISH)
