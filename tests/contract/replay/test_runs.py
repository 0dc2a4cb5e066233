"""From a selection to the end of a run: what was planned is sent, once, and the outcomes add up."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from dead_letter.tables import cases
from dead_letter.values import parse_number
from gateway.work import replays
from gateway.work.replay_foresight import Planner
from replay.errors import DigestMismatch, NotFound, PlanStale
from replay.making import GOOD_S
from replay.values import Wish
from tests.support.replaying import NADIA, OMAR, refuse, staged


async def test_a_plan_is_run_and_its_outcomes_add_up(store_url: str) -> None:
    async with staged(store_url) as stage:
        opened = await stage.trouble(7)
        plan = await stage.planned()
        assert plan["sends"] == plan["count"] == 7
        assert plan["totals"]["update"] == 7
        (alike,) = plan["alike"]
        assert (alike["count"], alike["alike"]) == (7, "x")
        assert alike["values"] == [{"changes": [{"field": "x", "got": "0", "wanted": "1"}], "count": 7}]
        assert stage.b.writes == [], "planning sends nothing"
        stage.mend()
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        waiting = await replays.runs_of_cases(stage.place, NADIA, [case.number for case in opened])
        assert waiting == {case.number: run["run"] for case in opened}
        ended = await stage.carried(run["run"])
        assert ended["counts"] == {"applied": 7} and ended["word"] == "ended well"
        assert sum(ended["applied_by"].values()) == 7
        assert [step["size"] for step in ended["steps"]] == [1, 5, 1]
        assert await stage.g.cases() == []
        assert all(values == ["1"] for values in stage.effects().values())
        assert len(stage.effects()) == 7
        assert await replays.runs_of_cases(stage.place, NADIA, [case.number for case in opened]) == {}


async def test_a_replay_of_a_replayed_item_is_harmless(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(3)
        stage.mend()
        plan = await stage.planned()
        selection = plan["selection"]
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        await stage.carried(run["run"])
        sent = len(stage.b.tries)
        again = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        assert again["run"] == run["run"], "a plan is run once; asked again, that run is the answer"
        second = await replays.plan(stage.place, NADIA, selection)
        assert second["totals"]["gone"] == 3 and second["sends"] == 0
        await stage.g.settle()
        assert len(stage.b.tries) == sent


async def test_a_stale_plan_is_refused_naming_what_moved(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(3)
        plan = await stage.planned()
        stage.mend()
        stage.g.clock.advance(5)
        stage.a.edit(stage.ids[1], x="9")
        await stage.g.settle()
        with pytest.raises(PlanStale) as refused:
            await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        (moved,) = refused.value.moved
        assert (moved.what, moved.was, moved.now, moved.by) == ("x", "1", "9", "a")
        assert stage.b.writes == []
        again = await replays.plan_again(stage.place, NADIA, plan["plan"])
        diff = await replays.diff(stage.place, NADIA, again["plan"])
        assert diff is not None
        assert (diff["same"], len(diff["changed"])) == (2, 1)
        run = await replays.run(stage.place, NADIA, again["plan"], again["digest"])
        assert (await stage.carried(run["run"]))["counts"] == {"applied": 3}
        assert sorted(values[-1] for values in stage.effects().values()) == ["1", "1", "9"]


async def test_a_case_that_closed_meanwhile_makes_it_stale_though_its_record_did_not_move(store_url: str) -> None:
    async with staged(store_url) as stage:
        (first, *_) = await stage.trouble(3)
        plan = await stage.planned()
        stage.mend()
        async with stage.g.database.begin("test.close") as tx:
            values = {"closed_at": stage.g.clock.now(), "ending": "discarded", "state": "closed"}
            mine = cases.c.number == parse_number(first.number)
            await tx.execute(update(cases).where(mine).values(**values, version=cases.c.version + 1))
        with pytest.raises(PlanStale) as refused:
            await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        (moved,) = refused.value.moved
        assert (moved.what, moved.was) == ("case", "update") and "closed" in str(moved.now)


async def test_a_plan_that_is_too_old_is_refused(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(1)
        plan = await stage.planned()
        stage.mend()
        stage.g.clock.advance(GOOD_S + 1)
        with pytest.raises(PlanStale) as refused:
            await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        (moved,) = refused.value.moved
        assert (moved.what, moved.was, moved.now) == ("time", plan["good_until"], stage.g.clock.now())
        shown = await replays.show(stage.place, NADIA, plan["plan"])
        assert shown is not None and shown["stale_by_time"] and shown["state"] == "expired"


@pytest.mark.parametrize("which", ["mapping", "connector"])
async def test_another_mapping_or_connector_makes_it_stale(
    store_url: str, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(1)
        plan = await stage.planned()
        mappings, connectors = Planner(stage.place).pins()
        changed = {**(mappings if which == "mapping" else connectors)}
        name = next(iter(changed))
        changed[name] = "another@2"
        pins = (changed, connectors) if which == "mapping" else (mappings, changed)
        monkeypatch.setattr(Planner, "pins", lambda self: pins)
        with pytest.raises(PlanStale) as refused:
            await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        (moved,) = refused.value.moved
        assert (moved.what, moved.item, moved.now) == (which, name, "another@2")


async def test_another_plans_digest_is_refused(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(1)
        plan = await stage.planned()
        with pytest.raises(DigestMismatch):
            await replays.run(stage.place, NADIA, plan["plan"], "sha-256:" + "0" * 64)
        with pytest.raises(NotFound):
            await replays.run(stage.place, NADIA, "rp_NOSUCH22", plan["digest"])


async def test_failures_stop_it_and_nothing_more_is_sent(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(40)
        stage.mend(refuse)
        run = await stage.started()
        ended = await stage.carried(run["run"])
        assert ended["state"] == "stopped" and ended["stopped_by"] == "guard"
        assert ended["counts"] == {"failed": 1, "skipped": 39}, "the canary was enough"
        assert len(stage.b.tries) == 1
        assert sum(ended["counts"].values()) == ended["count"] == 40
        assert {row["outcome"] for row in ended["troubles"]} == {"failed", "skipped"}


async def test_what_was_pinned_is_what_is_selected(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(2)
        selected = await replays.select(stage.place, NADIA, Wish(cause="target.refused"))
        stage.g.clock.advance(60)
        await stage.trouble(2)
        plan = await replays.plan(stage.place, NADIA, selected["selection"])
        assert (plan["count"], plan["later"]) == (2, 2)
        assert (await replays.items(stage.place, OMAR, plan["plan"])) is not None
