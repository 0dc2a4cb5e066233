"""A field that means something only in some states (`when`): its being empty before is nobody's value, and its being
emptied by who leaves such a state is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from connectors.contract.values import Receipt, VersionKind, Write
from gateway.sync.flow import Merge, Policy
from tests.scenarios.world_of_two import START, Two
from tests.support.gateway import bench
from tests.support.world import FakeClock, System

MAPPINGS = {"a": "ended", "b": "ended", "c": "narrow"}
LATEST = Policy(Merge.LATEST, ("a", "b", "c"))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """What competes does not depend on the kind of database."""
    return f"sqlite+aiosqlite:///{tmp_path}/store.db"


@asynccontextmanager
async def three(url: str, unread: str = "a") -> AsyncIterator[Two]:
    """`c` knows no `y` and has made a thing; `a` and `b` have it, and `b` sets `y` by itself when it is done. One of
    them shows what it made in its answer, so it is read for the first time later. All within the blur of the clocks:
    where both said something, `a` goes before `b`.
    """
    clock = FakeClock()
    a, b, c = (System(name, clock, kind=VersionKind.COUNTER) for name in "abc")
    shown = {"a": a, "b": b}[unread]
    original = shown.apply

    async def shows(write: Write) -> Receipt:
        receipt = await original(write)
        return msgspec.structs.replace(receipt, snapshot=shown._snapshot(shown.things[receipt.ref.id]))

    def ends(write: Write) -> None:
        if write.values.get("status") == "done" and write.ref is not None and not b.things[write.ref.id].raw.get("y"):
            b.edit_as("workflow", write.ref.id, y="fixed")

    shown.apply, b.after_commit = shows, ends
    async with bench(url, [a, b, c], clock, MAPPINGS, policies={"y": LATEST}, skew_s=5.0) as gateway:
        c.create(**{name: value for name, value in START.items() if name != "y"})
        await gateway.bring(c.take())
        await gateway.drain()
        yield Two(gateway, a, b, next(iter(a.things)), next(iter(b.things)))


@pytest.mark.parametrize("first", ["a", "b"])
async def test_what_was_empty_before_it_could_be_filled_does_not_compete(url: str, first: str) -> None:
    async with three(url) as w:
        c = w.g.systems["c"]
        c.edit(next(iter(c.things)), status="done")
        await w.g.bring(c.take())
        if first == "b":
            await w.g.run("b")
            await w.g.bring(w.b.take())
        await w.g.settle()
        assert [w.shown(each).get("y") for each in (w.a, w.b)] == ["fixed", "fixed"]
        assert all(values.get("y") == "fixed" for _, values in [*w.a.writes, *w.b.writes] if "y" in values)
        assert await w.g.ledger() == [] and await w.g.cases() == []


async def test_what_a_person_fills_in_first_is_not_overwritten_by_it(url: str) -> None:
    async with three(url, unread="b") as w:
        w.b.edit(w.bi, status="done", y="found out")
        w.g.systems["c"].edit(next(iter(w.g.systems["c"].things)), status="done")
        await w.g.settle()
        assert [w.shown(each).get("y") for each in (w.a, w.b)] == ["found out", "found out"]
        assert await w.g.lost("y") == [] and await w.g.cases() == []


@pytest.mark.parametrize("who", ["a", "b"])
@pytest.mark.parametrize("how", ["cleared", "taken back"])
async def test_what_a_person_empties_is_emptied_everywhere(url: str, who: str, how: str) -> None:
    async with three(url) as w:
        c = w.g.systems["c"]
        c.edit(next(iter(c.things)), status="done")
        await w.g.settle()
        w.g.clock.advance(60)
        edit = w.edit_a if who == "a" else w.edit_b
        edit(**({"y": ""} if how == "cleared" else {"status": "doing"}))
        await w.g.settle()
        assert await w.g.canonical("y") is None
        statuses = {each.things[next(iter(each.things))].raw["status"] for each in w.g.systems.values()}
        assert statuses == {"done" if how == "cleared" else "doing"}
        if how == "cleared":
            assert not w.shown(w.a).get("y") and not w.shown(w.b).get("y")
        assert await w.g.cases() == []


async def test_what_a_person_takes_back_competes_with_what_was_said_meanwhile(url: str) -> None:
    async with three(url) as w:
        c = w.g.systems["c"]
        c.edit(next(iter(c.things)), status="done")
        await w.g.settle()
        w.edit_b(y="otherwise")
        w.edit_a(status="doing")
        await w.bring(w.b, w.a)
        assert await w.g.canonical("y") is None
        assert await w.g.lost("y") == ["otherwise"], "what b said stands in the ledger"
