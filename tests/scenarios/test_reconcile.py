"""Reconciliation: the plan names exactly the drift, the lanes repair it, a second plan is empty."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.values import VersionKind
from tests.support.reconciling import Reconciling, reconciling
from tests.support.sweeping import START, other

STAMP: dict[str, Any] = {"kind": VersionKind.TIMESTAMP, "granularity_s": 0.001, "has_history": True}
COUNTER: dict[str, Any] = {"kind": VersionKind.COUNTER}
KINDS = pytest.mark.parametrize("b", [COUNTER, STAMP], ids=["counter", "stamp"])


async def _in_step(r: Reconciling) -> None:
    """Both sides show the same, and nothing is left to find."""
    shown = [sorted(str(t.raw) for t in s.things.values() if t.exists) for s in (r.w.a, r.w.b)]
    assert shown[0] == shown[1]
    assert await r.plan() == []


async def test_nothing_drifted(store_url: str) -> None:
    async with reconciling(store_url) as r:
        await r.w.linked(3)
        assert await r.plan() == []
        assert (await r.last()).cursor["counts"] == {"listed": 6, "compared": 3, "unread": 0}


@KINDS
async def test_edits_in_each_direction_and_in_both(store_url: str, b: dict[str, Any]) -> None:
    async with reconciling(store_url, b=b) as r:
        first, second, third, _ = await r.w.linked(4)
        r.w.g.clock.advance(60)
        at = {each: other(r.w, each) for each in (first, second, third)}
        r.w.a.edit(first, y="typed in A")
        r.w.b.edit(at[second], y="typed in B")
        r.w.a.edit(third, status="doing")
        r.w.g.clock.advance(60)
        r.w.b.edit(at[third], status="done")
        await r.w.lost()
        await r.plan()
        assert sorted(await r.short()) == [
            ("absorb", "a", "status", "taken"),
            ("absorb", "a", "y", "taken"),
            ("absorb", "b", "status", "loses"),
            ("absorb", "b", "y", "taken"),
        ]
        results = await r.run()
        assert results == {"applied": 4}
        assert r.w.b.things[at[first]].raw["y"] == "typed in A"
        assert r.w.a.things[second].raw["y"] == "typed in B"
        assert r.w.b.things[at[third]].raw["status"] == "doing"
        assert await r.w.g.lost("status") == ["done"]
        await _in_step(r)


async def test_a_plan_shows_both_sides_and_what_would_be_written(store_url: str) -> None:
    async with reconciling(store_url) as r:
        (first,) = await r.w.linked(1)
        r.w.a.edit(first, y="new")
        await r.w.lost()
        (item,) = await r.plan()
        doc = item["doc"]
        assert (doc["canonical"], doc["shown"], doc["becomes"]) == ("0", {"a": "new", "b": "0"}, "new")
        assert (doc["then"], item["object_id"]) == (["b"], first)


async def test_a_plan_changes_nothing(store_url: str) -> None:
    async with reconciling(store_url) as r:
        first, second = await r.w.linked(2)
        r.w.a.edit(first, y="new")
        r.w.b.delete(other(r.w, second))
        r.w.a.comment(first, "hello")
        r.w.a.create(**{**START, "x": "unheard of"})
        await r.w.lost()
        before = [await r.w.g.records(), await r.w.g.lanes(), await r.w.g.notices(), await r.w.g.ledger()]
        writes = (len(r.w.a.tries), len(r.w.b.tries))
        assert len(await r.plan()) == 4
        await r.w.take_in()
        assert [await r.w.g.records(), await r.w.g.lanes(), await r.w.g.notices(), await r.w.g.ledger()] == before
        assert (len(r.w.a.tries), len(r.w.b.tries)) == writes


async def test_a_manual_conflict_asks_a_person(store_url: str) -> None:
    async with reconciling(store_url) as r:
        (first,) = await r.w.linked(1)
        r.w.a.edit(first, y="A's")
        r.w.g.clock.advance(60)
        r.w.b.edit(other(r.w, first), y="B's")
        await r.w.lost()
        await r.plan()
        assert await r.short() == [("absorb", "a", "y", "taken"), ("absorb", "b", "y", "asks a person")]
        assert (await r.run())["conflict"] >= 1
        (case,) = await r.w.g.cases()
        assert case.cause == "conflict.manual"
        (blocked,) = await r.plan()
        assert (blocked["kind"], blocked["field"], blocked["doc"]["case"]) == ("blocked", "y", str(case.number))
        assert blocked["doc"]["shown"] == {"a": "A's", "b": "B's"}
        assert await r.run() == {"held": 1}


async def test_comments(store_url: str) -> None:
    async with reconciling(store_url) as r:
        (first,) = await r.w.linked(1)
        r.w.g.clock.advance(5)
        r.w.a.comment(first, "one")
        r.w.a.comment(first, "two")
        await r.w.lost()
        await r.plan()
        assert await r.short() == [("comment", "a", "comments", "copied")] * 2
        assert await r.run() == {"applied": 2}
        assert sorted(item.body for item in r.w.b.things[other(r.w, first)].items) == ["one", "two"]
        await _in_step(r)


async def test_a_deletion_comes_first_and_does_what_the_flow_says(store_url: str) -> None:
    async with reconciling(store_url, on_delete="close") as r:
        first, second = await r.w.linked(2)
        at = other(r.w, first)
        r.w.a.delete(first)
        r.w.a.edit(second, y="new")
        await r.w.lost()
        await r.plan()
        assert await r.short() == [("gone", "a", "", "close"), ("absorb", "a", "y", "taken")]
        assert await r.run() == {"applied": 2}
        assert r.w.b.things[at].raw["active"] is False
        assert await r.plan() == []


async def test_many_deletions_need_a_persons_word(store_url: str) -> None:
    async with reconciling(store_url, on_delete="close") as r:
        made = await r.w.linked(12)
        r.w.a.edit(made[0], y="new")
        for each in made[1:]:
            r.w.a.delete(each)
        await r.w.lost()
        await r.plan()
        assert "a" in (await r.last()).cursor["stopped"]
        results = await r.run()
        assert results["applied"] == 1 and results["skipped"] == 11
        assert all(thing.raw["active"] for thing in r.w.b.things.values())
        await r.plan(most_gone=11)
        assert await r.run() == {"applied": 11}
        assert [thing.raw["active"] for thing in r.w.b.things.values()].count(False) == 11


async def test_what_a_list_hides_is_not_gone(store_url: str) -> None:
    async with reconciling(store_url) as r:
        first, _ = await r.w.linked(2)
        r.w.a.shows = lambda each: each != first
        assert await r.plan() == []


async def test_departures_are_under_the_guard(store_url: str) -> None:
    """A right that shows everything as inactive is as likely as a right that hides everything."""
    async with reconciling(store_url) as r:
        for each in await r.w.linked(12):
            r.w.a.edit(each, active=False)
        await r.w.lost()
        await r.plan()
        assert {row[:2] for row in await r.short()} == {("leaves", "a")}
        assert await r.run() == {"skipped": 12}
        assert all(thing.raw["active"] for thing in r.w.b.things.values())


async def test_a_leaver_is_closed_again_and_never_believed(store_url: str) -> None:
    """P8: alive again in one system, with another text; the record stays gone, its object is closed once more."""
    async with reconciling(store_url, on_delete="close") as r:
        (first,) = await r.w.linked(1)
        at = other(r.w, first)
        r.w.a.delete(first)
        await r.w.g.settle()
        assert r.w.b.things[at].raw["active"] is False
        r.w.b.edit(at, active=True, y="I am back")
        await r.w.lost()
        await r.plan()
        assert await r.short() == [("reopened", "b", "", "closed again")]
        assert await r.run() == {"applied": 1}
        assert r.w.b.things[at].raw["active"] is False
        assert (await r.w.g.record()).tombstoned_at is not None
        assert not [thing for thing in r.w.a.things.values() if thing.exists]
        assert await r.plan() == []


async def test_a_late_object_of_a_leaver_is_closed(store_url: str) -> None:
    async with reconciling(store_url, on_delete="close") as r:
        (first,) = await r.w.linked(1)
        r.w.a.delete(first)
        await r.w.g.settle()
        late = r.w.b._add(dict(START), (await r.w.g.record()).id)
        late.updated_at = r.w.g.clock.now()
        await r.plan()
        assert await r.short() == [("reopened", "b", "", "closed")]
        assert await r.run() == {"applied": 1}
        assert r.w.b.things[late.id].raw["active"] is False
        assert await r.plan() == []


async def test_an_object_nobody_told_of_is_taken_in(store_url: str) -> None:
    async with reconciling(store_url) as r:
        await r.w.linked(1)
        r.w.a.create(**{**START, "x": "unheard of"})
        await r.w.lost()
        (item,) = await r.plan()
        assert (item["kind"], item["outcome"], item["doc"]["then"]) == ("new", "taken in", ["b"])
        assert await r.run() == {"applied": 1}
        assert "unheard of" in {thing.raw["x"] for thing in r.w.b.things.values()}
        await _in_step(r)


async def test_an_object_outside_the_flow_is_no_drift(store_url: str) -> None:
    async with reconciling(store_url, where=lambda record: record["x"] != "private") as r:
        await r.w.linked(1)
        r.w.a.create(**{**START, "x": "private"})
        await r.w.lost()
        assert await r.plan() == []


async def test_a_second_object_of_a_record_is_a_case(store_url: str) -> None:
    async with reconciling(store_url) as r:
        await r.w.linked(1)
        twin = r.w.b._add(dict(START), (await r.w.g.record()).id)
        twin.updated_at = r.w.g.clock.now()
        await r.plan()
        assert await r.short() == [("duplicate", "b", "", "case")]
        assert await r.run() == {"duplicate": 1}
        assert [case.cause for case in await r.w.g.cases()] == ["object.duplicate"]
        assert await r.plan() == []


async def test_a_missing_object_is_made(store_url: str) -> None:
    """The flow was changed to create in B too: no decision has met the records since."""
    async with reconciling(store_url, create_in=("a",)) as r:
        await r.w.linked(2)
        assert not r.w.b.things
        flow = r.w.g.decider.topology.flows["things"]
        object.__setattr__(flow, "create_in", frozenset({"a", "b"}))
        await r.plan()
        assert await r.short() == [("create", "b", "", "made")] * 2
        assert await r.run() == {"applied": 2}
        await _in_step(r)


async def test_a_value_that_means_something_else_today_is_written(store_url: str) -> None:
    """What B shows was right under another mapping; the record's value is written, by the lane."""
    async with reconciling(store_url) as r:
        (first,) = await r.w.linked(1)
        at = other(r.w, first)

        def rule(unit: Any) -> None:
            unit.state.fields["y"].now.value = "as it is read today"
            unit.shadow("a", "y").ext = "as it is read today"

        await r.w.g.decider.decide((await r.w.g.record()).id, rule)
        r.w.a.things[first].raw["y"] = "as it is read today"
        await r.plan()
        assert await r.short() == [("write", "b", "y", "written")]
        assert await r.run() == {"applied": 1}
        assert r.w.b.things[at].raw["y"] == "as it is read today"
        await _in_step(r)


@pytest.mark.parametrize(("offset_s", "found"), [(-2.0, 0), (-1.0, 1), (0.0, 1), (3600.0, 1), (3601.0, 1), (3602.0, 0)])
async def test_both_ends_of_the_window_count_and_overlap(store_url: str, offset_s: float, found: int) -> None:
    """The clocks may differ by a second: an edit that much outside is still looked at."""
    async with reconciling(store_url, skew_s=1.0) as r:
        (first,) = await r.w.linked(1)
        r.w.g.clock.advance(7200)
        since = r.w.g.clock.now()
        r.w.g.clock.advance(offset_s)
        r.w.a.edit(first, y="new")
        await r.w.lost()
        r.w.g.clock.advance(7200)
        assert len(await r.plan(since=since, until=since + 3600)) == found


@pytest.mark.parametrize("offset_s", [-120.0, 120.0])
async def test_the_window_is_in_our_clock(store_url: str, offset_s: float) -> None:
    """A system whose clock is two minutes off tells its own times; the measured offset is taken out."""
    async with reconciling(store_url) as r:
        first, second = await r.w.linked(2)
        r.w.g.clock.advance(7200)
        since = r.w.g.clock.now()
        for each, at in ((first, since + 1), (second, since - 1)):
            r.w.a.edit(each, y="new")
            r.w.a.things[each].updated_at = at + offset_s
        await r.w.lost()
        r.w.a.clock_offset_s = offset_s
        assert [row["object_id"] for row in await r.plan(since=since)] == [first]


async def test_only_the_window_is_read(store_url: str) -> None:
    async with reconciling(store_url) as r:
        first, second, _ = await r.w.linked(3)
        r.w.g.clock.advance(7200)
        r.w.a.edit(first, y="long before")
        r.w.g.clock.advance(7200)
        since = r.w.g.clock.now()
        r.w.a.edit(second, y="in the window")
        await r.w.lost()
        reads = r.w.a.reads, r.w.b.reads
        (item,) = await r.plan(since=since)
        assert item["object_id"] == second
        assert (r.w.a.reads - reads[0], r.w.b.reads - reads[1]) == (1, 1)


async def test_one_connection_alone(store_url: str) -> None:
    async with reconciling(store_url) as r:
        first, second = await r.w.linked(2)
        r.w.a.edit(first, y="A's")
        r.w.b.edit(other(r.w, second), y="B's")
        await r.w.lost()
        reads = r.w.b.reads
        await r.plan(connections=["a"])
        assert await r.short() == [("absorb", "a", "y", "taken")]
        assert r.w.b.reads == reads
