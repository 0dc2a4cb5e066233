"""A run of reconciliation among people, other work, outages and kills: through the lanes, paced, to the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from connectors.contract.errors import Refused, Retryable
from connectors.contract.values import Ref, Snapshot, VersionKind, Write
from gateway.reconcile import compare, comparing, rules, store
from gateway.reconcile.repair import IN_HAND
from gateway.reconcile.values import RunState
from gateway.sync.attempts import Seen
from gateway.sync.observe import fold
from gateway.sync.plan import mark_dirty
from gateway.sync.unit import Unit
from tests.support.reconciling import Reconciling, reconciling
from tests.support.sweeping import other

STAMP: dict[str, Any] = {"kind": VersionKind.TIMESTAMP, "granularity_s": 0.001, "has_history": True}


async def _two_drifted(r: Reconciling) -> tuple[str, str]:
    first, second = await r.w.linked(2)
    for each in (first, second):
        r.w.a.edit(each, y="planned")
    await r.w.lost()
    assert len(await r.plan()) == 2
    return first, second


async def test_what_moved_since_the_plan_is_read_again(store_url: str) -> None:
    async with reconciling(store_url) as r:
        first, second = await _two_drifted(r)
        r.w.g.clock.advance(60)
        r.w.a.edit(first, y="typed since the plan")
        r.w.a.edit(second, y="0")  # taken back
        await r.w.lost()
        assert await r.run() == {"applied": 1, "unchanged": 1}
        assert r.w.b.things[other(r.w, first)].raw["y"] == "typed since the plan"
        assert r.w.b.things[other(r.w, second)].raw["y"] == "0"
        assert await r.plan() == []


async def test_a_deletion_that_was_taken_back_is_none(store_url: str) -> None:
    async with reconciling(store_url, on_delete="close") as r:
        first, _ = await r.w.linked(2)
        r.w.a.delete(first)
        await r.w.lost()
        assert [row["kind"] for row in await r.plan()] == ["gone"]
        r.w.a.things[first].exists = True
        assert await r.run() == {"unchanged": 1}
        assert all(thing.raw["active"] for thing in r.w.b.things.values())


async def handed_over(r: Reconciling) -> None:
    """Runs the plan with nobody working the lanes, as far as it gets. What a repair may do: nothing but ask."""
    writes = (len(r.w.a.tries), len(r.w.b.tries))
    canonical = [record.values() for record in await r.w.g.records()]
    shadows = [record.members["a"].shadow["y"].ext for record in await r.w.g.records()]

    async def nobody_works() -> None:
        if (await store.results(r.w.g.database, (await r.last()).id)) and await _all_asked(r):
            raise asyncio.CancelledError

    r.meanwhile = nobody_works
    with pytest.raises(asyncio.CancelledError):
        await r.run()
    r.meanwhile = None
    assert (len(r.w.a.tries), len(r.w.b.tries)) == writes, "a repair writes to no system"
    assert [record.values() for record in await r.w.g.records()] == canonical, "a repair decides no value"
    assert [record.members["a"].shadow["y"].ext for record in await r.w.g.records()] == shadows, "or absorbs one"
    asked = [lane.read_wanted for lane in await r.w.g.lanes() if lane.connection == "a"]
    assert asked == [True] * len(canonical), "the lanes are asked to look"


async def _all_asked(r: Reconciling) -> bool:
    return all(row["state"] != "planned" for row in await r.items())


async def test_a_repair_goes_through_the_lanes(store_url: str) -> None:
    async with reconciling(store_url) as r:
        await _two_drifted(r)
        await handed_over(r)


def _absorbs_at_once(r: Reconciling) -> Any:
    """Broken: takes what the plan's read showed, without the lane's mutex."""

    def look(unit: Unit, connection: str, run: str) -> bool:
        held = unit.held(connection)
        raw = {**r.w.a.things[held.id].raw, "y": "planned"}
        version = r.w.a.things[held.id].version
        shown = Snapshot(object="thing", id=held.id, key=held.id, version=version, raw=raw)
        fold(unit, connection, Seen(rev=unit.state.rev, at=unit.now, snapshot=shown))
        mark_dirty(unit)
        return True

    return look


def _writes_itself(r: Reconciling) -> Any:
    """Broken: puts the planned value into the other system."""

    def look(unit: Unit, connection: str, run: str) -> bool:
        r.w.b.edit_as("us", unit.held("b").id, y="planned")
        r.w.b.tries.append(None)  # type: ignore[arg-type]
        return True

    return look


@pytest.mark.parametrize("broken", [_absorbs_at_once, _writes_itself])
async def test_a_repair_around_the_lanes_is_caught(
    store_url: str, monkeypatch: pytest.MonkeyPatch, broken: Any
) -> None:
    async with reconciling(store_url) as r:
        await _two_drifted(r)
        monkeypatch.setattr(rules, "look", broken(r))
        with pytest.raises(AssertionError, match=r"a repair|or absorbs"):
            await handed_over(r)


async def test_an_edit_during_an_open_write_is_not_lost(store_url: str) -> None:
    """The lane is in the middle of a write when the repair comes by: it waits, and the read after it shows all."""
    async with reconciling(store_url) as r:
        first, _ = await _two_drifted(r)
        at = other(r.w, first)
        turned: list[str] = []

        async def run_now(write: Write) -> None:
            last = await r.last()
            now = r.w.g.clock.now()
            await store.turn(r.w.g.database, last.id, [RunState.PLANNED], RunState.RUNNING, now=now)
            turned.append(last.id)

        original = r.w.b.apply

        async def apply(write: Write) -> Any:
            if not turned:
                await run_now(write)
                r.w.a.edit(first, status="doing")
                r.w.a.take()
            return await original(write)

        r.w.b.apply = apply
        r.w.a.edit(first, x="told of")
        await r.w.g.settle()
        await r.sweeper().once()
        await r.w.take_in()
        assert (await r.last()).state is RunState.DONE
        shown = r.w.b.things[at].raw
        assert (shown["x"], shown["y"], shown["status"]) == ("told of", "planned", "doing")


async def test_a_busy_lane_is_on_its_way(store_url: str) -> None:
    async with reconciling(store_url) as r:
        (first,) = await r.w.linked(1)
        r.w.a.edit(first, y="new")
        await r.w.g.bring(r.w.a.take())
        assert [row[:2] for row in [(each["kind"], each["connection"]) for each in await r.plan()]] == [
            ("waiting", "b")
        ]
        last = (await r.last()).id
        assert await store.changes(r.w.g.database, last) == 0
        assert await r.run() == {"applied": 1}
        assert r.w.b.things[other(r.w, first)].raw["y"] == "new"


async def test_a_run_goes_on_where_it_was_killed(store_url: str) -> None:
    """Killed after every single step, by another worker each time: nothing is done twice, everything is done."""
    async with reconciling(store_url, on_delete="close") as r:
        made = await r.w.linked(5)
        for each in made[:3]:
            r.w.a.edit(each, y="new")
        r.w.a.delete(made[3])
        await r.w.lost()
        await r.asked()
        await _killed_at_each_step(r, RunState.PLANNED)
        assert len(await r.items()) == 4
        last, now = await r.last(), r.w.g.clock.now()
        await store.turn(r.w.g.database, last.id, [RunState.PLANNED], RunState.RUNNING, now=now)
        await _killed_at_each_step(r, RunState.DONE)
        assert await store.results(r.w.g.database, last.id) == {"applied": 4}
        writes = [raw for _, raw in r.w.b.writes if raw.get("y") == "new"]
        assert len(writes) == 3


async def _killed_at_each_step(r: Reconciling, end: RunState) -> None:
    async def kill() -> None:
        raise asyncio.CancelledError

    for n in range(200):
        if (await r.last()).state is end:
            return
        r.meanwhile = kill
        r.w.g.clock.advance(301)  # the dead worker's lease runs out
        try:
            await r.sweeper(f"worker-{n}").once()
        except asyncio.CancelledError:
            r.meanwhile = None
            await r.w.take_in()
    raise AssertionError(f"no end: {await r.last()}")


async def test_a_system_in_trouble_is_left_alone_and_waited_for(store_url: str) -> None:
    async with reconciling(store_url) as r:
        (first,) = await r.w.linked(1)
        r.w.a.edit(first, y="new")
        await r.w.lost()
        gate = r.w.g.runners["b"].gate
        gate.rejected("the password has expired")
        await r.asked()
        reads, sweeper = r.w.b.reads, r.sweeper()
        assert await sweeper.once() == []
        assert r.w.b.reads == reads and (await r.last()).state is RunState.PLANNING
        gate.succeeded()
        r.w.g.clock.advance(60)
        assert await sweeper.once() == ["reconcile"]
        assert await r.short() == [("absorb", "a", "y", "taken")]


async def test_a_failed_request_tells_the_gate_and_is_made_again(store_url: str) -> None:
    async with reconciling(store_url) as r:
        (first,) = await r.w.linked(1)
        r.w.a.edit(first, y="new")
        await r.w.lost()
        original = r.w.a.read
        failed: list[Ref] = []

        async def read(ref: Ref, *, items: bool = False) -> Snapshot:
            if not failed:
                failed.append(ref)
                raise Retryable("502", down=True)
            return await original(ref, items=items)

        r.w.a.read = read
        await r.asked()
        sweeper = r.sweeper()
        assert await sweeper.once() == []
        r.w.g.clock.advance(60)
        assert await sweeper.once() == ["reconcile"]
        assert failed and await r.short() == [("absorb", "a", "y", "taken")]


async def test_what_may_not_be_read_is_counted(store_url: str) -> None:
    async with reconciling(store_url) as r:
        first, second = await r.w.linked(2)
        r.w.a.edit(second, y="new")
        await r.w.lost()
        original = r.w.a.read

        async def read(ref: Ref, *, items: bool = False) -> Snapshot:
            if ref.id == first:
                raise Refused("no right", status=403)
            return await original(ref, items=items)

        r.w.a.read = read
        assert [row["object_id"] for row in await r.plan()] == [second]
        assert (await r.last()).cursor["counts"]["unread"] == 1


async def test_a_write_that_is_refused_has_failed(store_url: str) -> None:
    async with reconciling(store_url) as r:
        first, second = await r.w.linked(2)
        at = other(r.w, first)
        for each in (first, second):
            r.w.a.edit(each, y="new")
        await r.w.lost()
        await r.plan()

        def answer(write: Write) -> None:
            if write.ref is not None and write.ref.id == at:
                raise Refused("the field is read-only", status=400)

        r.w.b.answer = answer
        assert await r.run() == {"applied": 1, "failed": 1}
        assert [row["doc"]["case"] for row in await r.plan() if row["kind"] == "blocked"] == [
            case.number for case in await r.w.g.cases()
        ]


async def test_a_rate_is_kept(store_url: str) -> None:
    async with reconciling(store_url) as r:
        await r.w.linked(3)
        began = (r.w.a.reads + r.w.b.reads, r.w.a.lists + r.w.b.lists)
        await r.plan(rate=30.0)
        asked = r.w.a.reads + r.w.b.reads - began[0] + r.w.a.lists + r.w.b.lists - began[1]
        assert sum(r.pauses) == pytest.approx(asked * 2.0), "30 a minute: two seconds each"


async def test_the_lanes_get_a_few_at_a_time(store_url: str) -> None:
    async with reconciling(store_url) as r:
        for each in await r.w.linked(IN_HAND + 5):
            r.w.a.edit(each, y="new")
        await r.w.lost()
        await r.plan()
        most: list[int] = []

        async def counted() -> None:
            rows = await r.items()
            most.append(sum(row["state"] == "asked" for row in rows))
            if r.pauses[-1]:
                await r.w.take_in()

        r.meanwhile = counted
        assert await r.run() == {"applied": IN_HAND + 5}
        assert max(most) == IN_HAND


async def test_a_run_is_stopped(store_url: str) -> None:
    async with reconciling(store_url) as r:
        await _two_drifted(r)
        last = (await r.last()).id

        async def stop() -> None:
            now = r.w.g.clock.now()
            await store.turn(r.w.g.database, last, [RunState.RUNNING], RunState.STOPPING, now=now)
            await r.w.take_in()

        r.meanwhile = stop
        assert await r.run() == {"applied": 1, "skipped": 1}
        assert (await r.last()).state is RunState.STOPPED


async def test_runs_take_turns_and_old_ones_are_forgotten(store_url: str) -> None:
    async with reconciling(store_url) as r:
        (first,) = await r.w.linked(1)
        r.w.a.edit(first, y="new")
        await r.w.lost()
        one, two = await r.asked(), await r.asked()
        await r.sweeper().once()
        states = {run.id: run.state for run in await store.runs(r.w.g.database)}
        assert states == {one: RunState.PLANNED, two: RunState.PLANNED}
        r.w.g.clock.advance(31 * 86400.0)
        await r.sweeper().once()
        assert await store.runs(r.w.g.database) == [] and await store.listed(r.w.g.database, one) == []


async def test_a_record_that_cannot_be_compared_does_not_hold_up_the_others(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reconciling(store_url) as r:
        first, second = await r.w.linked(2)
        for each in (first, second):
            r.w.a.edit(each, y="new")
        await r.w.lost()

        def faulty(unit: Unit, *more: Any) -> Any:
            if unit.state.members["a"].id == first:
                raise KeyError("a defect of ours")
            return compare.compare(unit, *more)

        monkeypatch.setattr(comparing, "compare", faulty)
        assert [row["object_id"] for row in await r.plan()] == [second]
        assert (await r.last()).cursor["counts"]["not_compared"] == 1


async def test_a_run_of_a_flow_that_is_gone_is_stopped(store_url: str) -> None:
    async with reconciling(store_url) as r:
        await r.w.linked(1)
        assert await r.plan(connections=["c"]) == []
        assert (await r.last()).state is RunState.STOPPED


@pytest.mark.parametrize(("times", "kinds"), [(1, []), (9, ["waiting", "waiting"])])
async def test_a_record_that_moves_under_the_read_is_read_again(store_url: str, times: int, kinds: list[str]) -> None:
    async with reconciling(store_url, b=STAMP) as r:
        (first,) = await r.w.linked(1)
        original, left = r.w.a.read, list(range(times))

        async def read(ref: Ref, *, items: bool = False) -> Snapshot:
            shown = await original(ref, items=items)
            if left:
                value = f"typed {left.pop()}"
                held, r.w.a.read = r.w.a.read, original
                r.w.a.edit(first, x=value)
                await r.w.g.settle()
                r.w.a.read = held
            return shown

        r.w.a.read = read
        assert [row["kind"] for row in await r.plan()] == kinds
