"""A change and the start of its write in one transaction, where a place is free for it (ADR 0034)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from connectors.contract.errors import StorageError
from connectors.contract.values import Receipt, Write
from gateway.delivery.dispatcher import Dispatcher
from gateway.sync import starting
from gateway.sync.state import Lane, LaneState
from gateway.sync.steps import Job, Send
from gateway.sync.worker import Worker
from tests.scenarios.world_of_two import COUNTER, Two, two

CONDITIONAL = {**COUNTER, "conditional": True}


class Hand:
    """A free hand that notes what it is given."""

    def __init__(self, w: Two) -> None:
        self.worker: Worker = w.g.runners["b"].worker
        self.began_with: list[Job] = []
        self.dropped_lanes: list[str] = []
        w.g.decider.starter = self

    def reserve(self, lane: Lane, now: float) -> Worker | None:
        return self.worker if lane.connection == "b" else None

    def began(self, lane: Lane, job: Job) -> None:
        self.began_with.append(job)

    def dropped(self, lane: Lane) -> None:
        self.dropped_lanes.append(lane.connection)


async def _changed(w: Two) -> None:
    w.edit_a(x="1")
    await w.bring(w.a)


async def test_the_attempt_is_durable_when_the_change_is(store_url: str) -> None:
    async with two(store_url, b=CONDITIONAL) as w:
        hand = Hand(w)
        await _changed(w)
        (job,) = hand.began_with
        assert isinstance(job, Send), "a conditional write needs no read"
        lane = await w.g.lane("b")
        assert (lane.state, lane.owner, lane.attempt) == (LaneState.OPEN, hand.worker.name, job.attempt.id)
        assert not w.b.tries, "HTTP comes after the commit"
        await w.g.runners["b"].run(lane.record, job)
        assert w.agree() and len(w.b.tries) == 1


async def test_a_transaction_that_fails_gives_every_place_back(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with two(store_url, b=CONDITIONAL) as w:
        hand = Hand(w)

        async def fail(*given: Any) -> None:
            raise StorageError("disk full")

        with monkeypatch.context() as broken:
            broken.setattr("gateway.sync.saving.save_effects", fail)
            with pytest.raises(StorageError):
                await _changed(w)
        assert (hand.began_with, hand.dropped_lanes) == ([], ["b"])
        w.g.decider.starter = starting.Nobody()
        await w.g.bring([w.a.poll(thing) for thing in w.a.things])
        await w.g.settle()
        assert w.agree()


async def test_a_lane_that_cannot_begin_does_not_make_its_change_a_case(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change is innocent: it is decided, and the lane waits for its own turn."""
    async with two(store_url, b=CONDITIONAL) as w:
        hand = Hand(w)

        def defect(*given: Any) -> Job:
            raise RuntimeError("cannot plan this write")

        with monkeypatch.context() as broken:
            broken.setattr(starting, "claim", defect)
            await _changed(w)
        assert [arrival.disposition for arrival in w.g.arrivals][-1] == "applied"
        assert (hand.began_with, await w.g.cases()) == ([], [])
        lane = await w.g.lane("b")
        assert lane.dirty and not lane.owner
        await w.g.settle()
        assert w.agree()


async def test_a_dispatcher_begins_no_more_than_it_has_places_for(store_url: str) -> None:
    """An answer frees the place at once; who waits in the queue is never passed over."""
    async with two(store_url, b=CONDITIONAL) as w:
        dispatcher = Dispatcher(w.g.database, w.g.clock)
        dispatcher.serve(w.g.runners["b"], concurrency=1)
        lanes = [Lane(f"r{number}", "b", dirty=True) for number in range(3)]
        now = w.g.clock.now()
        assert dispatcher.reserve(lanes[0], now) is w.g.runners["b"].worker
        assert dispatcher.reserve(lanes[0], now) is None, "it is worked already"
        assert dispatcher.reserve(lanes[1], now) is None, "no place is left"
        dispatcher.dropped(lanes[0])
        assert dispatcher.reserve(Lane("r9", "b", dirty=True, next_try_at=now + 5), now) is None, "it is not due"
        assert dispatcher.reserve(Lane("r9", "elsewhere", dirty=True), now) is None
        dispatcher.hint([lanes[2]])
        assert dispatcher.reserve(lanes[1], now) is None, "another one waited before it"


async def test_stopping_lets_a_lane_that_is_being_committed_finish(store_url: str) -> None:
    async with two(store_url, b=CONDITIONAL) as w:
        dispatcher = Dispatcher(w.g.database, w.g.clock)
        dispatcher.serve(w.g.runners["b"], concurrency=4)
        w.g.decider.starter = dispatcher
        asked, answer = asyncio.Event(), asyncio.Event()
        apply = w.b.apply

        async def slow(write: Write) -> Receipt:
            asked.set()
            await answer.wait()
            return await apply(write)

        w.b.apply = slow
        await _changed(w)
        await asked.wait()
        stopping = asyncio.create_task(dispatcher.stop())
        await asyncio.sleep(0)
        assert dispatcher.reserve(Lane("r1", "b", dirty=True), w.g.clock.now()) is None
        answer.set()
        await stopping
        lane = await w.g.lane("b")
        assert (lane.state, lane.owner, lane.dirty) == (LaneState.IDLE, "", False)
        assert w.agree()
