"""SYNC.md section 4, scenarios 1 to 7: queued writes, edits in the window between read and write, echoes."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.values import Receipt, Write
from gateway.sync.unit import Arrival
from tests.scenarios.world_of_two import COUNTER, COUNTER_HISTORY, STAMP_HISTORY, edit_that_is_taken_back, once, two


@pytest.mark.parametrize("kind", [COUNTER, COUNTER_HISTORY, STAMP_HISTORY])
async def test_queued_write_vs_newer_winner(store_url: str, kind: dict[str, Any]) -> None:
    async with two(store_url, a=kind, b=kind) as w:
        w.edit_b(x="17")
        await w.bring()  # 17 is canonical and queued for A
        w.edit_a(x="27")
        await w.g.settle()
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "27"
        assert {"x": "17"} not in [values for _, values in w.a.writes]
        assert await w.g.lost("x") == ["17"]


@pytest.mark.parametrize("kind", [COUNTER_HISTORY, STAMP_HISTORY])
async def test_overwrite_in_window_history(store_url: str, kind: dict[str, Any]) -> None:
    async with two(store_url, b=kind) as w:
        w.b.before_commit = once(lambda: w.edit_b(x="27"))
        w.edit_a(x="17")
        await w.g.settle()
        assert w.agree("x")
        # 27 was typed later: it wins and 17 stands in the ledger; either way both are accounted for.
        assert w.shown(w.b)["x"] == "27"
        assert {"17", "27"} <= {*(await w.g.lost("x")), w.shown(w.b)["x"]}


@pytest.mark.parametrize("webhook", ["late", "lost"])
async def test_overwrite_in_window_no_history(store_url: str, webhook: str) -> None:
    async with two(store_url, b=COUNTER) as w:
        w.b.before_commit = once(lambda: w.edit_b(x="27"))
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        held_back = [c for c in w.b.take() if c.snapshot.raw["x"] == "27"]
        assert len(held_back) == 1
        await w.g.settle()
        assert [str(c.cls) for c in await w.g.cases()] == ["overwrite"]
        if webhook == "late":
            await w.g.bring(held_back)
            await w.g.settle()
            assert await w.g.lost("x") == ["27"]
            assert await w.g.cases() == []  # the content was recovered: nothing left to find out


@pytest.mark.parametrize("kind", [COUNTER, COUNTER_HISTORY, STAMP_HISTORY])
async def test_gap_other_field(store_url: str, kind: dict[str, Any]) -> None:
    async with two(store_url, b=kind) as w:
        w.b.before_commit = once(lambda: w.edit_b(y="5"))
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        w.b.take()  # even if the webhook of the y edit is lost
        await w.g.settle()
        assert w.shown(w.a)["y"] == "5"
        assert w.shown(w.b)["x"] == "17"


async def test_stale_snapshot_after_own_write(store_url: str) -> None:
    async with two(store_url) as w:
        old = w.b.poll(w.bi)
        w.edit_a(x="17")
        await w.g.settle()
        writes = len(w.a.writes) + len(w.b.writes)
        (arrival,) = await w.g.bring([old])
        await w.g.settle()
        assert arrival.disposition == "stale"
        assert await w.g.canonical("x") == "17"
        assert len(w.a.writes) + len(w.b.writes) == writes


async def test_echo_before_outcome(store_url: str) -> None:
    async with two(store_url) as w:
        seen: list[Arrival] = []

        async def echo_first() -> None:
            seen.extend(await w.g.bring(w.b.take()))

        original = w.b.apply

        async def apply(write: Write) -> Receipt:
            receipt = await original(write)
            await echo_first()
            return receipt

        w.b.apply = apply
        w.edit_a(x="17")
        await w.g.settle()
        assert [a.state for a in seen] == ["deferred"]
        notice = next(n for n in await w.g.notices() if n.id == seen[0].id)
        assert (notice.state, notice.disposition) in [("done", "stale"), ("done", "unchanged")]
        assert [v for _, v in w.b.writes] == [{"x": "17"}]
        assert w.a.writes == []


@pytest.mark.parametrize("kind", [COUNTER, COUNTER_HISTORY, STAMP_HISTORY])
async def test_revert_in_flight(store_url: str, kind: dict[str, Any]) -> None:
    async with two(store_url, b=kind) as w:
        await edit_that_is_taken_back(w)
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "0"
        assert await w.g.canonical("x") == "0"
