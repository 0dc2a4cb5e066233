"""SYNC.md section 4, scenarios 14 to 20: ticks, reordered notices, replays, ABA, normalising targets."""

from __future__ import annotations

import msgspec

from tests.scenarios.world_of_two import COUNTER, STAMP, STAMP_HISTORY, two


async def test_same_tick_edits(store_url: str) -> None:
    async with two(store_url, a={**STAMP_HISTORY, "granularity_s": 60.0}) as w:
        w.a.edit(w.ai, x="1")
        await w.g.settle()
        w.a.edit(w.ai, y="2")  # same minute: the time of update does not move
        await w.g.settle()
        assert (w.shown(w.b)["x"], w.shown(w.b)["y"]) == ("1", "2")


async def test_delta_reordered_and_lost(store_url: str) -> None:
    async with two(store_url, a=COUNTER) as w:
        for values in ({"x": "1"}, {"y": "2"}, {"x": "3"}):
            w.edit_a(**values)
        first, second, third = w.a.take()
        thin = [
            msgspec.structs.replace(c, snapshot=msgspec.structs.replace(c.snapshot, raw=raw, partial=True))
            for c, raw in ((third, {"x": "3"}), (first, {"x": "1"}))
        ]
        assert second is not None  # the delta of y is lost
        await w.g.bring(thin)
        await w.g.settle()
        assert (w.shown(w.b)["x"], w.shown(w.b)["y"]) == ("3", "2")
        assert {n.state for n in await w.g.notices()} == {"done"}


async def test_replay_month_old_notice(store_url: str) -> None:
    async with two(store_url) as w:
        w.edit_a(x="1")
        (old,) = w.a.take()
        await w.g.bring([old])
        w.edit_a(x="2")
        await w.g.settle()
        w.g.clock.advance(30 * 86_400)
        # Its key was forgotten (pruned): only the version can tell now.
        again = msgspec.structs.replace(old, delivery_key="replayed")
        (arrival,) = await w.g.bring([again])
        await w.g.settle()
        assert arrival.disposition == "stale"
        assert w.shown(w.b)["x"] == await w.g.canonical("x") == "2"


async def test_aba_concurrent(store_url: str) -> None:
    async with two(store_url) as w:
        w.edit_b(x="37")
        await w.bring(w.b)
        w.edit_b(x="0")
        await w.bring(w.b)
        w.edit_a(x="27")  # typed on the old 0, before anything of B's was written to A
        await w.g.settle()
        assert w.agree("x")
        assert len(await w.g.lost("x")) == 1, "a conflict, not a fast-forward: the loser is in the ledger"


async def test_unproven_equal(store_url: str) -> None:
    async with two(store_url) as w:
        w.edit_a(x="7")
        early = w.b.poll(w.bi)
        w.edit_b(x="7")
        same = w.b.take()
        await w.bring(w.a)  # canonical is 7 now
        await w.g.bring(same)  # B shows 7, but this was read before the decision
        shadow = (await w.g.member("b")).shadow["x"]
        assert shadow.carried == -1, "equal is no proof"
        assert early.snapshot.raw["x"] == "0"
        await w.g.settle()
        assert (await w.g.member("b")).shadow["x"].carried == (await w.g.record()).fields["x"].now.fver
        assert w.b.writes == []


async def test_normaliser_truncates(store_url: str) -> None:
    cut = {"normalise": lambda name, value: value[:2] if name == "x" and value else value}
    async with two(store_url, b={**COUNTER, **cut}, mappings={"b": "short"}) as w:
        w.edit_a(x="12345")
        await w.g.settle()
        assert (w.shown(w.a)["x"], w.shown(w.b)["x"]) == ("12345", "12")
        assert await w.g.canonical("x") == "12345"
        assert len(w.b.writes) == 1 and w.a.writes == []


async def test_two_normalisers(store_url: str) -> None:
    cut = {"normalise": lambda name, value: value[:2] if name == "x" and value else value}
    low = {"normalise": lambda name, value: value.lower() if name == "x" and value else value}
    async with two(
        store_url, a={**STAMP_HISTORY, **low}, b={**STAMP, **cut}, mappings={"a": "loud", "b": "short"}
    ) as w:
        w.edit_b(x="AB")
        await w.g.settle()
        writes = len(w.a.writes) + len(w.b.writes)
        await w.g.bring([w.a.poll(w.ai), w.b.poll(w.bi)])
        await w.g.settle()
        assert (w.shown(w.a)["x"], w.shown(w.b)["x"]) == ("ab", "AB")
        assert await w.g.canonical("x") == "AB"
        assert len(w.a.writes) + len(w.b.writes) == writes == 1
