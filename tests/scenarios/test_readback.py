"""SYNC.md rule 24, the sweeps without a suspicion: the read-back audit, and what has outlived its use."""

from __future__ import annotations

from typing import Any

from connectors.contract.errors import OutcomeUnknown
from connectors.contract.values import Ref, Snapshot, VersionKind, Write
from gateway.sweeps.book import ask
from tests.support.sweeping import DAY_S, START, other, swept

STAMP: dict[str, Any] = {"kind": VersionKind.TIMESTAMP, "granularity_s": 0.001, "has_history": True}


async def test_readback_reads_its_share_and_no_more(store_url: str) -> None:
    async with swept(store_url) as w:
        await w.linked(3)
        reads, kind = w.a.reads, w.kind("readback", w.a)
        sweeper = w.sweeper("readback", w.a)
        w.g.clock.advance(kind.every_s)
        await sweeper.once()
        assert w.a.reads == reads, "3 objects, 1 % a day: one read in 33 days"
        w.g.clock.advance(70 * DAY_S)
        await sweeper.once()
        assert w.a.reads == reads + 2


async def test_readback_goes_round(store_url: str) -> None:
    """Every object has its turn: the sample goes on where the last one ended."""
    async with swept(store_url) as w:
        made = await w.linked(3)
        seen: list[str] = []
        original = w.a.read

        async def read(ref: Ref, *, items: bool = False) -> Snapshot:
            seen.append(ref.id)
            return await original(ref, items=items)

        w.a.read = read
        sweeper = w.sweeper("readback", w.a)
        for _ in range(6):
            w.g.clock.advance(34 * DAY_S)
            await sweeper.once()
        assert seen[:3] == sorted(made) and seen[3:6] == sorted(made)


async def test_readback_carries_over_no_comment_from_before_the_record(store_url: str) -> None:
    async with swept(store_url) as w:
        ai = w.a.create(**START)
        w.a.comment(ai, "long ago")
        await w.lost()
        w.g.clock.advance(30 * DAY_S)
        w.a.edit(ai, x="1")
        await w.g.settle()
        (made,) = w.b.things.values()
        assert (await w.sweep("readback", w.a)).get("comments", 0) == 0
        assert made.items == []


async def test_readback_leaves_deletions_to_the_guarded_sweep(store_url: str) -> None:
    async with swept(store_url, on_delete="close") as w:
        first = (await w.linked(2))[0]
        at = other(w, first)
        w.a.delete(first)
        await w.lost()
        assert (await w.sweep("readback", w.a))["absent"] == 1
        assert w.b.things[at].raw["active"] is True
        assert await w.sweeper("ids", w.a).once() == ["ids"], "it was asked to look at once"
        await w.take_in()
        assert w.b.things[at].raw["active"] is False


async def test_readback_of_a_record_that_moves_proves_nothing(store_url: str) -> None:
    async with swept(store_url, b=STAMP) as w:
        (first,) = await w.linked(1)
        original = w.a.read

        async def read(ref: Ref, *, items: bool = False) -> Snapshot:
            shown = await original(ref, items=items)
            w.a.read = original
            w.a.edit(first, x="newer")
            await w.g.settle()
            return shown

        w.a.read = read
        assert (await w.sweep("readback", w.a)).get("differing", 0) == 0
        assert {each.raw["x"] for each in (*w.a.things.values(), *w.b.things.values())} == {"newer"}


async def test_ghosts_and_windows_end(store_url: str) -> None:
    async with swept(store_url) as w:
        (first,) = await w.linked(1)
        bi = next(iter(w.b.things))

        def lost(write: Write) -> str:
            w.b.answer = meddle
            return "late"

        def meddle(write: Write) -> None:
            w.b.answer = lambda write: None
            w.b.edit(bi, y="typed in the moment of our write")
            w.b.take()

        w.b.answer = lost
        w.a.edit(first, x="1")
        await w.g.settle()
        held = await w.g.member("b")
        assert held.ghosts and held.windows
        assert await w.sweep("expiry", w.b) == {"ghosts": 0, "windows": 0, "answered": 0, "spans": 0}
        w.g.clock.advance(8 * DAY_S)
        found = await w.sweep("expiry", w.b)
        assert (found["ghosts"], found["windows"]) == (len(held.ghosts), 1)
        held = await w.g.member("b")
        assert not held.ghosts and not held.windows
        assert [case.cause for case in await w.g.cases()] == ["window.unread"], "a person still has to ask"


async def test_an_unknown_outcome_keeps_its_memories(store_url: str) -> None:
    async with swept(store_url) as w:
        (first,) = await w.linked(1)

        def lost(write: Write) -> str:
            raise OutcomeUnknown("no answer")

        w.b.answer = lost
        w.a.edit(first, x="1")
        await w.g.bring(w.a.take())
        await w.g.drain()
        assert str((await w.g.lane("b")).state) == "unknown"
        sweeper = w.sweeper("expiry", w.b)
        await ask(w.g.database, "", ["expiry"], {}, now=w.g.clock.now())
        await sweeper.once()
        assert str((await w.g.lane("b")).state) == "unknown"
