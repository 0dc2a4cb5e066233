"""What people say to plans and runs: four eyes, scope, pause, go on, stop; and what they may not."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from gateway.access.rights import NotAllowed, Role
from gateway.audit.tables import audit
from gateway.work import replays
from replay import store
from replay.errors import (
    ApprovalNotNeeded,
    BadWish,
    DigestMismatch,
    LimitsTooBold,
    NeedsApproval,
    NotFound,
    NothingSelected,
    NothingToRun,
    PlanStale,
    RunRefused,
    SelfApproval,
)
from replay.running import Runner, start_run
from replay.values import Limits, Scope, Wish
from tests.support.replaying import NADIA, OMAR, Stage, principal, staged

BOTH = principal("nadia", Role.OPERATOR, Role.APPROVER)


async def kinds(stage: Stage) -> list[str]:
    async with stage.g.database.read() as tx:
        rows = await tx.execute(select(audit.c.kind, audit.c.actor).order_by(audit.c.seq))
        return [f"{row.kind} {row.actor}" for row in rows if row.kind.startswith("replay_")]


async def outcomes(stage: Stage) -> dict[str, str]:
    """Of the entry that opened and of the one that closes it."""
    async with stage.g.database.read() as tx:
        closing = (await tx.execute(select(audit).where(audit.c.closes.is_not(None)))).one()
        opening = (await tx.execute(select(audit).where(audit.c.id == closing.closes))).one()
    return {row.kind: row.outcome for row in (opening, closing)}


async def test_many_items_need_a_second_person(store_url: str) -> None:
    async with staged(store_url, settings={"approve_above": 2}) as stage:
        await stage.trouble(3)
        plan = await stage.planned()
        assert plan["approval"]["needed"] and "3 items" in plan["approval"]["why"]
        with pytest.raises(NeedsApproval):
            await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        with pytest.raises(NotAllowed):
            await replays.approve(stage.place, NADIA, plan["plan"], plan["digest"])
        with pytest.raises(SelfApproval):
            await replays.approve(stage.place, BOTH, plan["plan"], plan["digest"])
        token = principal("ci", Role.APPROVER)
        with pytest.raises(SelfApproval):  # a token acts for its owner, who made the plan
            await replays.approve(
                stage.place,
                type(token)(id="token:1", name="ci", roles=token.roles, person=NADIA.person),
                plan["plan"],
                plan["digest"],
            )
        with pytest.raises(DigestMismatch):
            await replays.approve(stage.place, OMAR, plan["plan"], "sha-256:" + "0" * 64)
        for _ in range(2):
            approved = await replays.approve(stage.place, OMAR, plan["plan"], plan["digest"], reason="looked")
            assert approved["approval"]["by"] == "omar"
        stage.mend()
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        assert (await stage.carried(run["run"]))["counts"] == {"applied": 3}
        assert await kinds(stage) == [
            "replay_selected nadia",
            "replay_planned nadia",
            "replay_unapproved nadia",
            "replay_self_approval nadia",
            "replay_self_approval ci",
            "replay_approved omar",
            "replay_started nadia",
            "replay_ended lockstep",
        ]
        assert await outcomes(stage) == {"replay_started": "open", "replay_ended": "applied"}, "and it closes the other"


async def test_what_moved_cannot_be_approved(store_url: str) -> None:
    async with staged(store_url, settings={"approve_above": 1}) as stage:
        await stage.trouble(2)
        plan = await stage.planned()
        stage.g.clock.advance(5)
        stage.a.edit(stage.ids[0], x="9")
        await stage.g.settle()
        with pytest.raises(PlanStale):
            await replays.approve(stage.place, OMAR, plan["plan"], plan["digest"])
        with pytest.raises(NeedsApproval):
            await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])


async def test_creates_above_the_limit_and_bolder_limits_need_a_second_person(store_url: str) -> None:
    async with staged(store_url, settings={"creates": 1}) as stage:
        await stage.trouble(2, linked=False)
        plan = await stage.planned()
        assert plan["totals"]["create"] == 2 and "creates 2" in plan["approval"]["why"]
        bold = await stage.planned(limits=Limits(rate=1e8, ramp=(), in_a_row=50, share_failed=1.0, most_creates=99))
        assert "creates 2" in bold["approval"]["why"], "what one person may is not for that person to say"
    async with staged(store_url.replace("store", "other") if "sqlite" in store_url else store_url) as stage:
        if "sqlite" in store_url:
            await stage.trouble(1)
            bold = await stage.planned(limits=Limits(rate=1e8, ramp=()))
            assert "bolder" in bold["approval"]["why"]


async def test_a_plan_that_needs_nobody_is_not_approved_and_limits_only_fall(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(2)
        plan = await stage.planned()
        with pytest.raises(ApprovalNotNeeded):
            await replays.approve(stage.place, OMAR, plan["plan"], plan["digest"])
        limits = Limits(**plan["limits"])
        bolder = Limits(**{**plan["limits"], "rate": limits.rate * 2})
        with pytest.raises(LimitsTooBold):
            await replays.run(stage.place, NADIA, plan["plan"], plan["digest"], limits=bolder)
        slower = Limits(**{**plan["limits"], "rate": limits.rate / 2, "ramp": (1, 1, 1)})
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"], limits=slower)
        assert run["rate"] == limits.rate / 2


async def test_after_a_step_it_waits_for_a_person_and_pauses_when_told(store_url: str) -> None:
    async with staged(store_url, settings={"ramp": (1, 2), "wait_after": 2}) as stage:
        await stage.trouble(6)
        stage.mend()
        run = (await stage.started())["run"]
        runner = stage.runner()
        waits = await stage.carried(run, runner, until=lambda found: found["state"] == "waiting")
        assert waits["word"] == "waits for you" and waits["counts"] == {"applied": 3, "waiting": 3}
        for _ in range(5):
            stage.g.clock.advance(5)
            await runner.step(run, stage.g.clock.now())
        assert (await stage.shown(run))["counts"] == {"applied": 3, "waiting": 3}, "it waits as long as it takes"
        with pytest.raises(NotAllowed):
            await replays.resume(stage.place, OMAR, run)
        assert (await replays.resume(stage.place, NADIA, run))["state"] == "running"
        assert (await replays.pause(stage.place, NADIA, run, reason="lunch"))["reason"] == "lunch"
        stage.g.clock.advance(60)
        await runner.step(run, stage.g.clock.now())
        assert (await stage.shown(run))["counts"] == {"applied": 3, "waiting": 3}
        await replays.resume(stage.place, NADIA, run)
        assert (await stage.carried(run, runner))["counts"] == {"applied": 6}
        with pytest.raises(RunRefused):
            await replays.pause(stage.place, NADIA, run)


async def test_a_pause_that_comes_between_two_words_of_a_worker_is_heard(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(store_url, settings={"ramp": (1, 2), "wait_after": 1}) as stage:
        await stage.trouble(3)
        stage.mend()
        run, runner = (await stage.started())["run"], stage.runner()
        await stage.carried(run, runner, until=lambda found: found["state"] == "waiting")
        await replays.resume(stage.place, NADIA, run)
        settle = Runner._settle

        async def and_then_somebody_pauses(self: Runner, id: str, now: float) -> Any:
            settled = await settle(self, id, now)
            await replays.pause(stage.place, NADIA, run)
            return settled

        monkeypatch.setattr(Runner, "_settle", and_then_somebody_pauses)
        stage.g.clock.advance(5)
        await runner.step(run, stage.g.clock.now())
        assert (await stage.shown(run))["counts"] == {"applied": 1, "waiting": 2}


async def test_what_a_word_lets_go_stands_after_it_in_the_trail(store_url: str) -> None:
    """A worker's step that began before the word, and came to the run after it."""
    async with staged(store_url, settings={"ramp": (1,), "wait_after": 1}) as stage:
        await stage.trouble(2)
        stage.mend()
        run, runner = (await stage.started())["run"], stage.runner()
        await stage.carried(run, runner, until=lambda found: found["state"] == "waiting")
        stage.g.clock.advance(60)
        began = stage.g.clock.now()
        stage.g.clock.advance(5)
        await replays.resume(stage.place, NADIA, run)
        await runner.step(run, began)
        assert (await stage.outcomes(run))[1]["state"] == "handed"
        async with stage.g.database.read() as tx:
            rows = await tx.execute(select(audit).where(audit.c.kind.in_(("replay_resume", "operator_retry"))))
            at = {row.kind: row.at for row in sorted(rows, key=lambda row: row.at)}
        assert at["operator_retry"] >= at["replay_resume"] == began + 5


async def test_stopped_it_sends_nothing_more_and_adds_up(store_url: str) -> None:
    async with staged(store_url, settings={"ramp": (2,), "wait_after": 1}) as stage:
        await stage.trouble(5)
        stage.mend()
        run = (await stage.started())["run"]
        await stage.carried(run, until=lambda found: found["state"] == "waiting")
        await replays.stop(stage.place, NADIA, run, reason="enough")
        ended = await stage.carried(run, stage.runner())
        assert (ended["state"], ended["stopped_by"], ended["reason"]) == ("stopped", "nadia", "enough")
        assert ended["counts"] == {"applied": 2, "skipped": 3}
        assert len(stage.effects()) == 2 and len(await stage.g.cases()) == 3
        left = await stage.planned()
        assert left["sends"] == 3, "what was skipped can be planned again"


async def test_a_record_is_in_one_run_at_a_time(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(3)
        first, second = await stage.planned(), await stage.planned()
        stage.mend()
        run = await replays.run(stage.place, NADIA, first["plan"], first["digest"])
        with pytest.raises(PlanStale) as refused:
            await replays.run(stage.place, NADIA, second["plan"], second["digest"])
        assert all(run["run"] in str(moved.now) for moved in refused.value.moved)
        third = await stage.planned()
        assert third["totals"]["blocked"] == 3 and run["run"] in third["not_in"][0]["reason"]
        with pytest.raises(NothingToRun):
            await replays.run(stage.place, NADIA, third["plan"], third["digest"])
        await stage.carried(run["run"])


async def test_whoever_starts_at_the_same_moment_takes_no_record_twice(store_url: str) -> None:
    """Both found nothing moved; the records are the referee."""
    async with staged(store_url) as stage:
        await stage.trouble(2)
        first, second = await stage.planned(), await stage.planned()
        async with stage.g.database.read() as tx:
            late = await store.load_plan(tx, second["plan"], Scope())
        assert late is not None
        run = await replays.run(stage.place, NADIA, first["plan"], first["digest"])
        with pytest.raises(PlanStale) as refused:
            async with stage.g.database.begin("test.start") as tx:
                await start_run(tx, late, late.limits, late.by, stage.g.clock.now())
        assert {moved.now for moved in refused.value.moved} == {f"in run {run['run']}"}
        assert len((await replays.runs(stage.place, NADIA))["runs"]) == 1, "nothing of the second is left"
        moved = await replays.moved(stage.place, NADIA, second["plan"])
        assert moved is not None and len(moved["moved"]) == 2, "and before it is tried, it is seen"
        assert all(run["run"] in each["now"] for each in moved["moved"])


async def test_what_is_outside_a_scope_is_not_there(store_url: str) -> None:
    async with staged(store_url) as stage:
        cases = await stage.trouble(2)
        plan = await stage.planned()
        stage.mend()
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        for outside in ({"connections": frozenset({"a"})}, {"types": frozenset({"other"})}):
            ann = principal("ann", Role.OPERATOR, Role.APPROVER, **outside)
            with pytest.raises(NothingSelected):
                await replays.select(stage.place, ann, Wish(cause="target.refused"))
            with pytest.raises(NothingSelected):
                await replays.select(stage.place, ann, Wish(numbers=(cases[0].number,)))
            with pytest.raises(NotFound):
                await replays.plan(stage.place, ann, plan["selection"])
            assert await replays.show(stage.place, ann, plan["plan"]) is None
            assert await replays.items(stage.place, ann, plan["plan"]) is None
            assert await replays.diff(stage.place, ann, plan["plan"]) is None
            assert await replays.moved(stage.place, ann, plan["plan"]) is None
            assert await replays.run_show(stage.place, ann, run["run"]) is None
            assert await replays.run_items(stage.place, ann, run["run"]) is None
            assert (await replays.plans(stage.place, ann))["plans"] == []
            assert (await replays.runs(stage.place, ann))["runs"] == []
            assert await replays.runs_of_cases(stage.place, ann, [cases[0].number]) == {}
            for verb in (replays.approve, replays.run):
                with pytest.raises(NotFound):
                    await verb(stage.place, ann, plan["plan"], plan["digest"])
            for turned in (replays.pause, replays.resume, replays.stop):
                with pytest.raises(NotFound):
                    await turned(stage.place, ann, run["run"])
        viewer = principal("val", Role.VIEWER, connections=frozenset({"a", "b"}))
        assert len((await replays.plans(stage.place, viewer))["plans"]) == 1
        assert len((await replays.runs(stage.place, viewer, open=True))["runs"]) == 1
        for verb in (replays.approve, replays.run):
            with pytest.raises(NotAllowed):
                await verb(stage.place, viewer, plan["plan"], plan["digest"])


async def test_wishes_that_cannot_be_meant_so_are_refused(store_url: str) -> None:
    async with staged(store_url) as stage:
        cases = await stage.trouble(1)
        with pytest.raises(BadWish):
            await replays.select(stage.place, NADIA, Wish(since=2.0, until=1.0))
        with pytest.raises(NothingSelected):
            await replays.select(stage.place, NADIA, Wish(until=1.0))
        with pytest.raises(NothingSelected):
            await replays.select(stage.place, NADIA, Wish(person="nobody"))
        with pytest.raises(NothingSelected):
            await replays.select(stage.place, NADIA, Wish(mapping="plain@99"))
        for wish in (
            Wish(numbers=(cases[0].number,)),
            Wish(group=cases[0].group),
            Wish(record=cases[0].record),
            Wish(connection="b", flow="things", since=1.0, until=2e9),
            Wish(text="archived"),
            Wish(mapping="plain@1"),
            Wish(person="0"),
        ):
            assert (await replays.select(stage.place, NADIA, wish))["count"] == 1, wish


async def test_lists_page_on_where_they_ended(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(5)
        made = [(await stage.planned())["plan"] for _ in range(3)]
        first = await replays.plans(stage.place, NADIA, limit=2)
        rest = await replays.plans(stage.place, NADIA, after=first["next"], limit=2)
        assert {each["plan"] for each in [*first["plans"], *rest["plans"]]} == set(made) and rest["next"] is None
        one = await replays.items(stage.place, NADIA, made[0], limit=3)
        assert one is not None and one["next"] == 3
        two = await replays.items(stage.place, NADIA, made[0], after=3, action="update", alike="x")
        assert two is not None and [each["seq"] for each in two["items"]] == [4, 5] and two["next"] is None
        assert await replays.items(stage.place, NADIA, made[0], action="nonsense") == {"items": [], "next": None}
