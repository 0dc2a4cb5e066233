"""Rule 18 for creates: where nothing can be looked for, an unknown one is sent again only while the target knows it by
its key, and otherwise never.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connectors.contract.errors import Retryable
from connectors.contract.values import ObjectSpec, Receipt, Ref, Write, WriteKind
from tests.scenarios.world_of_two import START, Two
from tests.support.gateway import bench
from tests.support.world import FakeClock, System, Thing

KEPT_S = 600.0


@dataclass
class Blind(System):
    """Objects carry nothing of ours. `key_s` > 0: a create that comes again with its key is answered as before."""

    key_s: float = 0.0
    made: dict[str, tuple[str, float]] = field(default_factory=dict)

    @property
    def specs(self) -> dict[str, ObjectSpec]:
        return {"thing": msgspec.structs.replace(super().specs["thing"], marker=False, key_s=self.key_s)}

    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        return []

    def _add(self, raw: dict[str, Any], correlation: str | None) -> Thing:
        return super()._add(raw, None)

    def _effect(self, write: Write) -> Receipt:
        known = self.made.get(write.correlation)
        if self.key_s and write.kind is WriteKind.CREATE and known and self.clock.now() - known[1] < self.key_s:
            return Receipt(ref=Ref(object="thing", id=known[0]), version=self.things[known[0]].version)
        receipt = super()._effect(write)
        if write.kind is WriteKind.CREATE:
            self.made[write.correlation] = (receipt.ref.id, self.clock.now())
        return receipt


async def created(url: str, *, key_s: float, answers: list[str | None], pause_s: float = 0.0) -> tuple[Two, int, Any]:
    """A thing of A is created in B, which answers so. The world, how often B was asked, and the open cases."""
    clock = FakeClock()
    a, b = System("a", clock), Blind("b", clock, key_s=key_s)
    left = list(answers)

    def answer(write: Write) -> str | None:
        return left.pop(0) if left and write.kind is WriteKind.CREATE else None

    b.answer = answer
    async with bench(url, [a, b], clock) as gateway:
        w = Two(gateway, a, b)
        w.ai = a.create(**START)
        await w.bring(a)
        await gateway.drain()
        clock.advance(pause_s)
        b.notices.clear()  # its own notice of the new object is lost, too: nothing else tells of it
        await gateway.settle()
        creates = [write for write in b.tries if write.kind is WriteKind.CREATE]
        return w, len(creates), await gateway.cases()


async def test_an_unknown_create_is_never_sent_again(store_url: str) -> None:
    w, sent, cases = await created(store_url, key_s=0.0, answers=["lost"])
    assert (sent, len(w.b.things)) == (1, 1)
    assert [str(case.cls) for case in cases] == ["unknown_outcome"]


async def test_by_its_key_it_is_sent_again_and_has_one_effect(store_url: str) -> None:
    w, sent, cases = await created(store_url, key_s=KEPT_S, answers=["lost", "lost"])
    assert (sent, len(w.b.things)) == (3, 1)
    assert cases == []


async def test_a_key_that_may_be_forgotten_is_not_relied_on(store_url: str) -> None:
    w, sent, cases = await created(store_url, key_s=KEPT_S, answers=["lost"], pause_s=KEPT_S)
    assert (sent, len(w.b.things)) == (1, 1)
    assert [str(case.cls) for case in cases] == ["unknown_outcome"]


async def test_a_create_that_certainly_had_no_effect_is_sent_again(store_url: str) -> None:
    clock = FakeClock()
    a, b = System("a", clock), Blind("b", clock)
    down = [True]

    def answer(write: Write) -> str | None:
        if down and down.pop():
            raise Retryable("not reached", down=True)
        return None

    b.answer = answer
    async with bench(store_url, [a, b], clock) as gateway:
        a.create(**START)
        await gateway.settle()
        assert len(b.things) == 1
        assert await gateway.cases() == []
