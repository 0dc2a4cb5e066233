"""SYNC.md rules 2, 10 and 19, H13: an object that a look-up or a create brings up belongs to another record already."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.contract.values import Change, ChangeKind, Receipt, Snapshot, Write
from dead_letter.actions import decide
from gateway.sync.lane_port import Lanes
from gateway.sync.state import LaneState, LinkState
from tests.scenarios.world_of_two import COUNTER, START, Two, two

NATURAL: dict[str, Any] = {"natural": "x", "read_before_write": True}


async def _two_records(w: Two) -> str:
    """Record 1 (x=K) is in step. Record 2 came to the same x before its object in B was made. Returns record 2."""
    w.a.create(**{**START, "x": "K"})
    await w.g.settle()
    first = {record.id for record in await w.g.records()}
    other = w.a.create(**{**START, "x": "Z"})
    await w.bring(w.a)
    w.a.edit(other, x="K")
    await w.bring(w.a)
    (second,) = {record.id for record in await w.g.records()} - first
    return second


async def _lane(w: Two, record: str) -> Any:
    (lane,) = [lane for lane in await w.g.lanes() if (lane.record, lane.connection) == (record, "b")]
    return lane


async def test_a_natural_hit_of_another_record_is_a_duplicate(store_url: str) -> None:
    async with two(store_url, linked=False, **NATURAL) as w:
        second = await _two_records(w)
        await w.g.settle()
        lane = await _lane(w, second)
        assert (lane.state, lane.wait_reason) == (LaneState.PARKED, "object.duplicate")
        (case,) = await w.g.cases(cls="duplicate")
        (first,) = {record.id for record in await w.g.records()} - {second}
        assert (case.record, case.connection, case.count) == (second, "b", 1)
        assert case.evidence["object_id"] == next(iter(w.b.things)), "it names the object"
        assert case.evidence["other_record"] == first, "and its owner"
        assert len(w.b.things) == 1, "nothing is created beside it"
        reads = w.b.reads
        w.g.clock.advance(86_400)
        await w.g.settle()
        assert w.b.reads == reads, "nobody looks again until somebody decided"
        state = next(record for record in await w.g.records() if record.id == second)
        assert state.members["b"].link is LinkState.NONE


@pytest.mark.parametrize("mended", [True, False])
async def test_a_duplicate_seen_to_is_looked_at_again(store_url: str, mended: bool) -> None:
    async with two(store_url, linked=False, **NATURAL) as w:
        second = await _two_records(w)
        await w.g.settle()
        (case,) = await w.g.cases(cls="duplicate")
        if mended:
            w.a.edit(next(t.id for t in w.a.things.values() if t.id != next(iter(w.a.things))), x="own")
            await w.bring(w.a)
        async with w.g.database.begin() as tx:
            lanes = Lanes(tx, w.g.decider.topology, now=w.g.clock.now(), actor="nadia")
            decision: dict[str, Any] = {"actor": "nadia", "reason": "seen to", "expected_version": case.version}
            await decide(tx, case.number, "close", **decision, lanes=lanes, now=w.g.clock.now())
        await w.g.settle()
        assert len(w.b.things) == (2 if mended else 1)
        assert (await _lane(w, second)).state is (LaneState.IDLE if mended else LaneState.PARKED)
        assert len(await w.g.cases(cls="duplicate")) == (0 if mended else 1)


async def test_a_free_hit_is_adopted_beside_an_owned_one(store_url: str) -> None:
    async with two(store_url, linked=False, **NATURAL) as w:
        second = await _two_records(w)
        free = w.b._add({**START, "x": "K", "y": "mine"}, None).id  # nobody told of it
        await w.g.decider.decide(second, lambda unit: None)
        await w.g.settle()
        state = next(record for record in await w.g.records() if record.id == second)
        assert (state.members["b"].link, state.members["b"].id) == (LinkState.PRIMARY, free)
        (case,) = await w.g.cases(cls="duplicate")
        assert case.evidence["object_id"] == next(iter(w.b.things))
        assert w.b.things[free].raw["x"] == "K" and state.fields["y"].now.value in ("0", "mine")
        assert (await _lane(w, second)).state is LaneState.IDLE


async def test_a_create_that_another_record_took_is_a_duplicate(store_url: str) -> None:
    """Without a marker the notice of our own create, arriving before its answer, can begin a record of its own."""
    async with two(store_url, linked=False, b={**COUNTER, "marker": False}) as w:
        w.a.create(**START)
        await w.bring(w.a)

        brought: list[Change] = []

        async def answered(write: Write, plain: Any = w.b.apply) -> Receipt:
            receipt: Receipt = await plain(write)
            for change in w.b.take():
                bare = msgspec.structs.replace(change.snapshot, correlation=None)
                brought.append(change := msgspec.structs.replace(change, snapshot=bare))
                await w.g.decider.accept([change])
            return receipt

        w.b.apply = answered
        await w.g.settle()
        assert [change.kind for change in brought][:1] == [ChangeKind.SNAPSHOT]
        assert not [lane for lane in await w.g.lanes() if lane.owner or lane.state in ("open", "reading")]
        assert await w.g.cases(cls="duplicate"), "a person joins the two"
        assert len(w.b.things) == 1, "one create, one object"


async def test_a_probe_hit_of_another_record_is_a_duplicate(store_url: str) -> None:
    """Somebody cloned our marker onto an object of another record: it does not prove our create."""
    async with two(store_url) as w:
        first = (await w.g.record()).id
        w.b.answer = lambda write: "late"
        w.a.create(**{**START, "x": "2"})
        await w.bring(w.a)
        await w.g.drain()
        (new,) = {record.id for record in await w.g.records()} - {first}
        w.b.things[w.bi].correlation = new
        w.b.late.clear()
        w.b.answer = lambda write: None
        await w.g.settle()
        records = {record.id: record for record in await w.g.records()}
        assert records[new].members["b"].id != w.bi, "another record's object is not taken over"
        assert not [lane for lane in await w.g.lanes() if lane.owner or lane.state in ("open", "unknown", "reading")]
        assert await w.g.cases(cls="duplicate")


async def test_a_notice_of_an_object_that_is_gone_elsewhere_stays_with_its_record(store_url: str) -> None:
    """A link in any state owns: an object whose record let it go is not adopted by another."""
    async with two(store_url, linked=False, on_delete="ignore", **NATURAL) as w:
        second = await _two_records(w)
        owned = next(iter(w.b.things))
        gone = Snapshot(object="thing", id=owned, exists=False)
        change = Change(
            connection="b", delivery_key="gone", kind=ChangeKind.DELETED, snapshot=gone, received_at=w.g.clock.now()
        )
        await w.g.bring([change])
        await w.g.settle()
        assert (await _lane(w, second)).state is LaneState.PARKED
