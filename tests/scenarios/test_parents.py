"""ADR 0193: a record that names another waits for it: parents before children, without an attempt, without a circle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.contract.errors import Refused
from connectors.contract.values import VersionKind, Write
from gateway.delivery.waker import Waker
from gateway.sync.operator import discard, retry
from tests.scenarios.world_of_two import STAMP, Two, first_answer, two
from tests.support.broken import rejects

PARTS = {"a": "part", "b": "part"}


@pytest.fixture
def url(tmp_path: Path) -> str:
    """For what does not depend on the kind of database."""
    return f"sqlite+aiosqlite:///{tmp_path}/store.db"


class Parts:
    """Things that have parents; what is in B is found by its text."""

    def __init__(self, w: Two) -> None:
        self.w, self.g, self.a, self.b = w, w.g, w.a, w.b
        self.waker = Waker(w.g.database, w.g.decider, w.g.clock, ["things"])

    def names(self) -> list[str]:
        return [thing.raw["x"] for thing in self.b.things.values()]

    def parent(self, name: str) -> str | None:
        """The text of its parent in B."""
        found = next(thing for thing in self.b.things.values() if thing.raw["x"] == name).raw.get("parent")
        return str(self.b.things[found].raw["x"]) if found else None

    async def looked(self, seconds: float = 2.0) -> None:
        """Time passes, and the clock looks."""
        self.g.clock.advance(seconds)
        await self.waker.once()
        await self.g.settle()


@asynccontextmanager
async def parts(url: str, **more: Any) -> AsyncIterator[Parts]:
    async with two(url, linked=False, mappings=PARTS, create_in=("b",), **more) as w:
        yield Parts(w)


async def test_parents_come_before_their_children_in_whatever_order_they_are_told_of(store_url: str) -> None:
    async with parts(store_url) as w:
        top = w.a.create(x="top")
        middle = w.a.create(x="middle", parent=top)
        w.a.create(x="low", parent=middle)
        for change in reversed(w.a.take()):
            await w.g.bring([change])
            await w.g.drain()
        for _ in range(4):
            await w.looked()
        assert w.names() == ["top", "middle", "low"]
        assert [w.parent(name) for name in ("middle", "low")] == ["top", "middle"]
        assert len(w.b.tries) == 3 and await w.g.cases() == [], "waiting took no attempt"
        reads = w.b.reads
        w.g.clock.advance(10_000)
        assert await w.waker.once() == 0 and w.b.reads == reads, "nothing waits any more"


async def test_a_child_whose_parent_is_there_does_not_wait(url: str) -> None:
    async with parts(url) as w:
        top = w.a.create(x="top")
        await w.g.settle()
        w.a.create(x="low", parent=top)
        await w.g.settle()
        assert w.parent("low") == "top"


@pytest.mark.parametrize("kind", [{"kind": VersionKind.COUNTER}, STAMP])
async def test_a_parent_is_changed_and_taken_away_on_either_side(url: str, kind: dict[str, Any]) -> None:
    async with parts(url, b=kind) as w:
        one, other = w.a.create(x="one"), w.a.create(x="other")
        await w.g.settle()
        low = w.a.create(x="low", parent=one)
        await w.g.settle()
        w.a.edit(low, parent=other)
        await w.g.settle()
        await w.looked()
        assert w.parent("low") == "other"
        first = next(key for key, thing in w.b.things.items() if thing.raw["x"] == "one")
        child = next(key for key, thing in w.b.things.items() if thing.raw["x"] == "low")
        w.b.edit(child, parent=first)
        await w.g.settle()
        await w.looked()
        assert w.a.things[low].raw["parent"] == one, "each system by its own ids"
        w.a.edit(low, parent=None)
        await w.g.settle()
        assert w.parent("low") is None
        assert await w.g.cases() == []


async def test_other_fields_do_not_wait_with_a_new_parent(url: str) -> None:
    async with parts(url) as w:
        low = w.a.create(x="low")
        await w.g.settle()
        w.a.edit(low, x="lower", parent="a99")
        await w.g.settle()
        tries, reads = len(w.b.tries), w.b.reads
        assert w.names() == ["lower"]
        w.a.edit(low, x="lowest")
        await w.g.settle()
        assert w.names() == ["lowest"] and len(w.b.tries) == tries + 1 and w.b.reads <= reads + 2


async def test_a_parent_that_does_not_come_is_a_case_and_still_welcome_later(url: str) -> None:
    async with parts(url) as w:

        def refuse(write: Write) -> None:
            if write.values.get("x") == "top":
                raise Refused("no", status=400)

        w.b.answer = refuse
        top = w.a.create(x="top")
        w.a.create(x="low", parent=top)
        await w.g.settle()
        for _ in range(60):
            await w.looked(100)
        missing, refused = sorted(await w.g.cases(), key=lambda case: case.cause)
        assert (refused.cause, missing.cause) == ("target.refused", "link.absent")
        assert (missing.field, missing.count, w.names()) == ("parent", 1, [])
        w.b.answer = lambda write: None
        await w.g.decider.decide(refused.record, lambda unit: retry(unit, "b", refused.key, actor="nadia"))
        await w.g.settle()
        await w.looked(4_000)
        assert w.parent("low") == "top" and await w.g.cases() == []


@pytest.mark.parametrize("answer", ["retry", "discard"])
async def test_two_that_name_each_other_wait_in_vain_and_hold_up_nobody(url: str, answer: str) -> None:
    async with parts(url) as w:
        w.a.create(x="one", parent="a1")
        w.a.create(x="other", parent="a0")
        w.a.create(x="bystander")
        await w.g.settle()
        assert w.names() == ["bystander"]
        for _ in range(5):
            await w.looked(1_000)
        one, other = await w.g.cases()
        assert {one.cause, other.cause} == {"link.absent"} and w.b.tries[1:] == []
        rule = retry if answer == "retry" else discard
        await w.g.decider.decide(one.record, lambda unit: rule(unit, "b", one.key, actor="nadia"))
        await w.g.settle()
        for _ in range(5):
            await w.looked(1_000)
        if answer == "retry":
            assert w.names() == ["bystander"] and {case.count for case in await w.g.cases()} == {1, 2}
        else:
            assert sorted(w.names()) == ["bystander", "one", "other"], "one goes without, so the other has its parent"
            assert {w.parent("one"), w.parent("other")} & {"one", "other"} and await w.g.cases() == []


async def test_a_thing_that_names_itself(url: str) -> None:
    async with parts(url) as w:
        w.a.create(x="self", parent="a0")
        await w.g.settle()
        for _ in range(5):
            await w.looked(1_000)
        assert [case.cause for case in await w.g.cases()] == ["link.absent"] and w.b.tries == []


@pytest.mark.parametrize("verdict", ["lost", "late"])
async def test_a_parent_whose_create_was_not_answered(url: str, verdict: str) -> None:
    async with parts(url) as w:
        w.b.answer = first_answer(verdict)
        top = w.a.create(x="top")
        w.a.create(x="low", parent=top)
        await w.g.settle()
        for _ in range(6):
            await w.looked(5)
        assert w.names() == ["top", "low"] and w.parent("low") == "top"


async def test_who_waits_is_found_again_after_a_restart(url: str) -> None:
    async with parts(url) as w:
        w.a.create(x="low", parent="a1")
        await w.g.settle()
    async with parts(url) as again:
        again.a.things.update(w.a.things)
        next(again.a._ids)
        again.g.clock.advance(1_000)
        again.a.create(x="top")
        await again.g.settle()
        await again.looked()
        assert again.names() == ["top", "low"] and again.parent("low") == "top"


@pytest.mark.parametrize(
    ("mechanism", "check"),
    [
        ("PARENTS FIRST", test_parents_come_before_their_children_in_whatever_order_they_are_told_of),
        ("OWN IDS", test_parents_come_before_their_children_in_whatever_order_they_are_told_of),
        ("IN TIME", test_a_thing_that_names_itself),
    ],
)
async def test_a_broken_part_is_noticed(url: str, mechanism: str, check: Callable[[str], Awaitable[None]]) -> None:
    await rejects(check, mechanism, url)
