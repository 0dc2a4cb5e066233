"""A plan in the making: followed, given up, taken up by another worker, never looked at or run before it is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from dead_letter.picking import Picked
from gateway.access.rights import NotAllowed, Role
from gateway.work import operations, replays
from gateway.work import replay_planning as planning
from replay import store
from replay.errors import NotFound, NothingSelected, NotInPlan, PlanIsOver, PlanNotReady, RunRefused
from replay.making import INTERRUPTED, MOST_TRIES, Maker
from replay.makings import LEASE_S
from replay.planning import digest_of
from replay.tables import items, places
from replay.values import Foreseen, Scope, Wish
from tests.support.replaying import NADIA, OMAR, Facts, Stage, principal, staged

VAL = principal("val", Role.VIEWER)
SCOPED = {"connections": frozenset({"a", "b"})}


class Held:
    """A foresight that stops before a batch until it is let go."""

    def __init__(self, maker: Maker, at: int) -> None:
        self.inner, self.at, self.batches = maker.foresight, at, 0
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        maker.foresight = self

    async def cases(self, tx: Any, cases: Sequence[Picked]) -> list[Foreseen]:
        self.batches += 1
        if self.batches == self.at:
            self.reached.set()
            await self.go.wait()
        return await self.inner.cases(tx, cases)

    def reading(self, through: str) -> Held:
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    def batches(rows: Sequence[Any], size: int = 2) -> Any:
        return (rows[start : start + 2] for start in range(0, len(rows), 2))

    monkeypatch.setattr(store, "batches", batches)


async def asked(stage: Stage, count: int = 7) -> str:
    await stage.trouble(count)
    selected = await replays.select(stage.place, NADIA, Wish(cause="target.refused"))
    return str((await planning.begin(stage.place, NADIA, selected["selection"]))["plan"])


def ticking(stage: Stage) -> Callable[[], float]:
    """A second passes between any two looks at the clock."""

    def now() -> float:
        stage.g.clock.advance(1)
        return stage.g.clock.now()

    return now


async def stored(stage: Stage, plan: str) -> int:
    async with stage.g.database.read() as tx:
        return int((await tx.execute(select(func.count()).where(items.c.plan == plan))).scalar_one())


def maker(stage: Stage, name: str) -> Maker:
    return planning.maker_of(stage.place, name)


async def made(stage: Stage, name: str = "worker-1") -> Any:
    one = maker(stage, name)
    claim = await one.take()
    assert claim is not None
    return await one.make(claim)


async def shown(stage: Stage, plan: str, who: Any = NADIA) -> Facts:
    found = await planning.making(stage.place, who, plan)
    assert found is not None
    return found


async def test_a_plan_is_followed_and_cannot_be_used_before_it_is_whole(store_url: str) -> None:
    async with staged(store_url) as stage:
        plan = await asked(stage)
        assert (await shown(stage, plan))["state"] == "making"
        one = maker(stage, "worker-1")
        held = Held(one, at=3)
        claim = await one.take()
        assert claim is not None
        # Whoever makes it says how far it is when a moment has passed.
        one.now = ticking(stage)
        task = asyncio.create_task(one.make(claim))
        await held.reached.wait()
        found = await operations.get_operation(stage.place, NADIA, plan)
        assert found is not None and (found.state, found.over) == ("making", False)
        assert (found.outcome_counts, found.total) == ({"looked_at": 4, "waiting": 3}, 7)
        assert 0.0 < found.progress < 1.0
        assert [each.id for each in await operations.open_operations(stage.place, NADIA)] == [plan]
        for use in (
            replays.show(stage.place, NADIA, plan),
            replays.run(stage.place, NADIA, plan, "sha-256:0"),
            replays.approve(stage.place, OMAR, plan, "sha-256:0"),
            replays.plan_again(stage.place, NADIA, plan),
        ):
            with pytest.raises(PlanNotReady, match="4 of 7 looked at"):
                await use
        assert await replays.items(stage.place, NADIA, plan) is None
        assert (await replays.plans(stage.place, NADIA))["plans"] == []
        held.go.set()
        whole = await task
        assert whole is not None
        found = await operations.get_operation(stage.place, NADIA, plan)
        assert found is not None and (found.state, found.over, found.progress) == ("ready", True, 1.0)
        assert await operations.open_operations(stage.place, NADIA) == []
        ready = await replays.show(stage.place, NADIA, plan)
        assert ready is not None and ready["count"] == 7 and ready["digest"] == whole.digest


async def test_a_plan_left_half_way_is_begun_anew_by_another_worker(store_url: str) -> None:
    async with staged(store_url) as stage:
        plan = await asked(stage)
        first, second = maker(stage, "worker-1"), maker(stage, "worker-2")
        claim = await first.take()
        assert claim is not None and claim.tries == 1
        async with stage.g.database.begin("test.half") as tx:  # as if it died between two of its last steps
            await store.add_items(tx, plan, 1, [Foreseen(subject="FO-999", action="create")])  # type: ignore[arg-type]
        assert await second.take() is None, "it is the first one's, while its lease lasts"
        stage.g.clock.advance(LEASE_S + 1)
        other = await second.take()
        assert other is not None and (other.plan, other.tries) == (plan, 2)
        assert await stored(stage, plan) == 0, "nothing of the half plan is left"
        whole = await second.make(other)
        assert whole is not None
        async with stage.g.database.read() as tx:
            kept = [item for _, item in await store.load_items(tx, plan)]
            assert whole.digest == digest_of(whole, kept)
        assert len(kept) == 7 and all(item.subject != "FO-999" for item in kept)
        # The first one was only slow. What it says now is of no account.
        assert await first.make(claim) is None
        assert await stored(stage, plan) == 7
        stage.mend()
        run = await replays.run(stage.place, NADIA, plan, whole.digest)
        assert (await stage.carried(run["run"]))["counts"] == {"applied": 7}


async def test_a_slow_worker_that_lost_it_stores_nothing_more(store_url: str) -> None:
    async with staged(store_url) as stage:
        plan = await asked(stage)
        first = maker(stage, "worker-1")
        held = Held(first, at=2)
        claim = await first.take()
        assert claim is not None
        task = asyncio.create_task(first.make(claim))
        await held.reached.wait()
        stage.g.clock.advance(LEASE_S + 1)
        assert await made(stage, "worker-2") is not None
        held.go.set()
        assert await task is None
        assert await stored(stage, plan) == 7


async def test_one_that_takes_its_workers_down_ends_as_failed(store_url: str) -> None:
    async with staged(store_url) as stage:
        plan = await asked(stage)
        for tries in range(1, MOST_TRIES + 1):
            claim = await maker(stage, f"worker-{tries}").take()
            assert claim is not None and claim.tries == tries
            stage.g.clock.advance(LEASE_S + 1)
        assert await maker(stage, "worker-9").take() is None
        found = await shown(stage, plan)
        assert (found["state"], found["reason"]) == ("failed", INTERRUPTED)
        with pytest.raises(PlanNotReady, match="make it anew"):
            await replays.run(stage.place, NADIA, plan, "sha-256:0")
        assert await maker(stage, "worker-9").take() is None, "it is over"
        operation = await operations.get_operation(stage.place, NADIA, plan)
        assert operation is not None and operation.over and operation.reason == INTERRUPTED
        again = await replays.plan_again(stage.place, NADIA, plan)
        assert (again["count"], again["again"]) == (7, "")


async def test_a_worker_that_stops_gives_it_back_at_once(store_url: str) -> None:
    async with staged(store_url) as stage:
        plan = await asked(stage)
        first = maker(stage, "worker-1")
        claim = await first.take()
        assert claim is not None
        await first.leave(claim)
        assert await first.make(claim) is None, "it has given it back"
        second = await maker(stage, "worker-2").take()
        assert second is not None and (second.plan, second.tries) == (plan, 1)


async def test_given_up_it_is_not_made_any_further(store_url: str) -> None:
    async with staged(store_url) as stage:
        plan = await asked(stage)
        one = maker(stage, "worker-1")
        claim = await one.take()
        assert claim is not None
        with pytest.raises(NotAllowed):
            await operations.cancel_operation(stage.place, VAL, plan)
        ended = await operations.cancel_operation(stage.place, NADIA, plan, reason="not this one")
        assert (ended.state, ended.over, ended.reason) == ("cancelled", True, "not this one")
        assert await operations.cancel_operation(stage.place, NADIA, plan) == ended
        assert await one.make(claim) is None
        assert await stored(stage, plan) == 0
        with pytest.raises(PlanNotReady, match="not this one"):
            await replays.show(stage.place, NADIA, plan)
        assert [each["kind"] for each in await trail(stage, plan)] == ["replay_cancelled"]
        again = await replays.plan_again(stage.place, NADIA, plan)
        with pytest.raises(PlanIsOver):
            await operations.cancel_operation(stage.place, NADIA, again["plan"])
        with pytest.raises(NotFound):
            await operations.cancel_operation(stage.place, NADIA, "rp_NOSUCH22")


async def trail(stage: Stage, cause: str) -> list[Any]:
    from gateway.audit.tables import audit

    async with stage.g.database.read() as tx:
        return list((await tx.execute(select(audit).where(audit.c.cause == cause).order_by(audit.c.id))).mappings())


async def test_cancelling_a_run_stops_it(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(3)
        stage.mend()
        run = (await stage.started())["run"]
        stopped = await operations.cancel_operation(stage.place, NADIA, run, reason="enough")
        assert stopped.state == "stopping"
        ended = await stage.carried(run)
        assert ended["counts"] == {"skipped": 3} and ended["state"] == "stopped"
        assert (await operations.cancel_operation(stage.place, NADIA, run)).state == "stopped"
        done = (await stage.started())["run"]
        await stage.carried(done)
        with pytest.raises(RunRefused):
            await operations.cancel_operation(stage.place, NADIA, done)


async def test_a_defect_ends_it_with_its_name_and_leaves_nothing(store_url: str) -> None:
    async with staged(store_url) as stage:
        plan = await asked(stage)
        one = maker(stage, "worker-1")

        def broken(*_: Any) -> Any:
            raise ZeroDivisionError("a defect of ours")

        one.limits_for = broken
        claim = await one.take()
        assert claim is not None
        with pytest.raises(ZeroDivisionError):
            await one.make(claim)
        found = await shown(stage, plan)
        assert found["state"] == "failed" and "ZeroDivisionError" in found["reason"]
        assert await stored(stage, plan) == 0
        async with stage.g.database.read() as tx:
            assert (await tx.execute(select(places.c.plan).where(places.c.plan == plan))).first() is None


async def test_here_and_interrupted_it_is_cancelled(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(3)
        selected = await replays.select(stage.place, NADIA, Wish(cause="target.refused"))

        def interrupted(looked: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await replays.plan(stage.place, NADIA, selected["selection"], heard=interrupted)
        (found,) = await planning.under_way(stage.place, NADIA)
        assert (found["state"], found["reason"]) == ("cancelled", "interrupted")


async def test_who_sees_a_part_follows_own_plans_only(store_url: str) -> None:
    async with staged(store_url) as stage:
        plan = await asked(stage)
        narrow = principal("ann", Role.OPERATOR, **SCOPED)
        assert await planning.making(stage.place, narrow, plan) is None
        assert await planning.under_way(stage.place, narrow) == []
        assert await operations.get_operation(stage.place, narrow, plan) is None
        with pytest.raises(NotFound):
            await operations.cancel_operation(stage.place, narrow, plan)
        with pytest.raises(NotFound):
            await replays.run(stage.place, narrow, plan, "sha-256:0")
        own = await replays.select(stage.place, narrow, Wish(cause="target.refused"))
        mine = (await planning.begin(stage.place, narrow, own["selection"]))["plan"]
        assert [each["plan"] for each in await planning.under_way(stage.place, narrow)] == [mine]
        assert {each["plan"] for each in await planning.under_way(stage.place, VAL)} == {plan, mine}
        await made(stage)
        await made(stage)
        assert await planning.making(stage.place, narrow, plan) is not None, "it is whole, and within the scope"


async def test_what_is_dropped_is_in_no_plan_and_no_approval_goes_over(store_url: str) -> None:
    async with staged(store_url, settings={"approve_above": 1}) as stage:
        cases = await stage.trouble(4)
        plan = await stage.planned()
        await replays.approve(stage.place, OMAR, plan["plan"], plan["digest"])
        less = await replays.plan_again(stage.place, NADIA, plan["plan"], drop=[cases[1].number])
        assert (less["count"], less["sends"], less["again"]) == (3, 3, plan["plan"])
        assert less["digest"] != plan["digest"]
        assert less["approval"]["needed"] and not less["approval"]["by"]
        found = await replays.items(stage.place, NADIA, less["plan"])
        assert found is not None and cases[1].number not in {each["subject"] for each in found["items"]}
        diff = await replays.diff(stage.place, NADIA, less["plan"])
        assert diff is not None and [each["subject"] for each in diff["dropped"]] == [cases[1].number]
        assert diff["same"] == 3
        with pytest.raises(NotInPlan, match="FO-999"):
            await replays.plan_again(stage.place, NADIA, plan["plan"], drop=["FO-999"])
        with pytest.raises(NothingSelected):
            await replays.plan_again(stage.place, NADIA, plan["plan"], drop=[case.number for case in cases])
        async with stage.g.database.read() as tx:
            before = await store.load_plan(tx, plan["plan"], Scope())
        assert before is not None and before.digest == plan["digest"], "the old plan stays what it was"
