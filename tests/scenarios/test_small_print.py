"""What the rules of SYNC.md say besides their scenarios: each test fails when one line of a rule is taken out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from connectors.contract.values import Change, ChangeKind, Receipt, Ref, Snapshot, Write
from tests.scenarios.world_of_two import (
    COUNTER,
    COUNTER_HISTORY,
    STAMP_HISTORY,
    START,
    Two,
    first_answer,
    once,
    two,
)


def partial(change: Change) -> Change:
    return msgspec.structs.replace(change, snapshot=msgspec.structs.replace(change.snapshot, partial=True))


def shows_once(w: Two, stale: Snapshot) -> None:
    """The next read of B is answered by a copy that lags behind."""
    read = w.b.read

    async def lagging(ref: Ref, *, items: bool = False) -> Snapshot:
        w.b.read = read
        return stale

    w.b.read = lagging


async def test_a_repeat_in_the_same_batch_is_known(store_url: str) -> None:
    """Rule 1. Without it the batch is tried again one by one, which ends well too, but as a defect in the log."""
    async with two(store_url) as w:
        w.edit_a(x="1")
        (change,) = w.a.take()
        with capture_logs() as logs:
            first, second = await w.g.bring([change, change])
        assert (first.disposition, second.disposition) == ("applied", "")
        assert not logs


async def test_a_second_object_of_a_record_is_a_case(store_url: str) -> None:
    """Rule 2: somebody copied our incident, marker and all."""
    async with two(store_url) as w:
        copy = w.b._add({**START, "x": "9"}, w.b.things[w.bi].correlation)
        await w.g.bring([w.b.poll(copy.id)])
        await w.g.settle()
        (case,) = await w.g.cases()
        assert (case.cause, case.connection) == ("object.duplicate", "b")
        assert copy.id in case.title
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "0", "nothing of it is believed"


async def test_a_late_notice_with_a_part_of_the_fields_shows_what_was_overwritten(store_url: str) -> None:
    """Rule 5, for what is only a hint."""
    async with two(store_url, b=COUNTER) as w:
        w.b.before_commit = once(lambda: w.edit_b(x="27"))
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        (held_back,) = [change for change in w.b.take() if change.snapshot.raw["x"] == "27"]
        await w.g.settle()
        await w.g.bring([partial(held_back)])
        await w.g.settle()
        assert await w.g.lost("x") == ["27"]


async def test_a_hint_that_comes_during_a_read_is_read_again(store_url: str) -> None:
    """Rule 6: the read began before the edit that the hint tells of."""
    async with two(store_url, b=STAMP_HISTORY) as w:
        read = w.b.read

        async def overtaken(ref: Ref, *, items: bool = False) -> Snapshot:
            w.b.read = read
            before = await read(ref, items=items)
            w.edit_b(x="27")
            await w.g.bring([msgspec.structs.replace(each, kind=ChangeKind.HINT) for each in w.b.take()])
            return before

        w.b.read = overtaken
        w.edit_b(x="17")  # told of by a hint, so it is read, and nothing is written to B that would be read back
        await w.g.settle()
        assert w.shown(w.a)["x"] == "27"


async def test_a_read_older_than_what_was_seen_is_not_believed(store_url: str) -> None:
    """Rule 6: a copy that lags behind shows the object as it was before a person's edit."""
    async with two(store_url, b=COUNTER) as w:
        stale = w.b._snapshot(w.b.things[w.bi])
        w.edit_b(x="27")
        await w.g.settle()
        shows_once(w, stale)
        w.edit_a(tags=["p", "q"])
        await w.g.settle()
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "27"


async def test_a_read_back_older_than_our_write_takes_nothing_back(store_url: str) -> None:
    """Rule 7a: somebody edited another field in the window, so our write is read back, from a copy that lags behind."""
    async with two(store_url, b=COUNTER) as w:

        def edit_and_lag() -> None:
            w.edit_b(tags=["p", "r"])
            shows_once(w, w.b._snapshot(w.b.things[w.bi]))

        w.b.before_commit = once(edit_and_lag)
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        w.b.take()  # no webhook comes to the rescue
        await w.g.settle()
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "17"
        assert w.shown(w.a)["tags"] == ["p", "r"]


async def test_what_a_late_landing_went_over_is_found(store_url: str) -> None:
    """Rule 7b: a person's edit, whose webhook was lost, lay under the landing; the history still has it."""
    async with two(store_url, b=COUNTER_HISTORY) as w:
        w.b.answer = first_answer("late")
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        for _ in range(2):  # looks until "not applied" counts, then the value is sent anew
            w.g.clock.advance(6)
            await w.g.drain()
        await w.g.settle()
        w.edit_a(x="18")
        await w.g.settle()
        w.edit_b(x="99")
        w.b.take()
        w.b.land()
        await w.g.settle()
        assert w.agree("x")
        assert "99" in {*(await w.g.lost("x")), w.shown(w.b)["x"]}


async def test_the_same_value_on_both_sides_ends_a_manual_conflict(store_url: str) -> None:
    """Rule 7d."""
    async with two(store_url) as w:
        w.edit_a(y="1")
        w.edit_b(y="2")
        await w.g.settle()
        (case,) = await w.g.cases()
        if case.connection == "b":
            w.edit_b(y=w.shown(w.a)["y"])
        else:
            w.edit_a(y=w.shown(w.b)["y"])
        await w.g.settle()
        assert await w.g.cases() == []
        w.edit_a(y="4")
        await w.g.settle()
        assert w.agree("y"), "the field goes on"


@pytest.mark.parametrize("kind", [COUNTER, STAMP_HISTORY])
async def test_a_request_that_never_ends_is_an_unknown_outcome(store_url: str, kind: dict[str, Any]) -> None:
    """Rule 17: the comment was taken, the answer never came. Taken for not applied, it would be sent again."""
    async with two(store_url, b=kind) as w:
        apply = w.b.apply

        async def hang(write: Write) -> Receipt:
            w.b.apply = apply
            await apply(write)
            await asyncio.Event().wait()
            raise AssertionError("nobody sets it")

        w.b.apply = hang
        runner = w.g.runners["b"]
        runner.worker = replace(runner.worker, timeout_s=0.01)
        w.g.clock.advance(1)
        w.a.comment(w.ai, "once, please")
        await w.bring(w.a)
        await w.g.drain()
        w.b.take()  # no webhook tells of the comment
        await w.g.settle()
        assert [item.body for item in w.b.things[w.bi].items] == ["once, please"]
