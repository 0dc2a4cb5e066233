"""ADR 0191: one record becomes several tasks, each once, in order, and is told how they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.contract.errors import Refused
from connectors.contract.values import Receipt, Write
from gateway.sync.operator import discard, retry
from gateway.sync.stage import Stage
from mappings.tasks import Due
from tests.scenarios.world_of_two import first_answer
from tests.support.broken import rejects
from tests.support.fanning import JOB, Fanned, Places, fanned, plan_of, until_killed


@pytest.fixture
def url(tmp_path: Path) -> str:
    """For what does not depend on the kind of database."""
    return f"sqlite+aiosqlite:///{tmp_path}/store.db"


async def test_a_job_becomes_tasks_in_order_and_hears_how_they_stand(store_url: str) -> None:
    async with fanned(store_url) as w:
        job = w.a.create(**JOB)
        await w.settle()
        assert w.names() == ["first", "second"], "the last one waits for both"
        assert w.chore("second").raw == {"x": "second of job", "status": "new", "tags": ["both"], "active": True}
        assert w.a.things[job].raw["status"] == "doing"
        await w.end("first")
        assert w.names() == ["first", "second"]
        await w.end("second")
        assert w.names() == ["first", "second", "last"]
        assert w.a.things[job].raw["status"] == "doing"
        await w.end("last")
        assert w.a.things[job].raw["status"] == "done"
        assert await w.g.cases() == []


async def test_nothing_is_made_before_its_condition_holds_nor_given_up_after(url: str) -> None:
    async with fanned(url) as w:
        job = w.a.create(**{**JOB, "tags": [], "y": "one"})
        await w.settle()
        assert w.names() == []
        w.a.edit(job, tags=["go"])
        await w.settle()
        assert w.names() == ["first"]
        w.a.edit(job, tags=[], y="both")
        await w.settle()
        assert w.names() == ["first", "second"], "the template is at work once and for all, a task waits for its own"
        w.a.edit(job, y="one")
        await w.end("first")
        assert w.names() == ["first", "second"], "what was made is not given up: the last one still waits for it"


async def test_a_task_that_is_not_wanted_stands_in_nobodys_way(url: str) -> None:
    async with fanned(url) as w:
        job = w.a.create(**{**JOB, "y": "one"})
        await w.settle()
        await w.end("first")
        assert w.names() == ["first", "last"]
        await w.end("last")
        assert w.a.things[job].raw["status"] == "done"


async def test_a_flow_that_is_not_live_makes_no_tasks_and_makes_them_once_it_is(url: str) -> None:
    async with fanned(url) as w:
        await w.g.move(Stage.SHADOW, "jobs")
        w.a.create(**JOB)
        await w.settle()
        assert w.names() == [] and len(await w.g.records()) == 1
        await w.g.move(Stage.LIVE, "jobs")
        await w.settle()
        assert w.names() == ["first", "second"]


async def test_tasks_of_a_flow_that_is_not_live_are_planned_and_not_written(url: str) -> None:
    async with fanned(url) as w:
        await w.g.move(Stage.SHADOW, "chores")
        w.a.create(**JOB)
        await w.settle()
        assert w.names() == [] and w.b.tries == []
        await w.g.move(Stage.LIVE, "chores")
        await w.settle()
        assert w.names() == ["first", "second"]


async def test_whatever_comes_again_makes_no_second_task(store_url: str) -> None:
    async with fanned(store_url) as w:
        job = w.a.create(**JOB)
        old = [w.a.poll(job), *w.a.notices]
        await w.settle()
        for status in ("doing", "new"):
            w.a.edit(job, status=status, x="another text")
            await w.settle()
        await w.g.bring([*old, w.a.poll(job), w.b.poll(w.chore("first").id)])
        await w.settle()
        assert w.names() == ["first", "second"]
        assert w.chore("first").raw["x"] == "first of job", "a task is a record of its own from then on"
        assert len(await w.g.records()) == 3


@pytest.mark.parametrize("verdict", ["lost", "late"])
async def test_a_create_without_an_answer_is_proved_not_repeated(url: str, verdict: str) -> None:
    async with fanned(url) as w:
        w.b.answer = first_answer(verdict)
        w.a.create(**JOB)
        await w.settle()
        w.b.land()
        await w.settle()
        assert sorted(set(w.names())) == ["first", "second"]
        if verdict == "lost":
            assert w.names() == ["first", "second"]
        else:  # landed after the settling time: the second object is seen and a person decides, as for any create
            assert [str(case.cls) for case in await w.g.cases()] == ["duplicate"]


async def test_a_failed_task_fails_them_all_unless_it_is_left_out(url: str) -> None:
    async with fanned(url) as w:
        job = w.a.create(**JOB)
        await w.settle()
        await w.end("first", "reviewing")
        assert w.a.things[job].raw["status"] == "reviewing"
        await w.end("second")
        assert w.names() == ["first", "second"], "what waits for a failed task is not made"
        await w.end("first")
        assert w.names() == ["first", "second", "last"], "it was done after all"
        assert w.a.things[job].raw["status"] == "doing"


async def test_a_failed_task_that_is_left_out(url: str) -> None:
    async with fanned(url, plan=replace(plan_of(), leaves_out=True)) as w:
        job = w.a.create(**JOB)
        await w.settle()
        await w.end("first", "reviewing")
        await w.end("second")
        await w.end("last")
        assert w.a.things[job].raw["status"] == "done"


async def test_a_person_may_say_otherwise_than_the_tasks(url: str) -> None:
    async with fanned(url) as w:
        job = w.a.create(**{**JOB, "y": "one"})
        await w.settle()
        w.a.edit(job, status="new")
        await w.settle()
        w.b.edit(w.chore("first").id, x="a better text")
        await w.settle()
        assert w.a.things[job].raw["status"] == "new", "told when it changed, and only then"
        assert w.chore("a better").raw["status"] == "new"


async def test_a_discarded_create_is_a_failed_task(url: str) -> None:
    async with fanned(url) as w:

        def refuse(write: Write) -> None:
            raise Refused("the project is archived", status=400)

        w.b.answer = refuse
        job = w.a.create(**{**JOB, "y": "one"})
        await w.settle()
        (case,) = await w.g.cases()
        await w.g.decider.decide(case.record, lambda unit: discard(unit, "b", case.key, actor="nadia"))
        await w.settle()
        assert w.a.things[job].raw["status"] == "reviewing"


async def test_tasks_leave_with_their_record_but_for_those_that_are_done(url: str) -> None:
    async with fanned(url) as w:
        job = w.a.create(**JOB)
        await w.settle()
        await w.end("first")
        w.a.edit(job, active=False)
        await w.settle()
        assert {name: w.chore(name).raw["active"] for name in ("first", "second")} == {"first": True, "second": False}
        await w.end("second")
        assert w.names() == ["first", "second"], "what was not made never will be"


async def test_a_task_that_is_closed_late_was_made_for_a_record_that_had_left(url: str) -> None:
    async with fanned(url) as w:
        original = w.b.apply
        job = w.a.create(**{**JOB, "y": "one"})

        async def apply(write: Write) -> Receipt:
            w.b.apply = original
            receipt = await original(write)
            w.a.edit(job, active=False)
            await w.g.bring(w.a.take())
            return receipt

        w.b.apply = apply
        await w.settle()
        assert w.chore("first").raw["active"] is False


async def test_an_undecidable_condition_asks_once_and_is_decided_when_it_can_be(url: str) -> None:
    plan = plan_of()
    bad = replace(plan.tasks["second"], values={**plan.tasks["second"].values, "status": "unheard of"})
    async with fanned(url, plan=replace(plan, tasks={**plan.tasks, "second": bad})) as w:
        job = w.a.create(**JOB)
        await w.settle()
        w.a.edit(job, x="again")
        await w.settle()
        (case,) = await w.g.cases()
        assert (str(case.cls), case.cause, case.count) == ("mapping", "condition.undecided", 1)
        assert w.names() == ["first"]
        await w.g.decider.decide(case.record, lambda unit: retry(unit, "a", case.key, actor="nadia"))
        await w.settle()
        (case,) = await w.g.cases()
        assert case.count == 2, "said again, because it still holds"
        w.a.edit(job, y="one")
        await w.settle()
        assert await w.g.cases() == [], "nobody wants it any more"


class TestByTheClock:
    async def test_a_task_is_made_so_long_after_it_could_be(self, store_url: str) -> None:
        plan = plan_of()
        late = replace(plan.tasks["second"], due=Due("", 86_400.0))
        places = Places(store_url, replace(plan, tasks={**plan.tasks, "second": late}))
        async with places.life() as w:
            w.a.create(**JOB)
            await w.settle()
            places.clock.advance(86_000)
            assert await w.waker.once() == 0
            await w.end("first")
            assert w.names() == ["first"], "what waits for it waits on"
        async with places.life() as w:  # a restart forgets no time
            places.clock.advance(500)
            assert await w.waker.once() == 1
            await w.settle()
            assert w.names() == ["first", "second"]
            assert await w.waker.once() == 0

    async def test_a_task_is_made_by_a_time_of_the_record_wherever_that_moves(self, url: str) -> None:
        plan = plan_of()
        before = replace(plan.tasks["first"], due=Due("start", -3_600.0))
        async with fanned(url, plan=replace(plan, tasks={"first": before})) as w:
            job = w.a.create(**JOB)
            await w.settle()
            assert w.names() == [] and await w.g.cases() == [], "without a time it waits for one"
            w.a.edit(job, start="2023-11-16T00:00:00Z")  # the clock of the tests stands on the 14th, 22:13
            await w.settle()
            w.a.edit(job, start="2023-11-18T00:00:00Z")
            await w.settle()
            w.g.clock.advance(2 * 86_400)
            assert await w.waker.once() == 0, "it was put off"
            w.a.edit(job, start="2023-11-16T12:00:00Z")
            await w.settle()
            assert w.names() == ["first"], "that is due already"


async def test_two_workers_decide_about_one_job(store_url: str) -> None:
    places = Places(store_url)
    async with places.life() as one, places.life() as other:
        w = one
        job = one.a.create(**JOB)
        notices = one.a.take()
        await one.g.bring(notices)
        await one.settle()
        for name in ("first", "second"):
            w.b.edit(w.chore(name).id, status="done")
        first, second = w.b.take()
        both = one.g.bring([first]), other.g.bring([second, *notices])
        if store_url.startswith("sqlite"):  # has one writer, which would wait for itself within one process
            for each in both:
                await each
        else:
            await asyncio.gather(*both)
        await one.settle()
        assert w.names() == ["first", "second", "last"]
        assert w.a.things[job].raw["status"] == "doing"


@pytest.mark.parametrize(
    ("mechanism", "check"),
    [
        ("TOLD", test_a_job_becomes_tasks_in_order_and_hears_how_they_stand),
        ("ONE TASK", test_whatever_comes_again_makes_no_second_task),
        ("WAKES", TestByTheClock().test_a_task_is_made_so_long_after_it_could_be),
    ],
)
async def test_a_broken_part_is_noticed(url: str, mechanism: str, check: Callable[[str], Awaitable[None]]) -> None:
    await rejects(check, mechanism, url)


async def _story(w: Fanned) -> None:
    """All of it, up to the end; whoever goes on after a kill does what is left."""
    if not w.a.things:
        w.a.create(**{**JOB, "y": "one"})
    await w.settle()
    for name in ("first", "last"):
        if w.chore(name).raw["status"] != "done":
            await w.end(name)


@pytest.mark.parametrize(
    ("point", "every"),
    [("decision.before_commit", 4), ("decision.after_commit", 2), ("write.before_send", 1), ("write.after_answer", 1)],
)
async def test_a_kill_between_any_two_steps_makes_no_task_twice_and_loses_none(
    tmp_path: Path, point: str, every: int
) -> None:
    passing, killed = 1, True
    while killed and passing < 60:
        places = Places(f"sqlite+aiosqlite:///{tmp_path}/{passing}.db")
        killed = await until_killed(places, point, passing, _story)
        async with places.life() as w:
            for system in places.systems.values():  # what was under way may have died with the process: polls bring it
                await w.g.bring([system.poll(each) for each in system.things])
            await _story(w)
            assert w.names() == ["first", "last"], (point, passing)
            (job,) = w.a.things.values()
            assert job.raw["status"] == "done", (point, passing)
            assert await w.g.cases() == []
        passing += every
    assert 4 < passing < 60, "the point is passed several times, and then the story ends"
