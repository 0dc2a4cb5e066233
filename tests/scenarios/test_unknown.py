"""SYNC.md section 4, scenarios 8 to 13: crashes, lost answers, late landings, targets that cannot be probed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from connectors.contract.values import Receipt, Write
from tests.scenarios.world_of_two import (
    COUNTER,
    COUNTER_HISTORY,
    STAMP_HISTORY,
    Two,
    first_answer,
    two,
)

KINDS = pytest.mark.parametrize("kind", [COUNTER, COUNTER_HISTORY, STAMP_HISTORY])


async def die_while_sending(w: Two, *, after: bool) -> None:
    """The worker is killed around the request: its lease runs out and nobody recorded an outcome."""
    original = w.b.apply

    async def apply(write: Write) -> Receipt:
        if after:
            await original(write)
        raise asyncio.CancelledError

    w.b.apply = apply
    w.edit_a(x="17")
    await w.bring(w.a)
    with pytest.raises(asyncio.CancelledError):
        await w.g.run("b")
    w.b.apply = original
    w.g.clock.advance(60)


@KINDS
async def test_crash_before_http(store_url: str, kind: dict[str, Any]) -> None:
    async with two(store_url, b=kind) as w:
        await die_while_sending(w, after=False)
        await w.g.settle()
        assert [v for _, v in w.b.writes] == [{"x": "17"}]
        assert (await w.g.cases()) == []


@KINDS
async def test_crash_after_http(store_url: str, kind: dict[str, Any]) -> None:
    async with two(store_url, b=kind) as w:
        await die_while_sending(w, after=True)
        w.b.take()
        await w.g.settle()
        assert [v for _, v in w.b.writes] == [{"x": "17"}], "the effect must not be repeated"
        assert await w.g.canonical("x") == "17"


@KINDS
async def test_unknown_applied_then_human_edit(store_url: str, kind: dict[str, Any]) -> None:
    async with two(store_url, b=kind) as w:
        w.b.answer = first_answer("lost")
        w.edit_a(x="17")
        await w.bring(w.a)
        w.g.clock.advance(1)
        await w.g.drain()
        w.edit_b(x="99")
        await w.g.settle()
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "99"
        assert [v for _, v in w.b.writes].count({"x": "17"}) == 1


async def test_unknown_then_revert(store_url: str) -> None:
    async with two(store_url, b=COUNTER) as w:
        w.b.answer = first_answer("lost")
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        w.edit_b(x="0")
        w.b.take()
        await w.g.settle()
        assert "outcome.ambiguous" in [c.cause for c in await w.g.cases()]
        assert "0" in await w.g.lost("x")
        assert str((await w.g.lane("b")).state) == "parked"
        assert [v for _, v in w.b.writes] == [{"x": "17"}]


@KINDS
async def test_late_landing(store_url: str, kind: dict[str, Any]) -> None:
    async with two(store_url, b=kind) as w:
        w.b.answer = first_answer("late")
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        for _ in range(2):  # looks until "not applied" counts, then the value is sent anew
            w.g.clock.advance(6)
            await w.g.drain()
        w.edit_a(x="18")
        await w.g.settle()
        assert w.shown(w.b)["x"] == "18"
        w.b.land()  # the very first request arrives now
        assert w.shown(w.b)["x"] == "17"
        await w.g.settle()
        assert w.shown(w.a)["x"] == w.shown(w.b)["x"] == "18"
        assert "17" in await w.g.lost("x")


async def test_no_probe_unknown(store_url: str) -> None:
    async with two(store_url, b={**COUNTER, "probes": False}) as w:
        w.b.answer = first_answer("lost")
        w.edit_a(x="17")
        await w.bring(w.a)
        await w.g.drain()
        echoes = w.b.take()
        for _ in range(5):
            w.g.clock.advance(30)
            await w.g.drain()
        assert len(w.b.tries) == 1, "never sent again blindly"
        assert [c.cause for c in await w.g.cases()] == ["outcome.unprovable"]
        await w.g.bring(echoes)
        await w.g.settle()
        assert await w.g.cases() == []
        assert str((await w.g.lane("b")).state) == "idle"
        assert len(w.b.tries) == 1
        assert await w.g.canonical("x") == "17"
