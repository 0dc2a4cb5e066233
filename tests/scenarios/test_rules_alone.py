"""SYNC.md section 2: what one rule alone is for, where no numbered scenario falls when it is taken out."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from connectors.contract.errors import Refused, Retryable
from connectors.contract.values import Change, Ref, Snapshot, Write
from gateway.delivery.runner import Runner
from gateway.sync.backoff import Backoff
from gateway.sync.operator import discard
from gateway.sync.worker import Worker
from tests.scenarios.world_of_two import COUNTER, COUNTER_HISTORY, STAMP_HISTORY, START, Two, first_answer, once, two
from tests.support.gateway import NoChance

MOVES = {"new": ["doing"], "doing": ["reviewing", "new"], "reviewing": ["done", "doing"], "done": ["doing"]}


def another_runner(w: Two) -> Runner:
    """A second worker on the lane to B."""
    worker = Worker("other", 30.0, 5.0, Backoff(NoChance()))
    return Runner("b", w.b, w.g.runners["b"].gate, worker, w.g.decider, w.g.clock)


async def test_rule_8_authority_beats_a_later_edit(store_url: str) -> None:
    async with two(store_url) as w:
        w.edit_a(status="doing")
        w.g.clock.advance(60)
        w.edit_b(x="1")  # B is seen once more with its old status, so the clocks leave no doubt about who was later
        w.edit_b(status="reviewing")
        await w.bring(w.b)
        await w.g.settle()
        assert w.shown(w.a)["status"] == w.shown(w.b)["status"] == "doing"
        assert await w.g.lost("status") == ["reviewing"]


@pytest.mark.parametrize("order", ["ab", "ba"])
async def test_rule_8_authority_decides_where_clocks_cannot(store_url: str, order: str) -> None:
    """B's edit is the later one by its clock, within what clocks differ by: A is the stronger."""
    async with two(store_url, skew_s=30.0) as w:
        w.edit_a(x="from a")
        w.edit_b(x="from b")
        for name in order:
            await w.bring({"a": w.a, "b": w.b}[name])
        await w.g.settle()
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "from a"
        assert await w.g.lost("x") == ["from b"]


async def test_rule_8_a_held_field_is_left_alone_whatever_is_decided(store_url: str) -> None:
    async with two(store_url) as w:
        w.edit_a(y="1")
        w.edit_b(y="2")
        await w.g.settle()
        (case,) = await w.g.cases()
        free, held = (w.edit_a, w.b) if case.connection == "b" else (w.edit_b, w.a)
        free(y="3")
        free(x="7")
        await w.g.settle()
        assert w.shown(held)["x"] == "7"
        assert w.shown(held)["y"] in ("1", "2")
        assert not [values for _, values in held.writes if "y" in values]


async def test_rule_10_a_read_before_the_write_finds_what_no_webhook_told(store_url: str) -> None:
    async with two(store_url, b=COUNTER) as w:
        w.edit_b(x="5")
        w.b.take()
        w.edit_a(tags=["p", "q"])
        await w.g.settle()
        assert w.shown(w.a)["x"] == "5"
        assert await w.g.cases() == [], "nothing came between that read and the write"


async def test_rule_10_a_second_create_looks_up_what_the_first_left(store_url: str) -> None:
    async with two(store_url, linked=False, read_before_write=False) as w:
        w.b.answer = first_answer("late")
        w.a.create(**START)
        await w.bring(w.a)
        await w.g.run("b")
        while str((await w.g.lane("b")).state) == "unknown":
            w.g.clock.advance(6)
            await w.g.run("b")
        assert not w.b.things, "judged as not applied"
        w.b.land()
        w.b.take()
        await w.g.settle()
        assert len(w.b.things) == 1
        assert len(w.b.tries) == 1
        assert await w.g.cases() == []


async def test_rule_11_fields_decided_after_a_step_wait_for_it(store_url: str) -> None:
    async with two(store_url, b={**COUNTER, "moves": MOVES}, mappings={"b": "stepped"}) as w:
        for edit in ({"y": "1"}, {"status": "doing"}, {"x": "2"}):
            w.edit_a(**edit)
            await w.bring(w.a)
        await w.g.settle()
        assert [write.step.to if write.step else dict(write.values) for write in w.b.tries] == [
            {"y": "1"},
            "doing",
            {"x": "2"},
        ]


async def test_rule_12_the_lease_counts_from_the_start_of_the_attempt(store_url: str) -> None:
    """The read before it took most of the lease. Another worker must not take the write for a lost one."""
    async with two(store_url, b=COUNTER) as w:
        read = w.b.read

        async def slow(ref: Ref, *, items: bool = False) -> Snapshot:
            w.g.clock.advance(29)
            return await read(ref, items=items)

        sent, go_on = asyncio.Event(), asyncio.Event()
        apply = w.b.apply

        async def held_up(write: Write) -> Any:
            sent.set()
            await go_on.wait()
            return await apply(write)

        w.b.read, w.b.apply = slow, held_up
        w.edit_a(x="17")
        await w.bring(w.a)
        record = (await w.g.record()).id
        sending = asyncio.create_task(w.g.runners["b"].run(record))
        await sent.wait()
        w.g.clock.advance(5)
        await another_runner(w).run(record)
        lane = await w.g.lane("b")
        assert (lane.owner, str(lane.state)) == ("tester", "open")
        go_on.set()
        await sending
        await w.g.settle()
        assert [values for _, values in w.b.writes] == [{"x": "17"}]


@pytest.mark.parametrize("kind", [COUNTER_HISTORY, STAMP_HISTORY])
async def test_rule_15_an_edit_after_our_write_was_not_overwritten(store_url: str, kind: dict[str, Any]) -> None:
    """An edit of another field before it makes us look through the history; the one behind it is an ordinary edit."""
    async with two(store_url, b=kind) as w:
        w.b.before_commit = once(lambda: w.edit_b(tags=["p", "q"]))
        w.b.after_commit = once(lambda: w.edit_b(x="99"))
        w.edit_a(x="17")
        await w.g.settle()
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "99"
        assert await w.g.lost("x") == []


async def test_rule_16_a_lane_waits_as_long_as_it_is_asked_to(store_url: str) -> None:
    async with two(store_url) as w:

        def busy(write: Write) -> None:
            raise Retryable("busy", status=500, retry_after_s=120.0)

        w.b.answer = busy
        w.edit_a(x="1")
        await w.bring(w.a)
        await w.g.run("b")
        assert (await w.g.lane("b")).next_try_at == w.g.clock.now() + 120.0


async def _overtaken(w: Two) -> None:
    """A write of 17 is not answered, closed as not applied, and 18 is written after it."""
    w.b.answer = first_answer("late")
    w.edit_a(x="17")
    await w.bring(w.a)
    await w.g.drain()
    for _ in range(3):
        w.g.clock.advance(6)
        await w.g.drain()
    w.edit_a(x="18")
    await w.g.settle()


async def test_rule_17_a_late_landing_is_expected_for_a_time_only(store_url: str) -> None:
    async with two(store_url, b=COUNTER) as w:
        await _overtaken(w)
        assert w.shown(w.b)["x"] == "18"
        w.g.clock.advance(3600)
        w.edit_b(x="17")
        await w.g.settle()
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "17", "a person typed it"
        assert await w.g.lost("x") == []


@pytest.mark.parametrize("kind", [COUNTER, COUNTER_HISTORY, STAMP_HISTORY])
async def test_rule_17_a_late_landing_counts_by_when_it_landed(store_url: str, kind: dict[str, Any]) -> None:
    """Not by when somebody got round to looking: the system may have been away in between."""
    async with two(store_url, b=kind) as w:
        await _overtaken(w)
        w.b.land()
        assert w.shown(w.b)["x"] == "17"
        w.b.take()  # the notice is lost
        w.g.clock.advance(3600)
        await w.g.bring([w.b.poll(next(iter(w.b.things)))])
        await w.g.settle()
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "18", "nobody typed it"
        assert "17" in await w.g.lost("x")


async def test_rule_17_versions_that_a_lost_write_leapt_over_are_a_window(store_url: str) -> None:
    async with two(store_url, b=COUNTER) as w:
        w.b.answer = first_answer("late")
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        w.edit_b(x="27")
        w.edit_b(x="37")
        unseen, _ = w.b.take()
        for _ in range(3):
            w.g.clock.advance(6)
            await w.g.drain()
        assert "window.unread" in [case.cause for case in await w.g.cases()]
        await w.g.bring([unseen])
        assert "27" in await w.g.lost("x")
        assert "window.unread" not in [case.cause for case in await w.g.cases()]


async def test_rule_18_half_an_echo_settles_nothing(store_url: str) -> None:
    async with two(store_url, b={**COUNTER, "probes": False}) as w:
        w.b.answer = first_answer("late")
        w.edit_a(x="17", tags=["p", "q"])
        await w.bring(w.a)
        for _ in range(2):
            await w.g.drain()
            w.g.clock.advance(30)
        w.edit_b(x="17")
        await w.bring(w.b)
        assert [case.cause for case in await w.g.cases()] == ["outcome.unprovable"]
        assert str((await w.g.lane("b")).state) == "parked"


async def test_rule_19_after_a_create_nothing_is_written_again(store_url: str) -> None:
    """B stores what it was given in its own way, and shows it before its notice arrives."""
    shaped = {**COUNTER, "normalise": lambda name, value: value.upper() if name == "x" else value}
    async with two(store_url, b=shaped, linked=False) as w:
        w.a.create(**{**START, "x": "word"})
        await w.bring(w.a)
        await w.g.drain()
        await w.g.settle()
        assert len(w.b.writes) == 1
        assert [(await w.g.member("b")).link, (await w.g.member("b")).id] == ["primary", next(iter(w.b.things))]


async def test_rule_20_a_copy_is_known_by_its_id_where_its_marker_was_lost(store_url: str) -> None:
    async with two(store_url) as w:
        w.a.comment(w.ai, "hello")
        await w.bring(w.a)
        await w.g.drain()
        await w.g.bring([_unmarked(change) for change in w.b.take()])
        await w.g.settle()
        assert [item.body for item in w.a.things[w.ai].items] == ["hello"]
        assert len(w.b.things[w.bi].items) == 1


def _unmarked(change: Change) -> Change:
    items = tuple(msgspec.structs.replace(item, origin=None) for item in change.snapshot.items or ())
    snapshot = msgspec.structs.replace(change.snapshot, items=items or None)
    return msgspec.structs.replace(change, snapshot=snapshot)


async def test_rule_21_a_departure_does_not_wait_for_what_a_lane_waited_for(store_url: str) -> None:
    async with two(store_url) as w:

        def busy(write: Write) -> None:
            if "active" not in write.values:
                raise Retryable("busy", status=500, retry_after_s=600.0)

        w.b.answer = busy
        w.edit_a(x="1")
        await w.bring(w.a)
        await w.g.drain()
        w.edit_a(active=False)
        await w.bring(w.a)
        await w.g.drain()
        assert w.shown(w.b)["active"] is False


async def test_rule_22_what_was_discarded_is_passed_over_in_turn(store_url: str) -> None:
    """Rule 25 brings each version in turn; a waiver pinned to one of them passes over that one and older ones alone."""
    async with two(store_url) as w:

        def refuse(write: Write) -> None:
            if write.values.get("x") in ("1", "2"):
                raise Refused("not this", status=400)

        w.b.answer = refuse
        for value in ("1", "2"):
            w.edit_a(x=value)
            await w.bring(w.a)
        await w.g.settle()
        (case,) = await w.g.cases()
        record = (await w.g.record()).id
        await w.g.decider.decide(record, lambda unit: discard(unit, "b", case.key, actor="nadia"))
        await w.g.settle()
        for value in ("3", "4"):
            w.edit_a(x=value)
            await w.bring(w.a)
        await w.g.settle()
        assert [values for _, values in w.b.writes] == [{"x": "3"}, {"x": "4"}]
        assert await w.g.cases() == []


async def test_rule_25_only_fields_that_say_so_skip_versions(store_url: str) -> None:
    async with two(store_url, latest_only=("y",)) as w:
        for value in ("1", "2", "3"):
            w.edit_a(x=value, y=value)
            await w.bring(w.a)
        await w.g.settle()
        assert [values["x"] for _, values in w.b.writes if "x" in values] == ["1", "2", "3"]
        assert [values["y"] for _, values in w.b.writes if "y" in values] == ["3"]


async def test_a_faulty_decision_fails_alone(store_url: str) -> None:
    """Decisions that are committed together are each other's fate only as far as the database goes."""
    async with two(store_url) as w:

        def faulty(unit: Any) -> None:
            unit.decide("x", "half done", "nobody", (0.0, 0.0))
            raise RuntimeError("a defect")

        record = (await w.g.record()).id
        w.edit_a(x="1")
        before, failed, after = await asyncio.gather(
            w.g.decider.accept(w.a.take()),
            w.g.decider.decide(record, faulty),
            w.g.decider.decide(record, lambda unit: unit.state.values()["x"]),
            return_exceptions=True,
        )
        assert isinstance(failed, RuntimeError)
        assert not isinstance(before, BaseException) and before[0].disposition == "applied"
        assert after == "1"
        await w.g.settle()
        assert w.agree("x")
