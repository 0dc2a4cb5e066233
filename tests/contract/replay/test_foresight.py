"""What a plan foresees is what the lanes' own planner would do, item by item, and what hinders it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from connectors.contract.errors import MappingError, Refused
from connectors.contract.values import Write
from dead_letter.tables import cases
from gateway.access.rights import Role
from gateway.sync.stage import Stage as FlowStage
from gateway.sync.tables import connection_state
from gateway.work import replays
from replay.values import Wish
from tests.scenarios.world_of_two import START
from tests.support.replaying import NADIA, OMAR, Facts, Stage, principal, refuse, staged

ALL = Wish()


async def items(stage: Stage, plan: Facts) -> list[Facts]:
    found = await replays.items(stage.place, NADIA, plan["plan"], limit=200)
    assert found is not None
    return list(found["items"])


async def test_creates_name_what_they_send_and_link_it_once(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(2, linked=False)
        plan = await stage.planned()
        assert plan["totals"]["create"] == 2 and plan["first"][1]["action"] == "create"
        shown = {diff["field"]: diff["wanted"] for diff in (await items(stage, plan))[0]["diffs"]}
        assert shown["x"] == "0" and shown["tags"] == ["p"]
        stage.mend()
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        ended = await stage.carried(run["run"])
        assert ended["counts"] == {"applied": 2}
        assert len(stage.b.things) == 2


async def test_steps_of_a_workflow_stand_out(store_url: str) -> None:
    moves = {"new": ["doing"], "doing": ["reviewing"], "reviewing": ["done"], "done": []}
    async with staged(store_url, b={"moves": moves}, mappings={"b": "stepped"}) as stage:
        stage.ids = [stage.a.create(**START)]
        await stage.g.settle()
        stage.b.answer = refuse
        stage.a.edit(stage.ids[0], status="done")
        await stage.g.settle()
        plan = await stage.planned(wish=ALL)
        assert plan["totals"]["transition"] == 1
        ((item,),) = [each["items"] for each in plan["first"] if each["action"] == "transition"]
        assert [(diff["field"], diff["wanted"]) for diff in item["diffs"]] == [("status", "done")]
        stage.mend()
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        assert (await stage.carried(run["run"]))["counts"] == {"applied": 1}
        (thing,) = stage.b.things.values()
        assert thing.raw["status"] == "done"


async def test_conflicts_are_shown_and_left_to_people(store_url: str) -> None:
    async with staged(store_url) as stage:
        stage.ids = [stage.a.create(**START)]
        await stage.g.settle()
        stage.a.edit(stage.ids[0], y="1")
        stage.b.edit(next(iter(stage.b.things)), y="2")
        await stage.g.settle()
        plan = await stage.planned(wish=ALL)
        assert plan["totals"]["conflict"] == 1 and plan["sends"] == 0


async def test_a_lost_answer_is_proved_before_anything_is_sent(store_url: str) -> None:
    async with staged(store_url, b={"settles_s": 100.0}) as stage:
        stage.ids = [stage.a.create(**START)]
        await stage.g.settle()
        stage.b.answer = lambda write: "late"
        stage.b.tries.clear()
        stage.a.edit(stage.ids[0], x="1")
        await stage.g.bring(stage.a.take())
        for _ in range(12):
            await stage.g.drain()
            stage.g.clock.advance(5)
        (case,) = await stage.g.cases(cls="unknown_outcome")
        plan = await stage.planned(wish=ALL)
        assert plan["totals"]["prove"] == 1
        stage.b.answer = lambda write: None
        stage.b.land()
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        ended = await stage.carried(run["run"])
        assert ended["counts"] == {"applied": 1} and ended["applied_by"]["read_back"] == 1
        assert len(stage.b.tries) == 1, "nothing was sent a second time"
        assert await stage.g.cases() == [] and case.number


async def test_a_leaver_is_closed_and_nothing_else(store_url: str) -> None:
    async with staged(store_url) as stage:
        stage.ids = [stage.a.create(**START)]
        await stage.g.settle()
        stage.b.answer = refuse
        stage.a.edit(stage.ids[0], active=False)
        await stage.g.settle()
        plan = await stage.planned(wish=ALL)
        assert plan["totals"]["delete"] == 1 and plan["first"][0]["action"] == "delete"
        assert "closes 1" in plan["approval"]["why"]
        await replays.approve(stage.place, OMAR, plan["plan"], plan["digest"])
        stage.mend()
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        assert (await stage.carried(run["run"]))["counts"] == {"applied": 1}
        (thing,) = stage.b.things.values()
        assert thing.raw["active"] is False


async def test_a_record_that_left_between_plan_and_turn_is_not_brought_back(store_url: str) -> None:
    async with staged(store_url, settings={"ramp": (1,), "wait_after": 1}) as stage:
        await stage.trouble(2)
        stage.mend()
        run = (await stage.started())["run"]
        await stage.carried(run, until=lambda found: found["state"] == "waiting")
        (left,) = await stage.g.cases()
        stage.g.clock.advance(1)
        record = next(each for each in await stage.g.records() if each.id == left.record)
        stage.a.edit(record.members["a"].id, active=False)
        await stage.g.settle()
        await replays.resume(stage.place, NADIA, run)
        ended = await stage.carried(run)
        assert ended["counts"] == {"applied": 1, "unchanged": 1}
        assert all("x" not in values for each, values in stage.b.writes if each == left.object_id)


async def test_a_gate_blocks(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(2)
        async with stage.g.database.begin() as tx:
            row = {"connection": "b", "state": "open", "reason": "503", "since": 0.0, "until": 0.0}
            await tx.execute(connection_state.insert().values(row))
        plan = await stage.planned()
        assert plan["totals"]["blocked"] == 2 and "b is down (503)" in plan["not_in"][0]["reason"]


async def test_what_the_system_shows_already_is_no_op(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(2)
        stage.g.clock.advance(1)
        stage.b.edit(next(iter(stage.b.things)), x="1")
        await stage.g.settle()
        plan = await stage.planned()
        assert plan["totals"]["update"] == 1
        assert plan["totals"]["no_op"] + plan["totals"]["gone"] + plan["totals"]["superseded"] <= 1


async def test_a_field_that_is_refused_is_planned_alone(store_url: str) -> None:
    async with staged(store_url) as stage:
        stage.ids = [stage.a.create(**START)]
        await stage.g.settle()

        def blame(write: Write) -> str | None:
            raise Refused("no", status=400, fields={"x": "is locked"})

        stage.b.answer = blame
        stage.a.edit(stage.ids[0], x="7")
        await stage.g.settle()
        plan = await stage.planned(wish=Wish(cause="field.refused"))
        assert plan["totals"]["update"] == 1
        stage.mend()
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        assert (await stage.carried(run["run"]))["counts"] == {"applied": 1}
        assert list(stage.effects().values()) == [["7"]]


async def test_personal_values_are_masked(store_url: str) -> None:
    async with staged(store_url) as stage:
        stage.ids = [stage.a.create(**START)]
        await stage.g.settle()
        stage.b.answer = refuse
        stage.a.edit(stage.ids[0], y="ada lovelace")
        await stage.g.settle()
        plan = await stage.planned(wish=ALL)
        assert "ada lovelace" in str(plan)
        viewer = principal("val", Role.VIEWER)
        for shown in (
            await replays.show(stage.place, viewer, plan["plan"]),
            await replays.items(stage.place, viewer, plan["plan"]),
        ):
            assert shown is not None and "ada lovelace" not in str(shown) and "***" in str(shown)


async def test_what_people_have_put_aside_is_left_alone(store_url: str) -> None:
    async with staged(store_url) as stage:
        first, second, third = await stage.trouble(3)
        async with stage.g.database.begin() as tx:
            await tx.execute(update(cases).where(cases.c.key == first.key).values(state="parked"))
            await tx.execute(update(cases).where(cases.c.key == second.key).values(pending="ap_1"))
        plan = await stage.planned(wish=ALL)
        assert plan["totals"]["blocked"] == 2 and plan["sends"] == 1
        reasons = {each["reason"] for each in plan["not_in"]}
        assert reasons == {"somebody parked it", "it waits for the approval of a second person"}
        (item,) = [each for each in await items(stage, plan) if each["action"] == "update"]
        assert item["subject"] == third.number


async def test_a_filter_that_could_not_be_decided_is_asked_again(store_url: str) -> None:
    """A case about an object that no record holds: its notice is processed anew."""

    def undecidable(values: Mapping[str, Any]) -> bool:
        raise MappingError("x", values.get("x"))

    async with staged(store_url, where=undecidable) as stage:
        stage.a.create(**START)
        await stage.g.settle()
        (case,) = await stage.g.cases()
        assert not case.record
        async with staged(store_url, before=stage, where=lambda values: True) as now:
            plan = await now.planned(wish=ALL)
            assert plan["totals"]["update"] == 1
            run = await replays.run(now.place, NADIA, plan["plan"], plan["digest"])
            ended = await now.carried(run["run"])
            assert sum(ended["counts"].values()) == 1 and not set(ended["counts"]) & {"failed", "unknown", "waiting"}
            assert len(await now.g.records()) == 1 and await now.g.cases() == []


async def test_a_flow_that_is_not_live_is_not_replayed_into(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(1)
        await stage.g.move(FlowStage.SHADOW)
        plan = await stage.planned()
        assert plan["totals"]["blocked"] == 1
        assert "is shadow: nothing is written" in (await items(stage, plan))[0]["reason"]
        await stage.g.move(FlowStage.LIVE)
        assert (await stage.planned())["totals"]["blocked"] == 0
