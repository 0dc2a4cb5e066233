"""No lane stays `reading` or `open`: whatever fails at whichever wait, it is freed, or found when its lease is over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.contract.errors import Retryable, StorageError
from connectors.contract.values import Receipt, Write
from gateway.delivery.dispatcher import Dispatcher
from gateway.sync.backoff import Backoff
from gateway.sync.state import LaneState
from gateway.sync.worker import Worker
from tests.scenarios.world_of_two import COUNTER, STAMP_HISTORY, START, Two, first_answer, two
from tests.support.gateway import NoChance

HELD = (LaneState.READING, LaneState.OPEN)


class Fault:
    """Breaks the n-th call of a method, once (or every one), before or after it did its work."""

    def __init__(self, target: Any, name: str, error: BaseException, *, after: bool = False, times: int = 1) -> None:
        self.plain, self.error, self.after, self.left, self.struck = getattr(target, name), error, after, times, 0
        setattr(target, name, self)

    async def __call__(self, *args: Any, **options: Any) -> Any:
        strike = self.left > 0
        self.left -= 1
        self.struck += strike
        if strike and not self.after:
            raise self.error
        result = await self.plain(*args, **options)
        if strike:
            raise self.error
        return result


async def _turn(w: Two, connection: str = "b") -> None:
    for lane in await w.g.lanes():
        if lane.connection == connection and w.g._due(lane):
            await w.g.runners[connection].run(lane.record)


async def _nobody_holds(w: Two) -> None:
    assert not [lane for lane in await w.g.lanes() if lane.state in HELD or lane.owner]


ERRORS = [RuntimeError("defect"), StorageError("away"), Retryable("busy")]
SETTINGS: dict[str, dict[str, Any]] = {"counter": COUNTER, "stamp": STAMP_HISTORY}


def _places() -> Iterator[Any]:
    for place in ("read", "history", "steps", "apply", "decide"):
        for after in (False, True):
            for error in ERRORS:
                yield pytest.param(place, error, after, id=f"{place}-{'after' if after else 'before'}-{error!r:.12}")


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize(("place", "error", "after"), list(_places()))
async def test_a_fault_at_any_wait_frees_the_lane(
    kind: str, place: str, error: Exception, after: bool, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite only: nothing here depends on the database."""
    monkeypatch.setattr("gateway.delivery.runner.STORAGE_WAIT_S", 0.0)
    async with two(f"sqlite+aiosqlite:///{tmp_path}/s.db", b=SETTINGS[kind]) as w:
        w.edit_a(x="1")
        await w.bring(w.a)
        Fault(w.g.decider if place == "decide" else w.b, place, error, after=after)
        with contextlib.suppress(type(error)):  # told to the dispatcher, which logs it
            await _turn(w)
        await _nobody_holds(w)
        await w.g.settle()
        assert w.agree(), "and the work went on"
        assert [values for _, values in w.b.writes] == [{"x": "1"}], "with one effect"
        assert await w.g.cases() == []


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("most", range(1, 5))
async def test_a_fault_at_any_commit_frees_the_lane(kind: str, most: int, tmp_path: Any) -> None:
    """The n-th decision of the turn (claim, after the read, outcome) is committed, and nobody learns of it."""
    async with two(f"sqlite+aiosqlite:///{tmp_path}/s.db", b=SETTINGS[kind]) as w:
        w.edit_a(x="1")
        await w.bring(w.a)
        plain, calls = w.g.decider.decide, 0

        async def decide(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            result = await plain(*args, **options)
            if calls == most:
                raise RuntimeError("nobody learned of it")
            return result

        w.g.decider.decide = decide
        with contextlib.suppress(RuntimeError):
            await _turn(w)
        w.g.decider.decide = plain
        await _nobody_holds(w)
        await w.g.settle()
        assert w.agree() and len(w.b.writes) == 1


@pytest.mark.parametrize("place", ["read", "apply", "history"])
async def test_a_worker_that_is_stopped_leaves_a_lane_that_is_found_again(place: str, store_url: str) -> None:
    """Cancelled in the middle of a call: only the lease tells, and the sweep finds it."""
    async with two(store_url, b=STAMP_HISTORY) as w:
        w.edit_a(x="1")
        await w.bring(w.a)
        entered, plain = asyncio.Event(), getattr(w.b, place)

        async def stuck(*args: Any, **options: Any) -> Any:
            entered.set()
            await asyncio.Event().wait()

        setattr(w.b, place, stuck)
        task = asyncio.create_task(_turn(w))
        await entered.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        setattr(w.b, place, plain)
        assert (await w.g.lane("b")).state in HELD
        dispatcher = Dispatcher(w.g.database, w.g.clock)
        dispatcher.serve(w.g.runners["b"], 4)
        await dispatcher._sweep_once()
        assert not dispatcher.queues["b"].waiting, "it is still held"
        w.g.clock.advance(31)
        await dispatcher._sweep_once()
        assert list(dispatcher.queues["b"].waiting) == [(await w.g.record()).id]
        await w.g.settle()
        assert w.agree() and len(w.b.writes) == 1
        await _nobody_holds(w)


@pytest.mark.parametrize("place", ["read", "history", "apply"])
async def test_a_call_that_never_ends_is_given_up_before_the_lease_is_over(place: str, store_url: str) -> None:
    async with two(store_url, b=STAMP_HISTORY) as w:
        runner = w.g.runners["b"]
        runner.worker = Worker("tester", 0.2, 0.04, Backoff(NoChance()))
        w.edit_a(x="1")
        await w.bring(w.a)
        plain, given_up = getattr(w.b, place), []

        async def stuck(*args: Any, **options: Any) -> Any:
            try:
                await asyncio.Event().wait()
            finally:
                given_up.append(place)

        setattr(w.b, place, stuck)
        await _turn(w)
        assert given_up
        await _nobody_holds(w)
        lane = await w.g.lane("b")
        assert lane.state is (LaneState.IDLE if place == "read" else LaneState.UNKNOWN)
        setattr(w.b, place, plain)
        runner.worker = Worker("tester", 30.0, 5.0, Backoff(NoChance()))
        await w.g.settle()
        assert w.agree() and len(w.b.writes) == 1


async def test_a_defect_that_comes_back_becomes_a_case(store_url: str) -> None:
    async with two(store_url) as w:
        w.edit_a(x="1")
        fault = Fault(w.b, "read", RuntimeError("a defect"), times=1_000)
        for _ in range(40):
            await w.bring()
            try:
                await _turn(w)
            except RuntimeError:
                await _nobody_holds(w)
            w.g.clock.advance(400)
        assert fault.struck == w.g.flow.max_tries, "it does not go on for ever"
        (case,) = await w.g.cases()
        assert (str(case.cls), case.cause) == ("poison", "lane.defect") and "a defect" in case.evidence["error"]
        fault.left = 0
        await w.g.decider.decide(case.record, lambda unit: _retry(unit, case.key))
        await w.g.settle()
        assert w.agree() and await w.g.cases() == []


def _retry(unit: Any, key: str) -> None:
    from gateway.sync.operator import retry

    retry(unit, "b", key, actor="nadia")


async def test_reads_that_went_well_forgive_old_failures(store_url: str) -> None:
    """Otherwise a lane that only reads would be parked after its eighth failure in a year."""
    async with two(store_url, a=STAMP_HISTORY) as w:
        for turn in range(12):
            Fault(w.a, "read", RuntimeError("now and then"))
            w.edit_a(y=str(turn))
            for _ in range(3):
                await w.bring()
                with contextlib.suppress(RuntimeError):
                    await w.g.drain()
                w.g.clock.advance(5)
        assert await w.g.cases() == [] and (await w.g.lane("a")).tries == 0


async def test_a_failing_listener_holds_nothing_up(store_url: str) -> None:
    async with two(store_url) as w:

        def deaf(lanes: Any) -> None:
            raise RuntimeError("nobody listens")

        w.g.decider.on_work = deaf
        w.edit_a(x="1")
        await w.g.settle()
        assert w.agree()
        await _nobody_holds(w)


async def test_a_record_that_moves_between_claim_and_commit_is_read_again(store_url: str) -> None:
    async with two(store_url, b=STAMP_HISTORY) as w:
        w.edit_a(x="1")
        await w.bring(w.a)
        plain, moved = w.b.read, asyncio.Event()

        async def read(*args: Any, **options: Any) -> Any:
            snapshot = await plain(*args, **options)
            if not moved.is_set():
                moved.set()
                w.edit_a(x="2")
                await w.g.decider.accept(w.a.take())
            return snapshot

        w.b.read = read
        await w.g.settle()
        assert w.agree() and w.shown(w.b)["x"] == "2"
        await _nobody_holds(w)


# ---- clocks ----
async def test_a_clock_set_back_keeps_no_lane_waiting(store_url: str) -> None:
    async with two(store_url) as w:

        def busy(write: Write) -> None:
            raise Retryable("busy", retry_after_s=30.0)

        w.b.answer = busy
        w.edit_a(x="1")
        await w.bring(w.a)
        await _turn(w)
        assert (await w.g.lane("b")).next_try_at == w.g.clock.now() + 30
        w.b.answer = lambda write: None
        w.g.clock.wall -= 3600
        dispatcher = Dispatcher(w.g.database, w.g.clock)
        dispatcher.serve(w.g.runners["b"], 4)
        await dispatcher._sweep_once()
        assert list(dispatcher.queues["b"].waiting) == [(await w.g.record()).id]
        await w.g.runners["b"].run((await w.g.record()).id)
        assert w.shown(w.b)["x"] == "1"


async def test_a_clock_set_back_keeps_no_lost_lease_alive(store_url: str) -> None:
    async with two(store_url, b=STAMP_HISTORY) as w:
        w.edit_a(x="1")
        await w.bring(w.a)
        Fault(w.b, "read", asyncio.CancelledError())
        with pytest.raises(asyncio.CancelledError):
            await _turn(w)
        assert (await w.g.lane("b")).state is LaneState.READING
        w.g.clock.wall -= 3600
        dispatcher = Dispatcher(w.g.database, w.g.clock)
        dispatcher.serve(w.g.runners["b"], 4)
        await dispatcher._sweep_once()
        assert list(dispatcher.queues["b"].waiting) == [(await w.g.record()).id]
        await w.g.runners["b"].run((await w.g.record()).id)
        assert w.shown(w.b)["x"] == "1"


@pytest.mark.parametrize("leap_s", [3600.0, -3600.0])
async def test_a_clock_that_leaps_does_not_judge_an_unknown_outcome(store_url: str, leap_s: float) -> None:
    """Set forward, a look right after the write would count as late, and a create still under way would be repeated."""
    async with two(store_url, linked=False) as w:
        w.b.answer = first_answer("late")
        w.a.create(**START)
        await w.bring(w.a)
        await _turn(w)
        assert (await w.g.lane("b")).state is LaneState.UNKNOWN
        w.g.clock.wall += leap_s
        record = (await w.g.record()).id
        await w.g.runners["b"].run(record)
        assert (await w.g.lane("b")).state is LaneState.UNKNOWN, "a second has not passed yet"
        w.b.land()
        for _ in range(8):
            w.g.clock.advance(10)
            await w.g.runners["b"].run(record)
        assert (await w.g.lane("b")).state is LaneState.IDLE, "nor does it wait an hour"
        assert len(w.b.things) == 1


async def test_an_attempt_of_another_life_from_an_hour_ahead_is_proved_in_its_settling_time(store_url: str) -> None:
    """Its clock was wrong, or ours was set back since: what this life saw itself counts too."""
    async with two(store_url, linked=False) as w:
        w.b.answer = first_answer("late")
        w.a.create(**START)
        await w.bring(w.a)
        await _turn(w)
        w.g.runners["b"]._began.clear()
        w.g.clock.wall -= 3600
        record = (await w.g.record()).id
        await w.g.runners["b"].run(record)
        assert (await w.g.lane("b")).state is LaneState.UNKNOWN, "it has looked for no time at all"
        for _ in range(8):
            w.g.clock.advance(10)
            await w.g.runners["b"].run(record)
        assert (await w.g.lane("b")).state is LaneState.IDLE
        assert len(w.b.things) == 1


async def test_a_long_wish_of_a_target_is_asked_about_now_and_then(store_url: str) -> None:
    async with two(store_url) as w:

        def busy(write: Write) -> Receipt:
            raise Retryable("busy", retry_after_s=10_000_000.0)

        w.b.answer = busy  # type: ignore[assignment]
        w.edit_a(x="1")
        await w.bring(w.a)
        await _turn(w)
        assert (await w.g.lane("b")).next_try_at - w.g.clock.now() <= 900
