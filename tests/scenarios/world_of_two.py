"""Two systems with one linked thing, the start of most scenarios."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from connectors.contract.values import Receipt, VersionKind, Write
from tests.support.gateway import Bench, bench
from tests.support.world import FakeClock, System

START = {"x": "0", "y": "0", "status": "new", "tags": ["p"], "active": True}


@dataclass
class Two:
    """`g` the gateway, `a` and `b` the systems, `ai` and `bi` the ids of the linked objects."""

    g: Bench
    a: System
    b: System
    ai: str = ""
    bi: str = ""

    def shown(self, system: System) -> dict[str, Any]:
        return system.things[self.ai if system is self.a else self.bi].raw

    def edit_a(self, **raw: Any) -> None:
        self.g.clock.advance(1)
        self.a.edit(self.ai, **raw)

    def edit_b(self, **raw: Any) -> None:
        self.g.clock.advance(1)
        self.b.edit(self.bi, **raw)

    async def bring(self, *systems: System) -> None:
        """The notices of these systems (default: of both) are processed; no lane is worked."""
        for system in systems or (self.a, self.b):
            await self.g.bring(system.take())

    def agree(self, *names: str) -> bool:
        """Both systems show the same in these fields (default: all)."""
        return all(self.shown(self.a).get(n) == self.shown(self.b).get(n) for n in names or START)


@asynccontextmanager
async def two(
    url: str,
    *,
    a: Mapping[str, Any] | None = None,
    b: Mapping[str, Any] | None = None,
    linked: bool = True,
    mappings: Mapping[str, str] | None = None,
    start: Mapping[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Two]:
    """Systems A and B with the given settings; with one linked, quiet thing unless `linked` is false."""
    clock = FakeClock()
    first, second = System("a", clock, **(a or {})), System("b", clock, **(b or {}))
    async with bench(url, [first, second], clock, mappings, **options) as gateway:
        world = Two(gateway, first, second)
        if linked:
            world.ai = first.create(**{**START, **(start or {})})
            await gateway.settle()
            world.bi = next(iter(second.things))
            first.writes.clear()
            second.writes.clear()
            first.tries.clear()
            second.tries.clear()
        yield world


COUNTER = {"kind": VersionKind.COUNTER}
COUNTER_HISTORY = {"kind": VersionKind.COUNTER, "has_history": True}
STAMP = {"kind": VersionKind.TIMESTAMP, "granularity_s": 0.001}
STAMP_HISTORY = {**STAMP, "has_history": True}


def once(action: Any) -> Any:
    """Does `action` before the first write only."""
    state = {"left": 1}

    def hook(write: Write) -> None:
        if state["left"]:
            state["left"] -= 1
            action()

    return hook


def first_answer(verdict: str) -> Any:
    """The first write gets this answer ("lost" or "late"), the others a plain one."""
    state = {"left": 1}

    def answer(write: Write) -> str | None:
        if state["left"]:
            state["left"] -= 1
            return verdict
        return None

    return answer


async def edit_that_is_taken_back(w: Two) -> None:
    """A's x becomes 17. B takes it back the moment it is written, and that notice comes before the write's answer."""
    original = w.b.apply

    async def apply(write: Write) -> Receipt:
        receipt = await original(write)
        if len(w.b.writes) == 1:
            w.edit_b(x="0")
            await w.g.bring(w.b.take())
        return receipt

    w.b.apply = apply
    w.edit_a(x="17")
    await w.g.settle()
