"""SYNC.md section 4, scenarios 21 to 23b: manual conflicts, parked lanes, creates on both sides."""

from __future__ import annotations

import pytest

from connectors.contract.errors import Refused
from connectors.contract.values import Receipt, Write
from gateway.sync.operator import discard, retry
from tests.scenarios.world_of_two import START, two
from tests.support.world import System


async def test_manual_conflict_untouched(store_url: str) -> None:
    async with two(store_url) as w:
        w.edit_a(y="1")
        w.edit_b(y="2")
        await w.g.settle()
        (case,) = await w.g.cases()
        assert (str(case.cls), case.field) == ("conflict", "y")
        w.edit_a(x="9")
        await w.g.settle()
        assert w.shown(w.b)["x"] == "9", "other fields go on"
        assert {w.shown(w.a)["y"], w.shown(w.b)["y"]} == {"1", "2"}, "nobody's value is written over"
        parked = w.b if case.connection == "b" else w.a
        (w.edit_b if parked is w.b else w.edit_a)(y="3")
        await w.g.settle()
        (again,) = await w.g.cases()
        assert again.number == case.number and again.count == case.count + 1
        assert not [v for _, v in w.a.writes + w.b.writes if "y" in v]


@pytest.mark.parametrize("answer", ["retry", "discard"])
async def test_parked_rebase(store_url: str, answer: str | None) -> None:
    async with two(store_url) as w:

        def refuse(write: Write) -> None:
            raise Refused("the field is locked", status=400)

        w.b.answer = refuse
        w.edit_a(x="1")
        await w.g.settle()
        (case,) = await w.g.cases()
        assert str(case.cls) == "refused"
        w.edit_a(x="2")
        await w.g.settle()
        assert len(w.b.tries) == 1, "a parked lane sends nothing"
        w.b.answer = lambda write: None
        record = (await w.g.record()).id
        rule = retry if answer == "retry" else discard
        await w.g.decider.decide(record, lambda unit: rule(unit, "b", case.key, actor="nadia"))
        await w.g.settle()
        assert await w.g.cases() == []
        if answer == "retry":
            assert [v for _, v in w.b.writes][-1] == {"x": "2"}, "rebased on the present state"
            assert w.agree()
        else:
            assert w.b.writes == [], "discarded is not sent"
            w.edit_a(x="3")
            await w.g.settle()
            assert [v for _, v in w.b.writes] == [{"x": "3"}], "until the field changes again"


@pytest.mark.parametrize("answer", [None, "lost"])
async def test_create_echo_before_outcome(store_url: str, answer: str | None) -> None:
    async with two(store_url, linked=False) as w:
        original = w.b.apply

        async def apply(write: Write) -> Receipt:
            try:
                return await original(write)
            finally:
                await w.g.bring(w.b.take())

        w.b.apply = apply
        w.b.answer = lambda write: answer
        w.a.create(**START)
        await w.g.settle()
        assert len(w.b.things) == 1 and len(w.a.things) == 1
        assert len(await w.g.records()) == 1
        assert await w.g.cases() == []


async def test_a_refused_create_goes_by_the_name_of_what_it_is_for(store_url: str) -> None:
    async with two(store_url, linked=False) as w:

        def refuse(write: Write) -> None:
            raise Refused("the project is archived", status=400)

        w.b.answer = refuse
        w.a.create(**START)
        await w.g.settle()
        (case,) = await w.g.cases()
        assert (case.connection, case.object_id, case.object_key) == ("b", "", "a0")


@pytest.mark.parametrize("order", ["ab", "ba"])
async def test_concurrent_create_two_systems(store_url: str, order: str) -> None:
    async with two(store_url, linked=False, natural="x") as w:
        systems: dict[str, System] = {"a": w.a, "b": w.b}
        w.a.create(**{**START, "x": "same", "y": "from a"})
        w.b.create(**{**START, "x": "same", "y": "from a"})
        for name in order:
            await w.bring(systems[name])
        await w.g.settle()
        assert len(await w.g.records()) == 1
        assert len(w.a.things) == 1 and len(w.b.things) == 1
