"""P3: a target sees the changes of a record in the order in which they were decided; a stuck one holds only itself."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.errors import Refused, Retryable
from tests.promises.gated import work
from tests.scenarios.world_of_two import COUNTER, COUNTER_HISTORY, STAMP_HISTORY, START, two
from tests.support.broken import rejects

KINDS = {"counter": COUNTER, "counter with history": COUNTER_HISTORY, "stamp with history": STAMP_HISTORY}


async def every_change_in_turn(url: str, kind: Any = COUNTER) -> None:
    """Three edits while the target is away arrive as three writes, in order."""
    async with two(url, b=kind) as w:

        def away(write: Any) -> None:
            raise Retryable("down", status=503, down=True)

        w.b.answer = away
        for value in ("1", "2", "3"):
            w.edit_a(x=value)
            await w.bring(w.a)
            await work(w.g)
        assert w.b.writes == []
        w.b.answer = lambda write: None
        w.g.clock.advance(60)
        await w.g.settle()
        assert [values["x"] for _, values in w.b.writes] == ["1", "2", "3"]
        assert await w.g.cases() == []


async def edits_of_several_fields(url: str) -> None:
    """The order of decisions is kept across fields where the target shows one after the other."""
    async with two(url) as w:
        w.b.answer = lambda write: (_ for _ in ()).throw(Retryable("down", status=503, down=True))
        for number in range(4):
            w.edit_a(**{"xy"[number % 2]: str(number)})
            await w.bring(w.a)
        await work(w.g)
        w.b.answer = lambda write: None
        w.g.clock.advance(60)
        await w.g.settle()
        for name, values in (("x", ["0", "2"]), ("y", ["1", "3"])):
            seen = [sent[name] for _, sent in w.b.writes if name in sent]
            assert seen == [value for value in values if value != START[name]]


async def a_stuck_record_holds_only_itself(url: str) -> None:
    """One record that is refused for ever does not keep the others from their target."""
    async with two(url, linked=False) as w:
        ids = [w.a.create(**{**START, "x": f"first {number}"}) for number in range(6)]
        await w.g.settle()
        partner = {thing.raw["x"]: thing.id for thing in w.b.things.values()}
        stuck = partner["first 0"]

        def answer(write: Any) -> None:
            if write.ref is not None and write.ref.id == stuck:
                raise Refused("the record is locked", status=400)

        w.b.answer = answer
        for turn in range(3):
            for thing in ids:
                w.a.edit(thing, x=f"{turn} of {thing}")
            await w.bring(w.a)
            for _ in range(10):
                await work(w.g)
        for thing in ids[1:]:
            shown = w.b.things[partner[f"first {ids.index(thing)}"]].raw["x"]
            assert shown == f"2 of {thing}", "held by a stranger's trouble"
        assert [case.object_id for case in await w.g.cases()] == [stuck]


CHECKS = {"TURNS": every_change_in_turn, "OWN LANE": a_stuck_record_holds_only_itself}


@pytest.mark.parametrize("check", [edits_of_several_fields, *CHECKS.values()])
async def test_holds(check: Any, store_url: str) -> None:
    await check(store_url)


@pytest.mark.parametrize("kind", KINDS)
async def test_holds_for_every_kind_of_version(kind: str, embedded_url: str) -> None:
    await every_change_in_turn(embedded_url, KINDS[kind])


@pytest.mark.parametrize("mechanism", CHECKS)
async def test_is_broken_without(mechanism: str, embedded_url: str) -> None:
    await rejects(CHECKS[mechanism], mechanism, embedded_url)
