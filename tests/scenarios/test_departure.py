"""SYNC.md section 4, scenario 24: a tombstone stays, whatever comes late."""

from __future__ import annotations

import pytest

from connectors.contract.errors import Refused
from connectors.contract.values import Receipt, Write
from gateway.sync.kept import TIMES
from tests.scenarios.test_not_kept import drops, retry
from tests.scenarios.world_of_two import COUNTER, COUNTER_HISTORY, STAMP_HISTORY, START, two


async def test_tombstone_vs_replay(store_url: str) -> None:
    async with two(store_url) as w:
        old = w.b.poll(w.bi)
        w.edit_a(active=False)
        await w.g.settle()
        assert w.shown(w.b)["active"] is False
        (arrival,) = await w.g.bring([old])
        w.edit_b(x="revived?")
        await w.g.settle()
        assert arrival.disposition == "tombstoned"
        assert w.shown(w.a)["active"] is False and w.shown(w.b)["active"] is False
        assert len(w.a.things) == len(w.b.things) == 1
        w.edit_b(active=True)  # somebody lets the leaver in again by hand
        await w.g.settle()
        assert w.shown(w.b)["active"] is False


async def test_tombstone_vs_parked_lane(store_url: str) -> None:
    async with two(store_url) as w:

        def refuse(write: Write) -> None:
            if "active" not in write.values:
                raise Refused("no", status=400)

        w.b.answer = refuse
        w.edit_a(x="1")
        await w.g.settle()
        assert str((await w.g.lane("b")).state) == "parked"
        w.edit_a(active=False)
        await w.g.settle()
        assert w.shown(w.b)["active"] is False
        assert await w.g.cases() == []


async def test_refused_close_parks_and_alarms(store_url: str) -> None:
    async with two(store_url) as w:

        def refuse(write: Write) -> None:
            raise Refused("no", status=403)

        w.b.answer = refuse
        w.edit_a(active=False)
        await w.g.settle()
        assert [str(c.cls) for c in await w.g.cases()] == ["refused"]
        assert str((await w.g.lane("b")).state) == "parked"


async def test_tombstone_vs_create_in_flight(store_url: str) -> None:
    async with two(store_url, linked=False) as w:
        ai = w.a.create(**START)
        original = w.b.apply

        async def apply(write: Write) -> Receipt:
            receipt = await original(write)
            if len(w.b.writes) == 1:
                w.a.edit(ai, active=False)
                await w.g.bring(w.a.take())
            return receipt

        w.b.apply = apply
        await w.g.settle()
        assert len(w.b.things) == 1
        assert all(thing.raw["active"] is False for thing in w.b.things.values())


async def test_deleted_object_closes_its_partner(store_url: str) -> None:
    async with two(store_url) as w:
        w.a.delete(w.ai)
        await w.g.settle()
        assert w.shown(w.b)["active"] is False
        assert len(w.a.things) == 1, "nothing is created anew"


async def test_deletion_as_a_case(store_url: str) -> None:
    async with two(store_url, on_delete="case") as w:
        w.a.delete(w.ai)
        await w.g.settle()
        assert [str(c.cls) for c in await w.g.cases()] == ["deleted"]
        assert w.shown(w.b)["active"] is True
        w.edit_b(x="1")
        await w.g.settle()
        assert len(w.a.things) == 1 and w.a.writes == []


@pytest.mark.parametrize("shown", [False, True], ids=["read back", "answered"])
@pytest.mark.parametrize("kind", [COUNTER, COUNTER_HISTORY, STAMP_HISTORY], ids=["counter", "counted", "stamp"])
async def test_a_close_that_is_not_kept_is_not_sent_for_ever(
    store_url: str, kind: dict[str, object], shown: bool
) -> None:
    """The system says that it has switched the account off, and leaves it on: people have to know."""
    async with two(store_url, b=kind) as w:
        end = drops(w.b, "active", shown_in_answer=shown)
        w.edit_a(active=False)
        for turn in range(10):
            await w.g.settle()
            w.edit_b(x=f"x{turn}")
        await w.g.settle()
        (case,) = await w.g.cases()
        assert (case.cause, case.connection) == ("close.refused", "b")
        assert case.evidence["closing"] == ["active"]
        assert len(w.b.writes) == TIMES
        end()
        await retry(w, case)
        await w.g.settle()
        assert w.shown(w.b)["active"] is False
        assert await w.g.cases() == []


@pytest.mark.parametrize("kind", [COUNTER, COUNTER_HISTORY, STAMP_HISTORY], ids=["counter", "counted", "stamp"])
async def test_people_may_let_somebody_in_again_as_often_as_they_like(store_url: str, kind: dict[str, object]) -> None:
    async with two(store_url, b=kind) as w:
        w.edit_a(active=False)
        await w.g.settle()
        for _ in range(3 * TIMES):
            w.edit_b(active=True)
            await w.g.settle()
            assert w.shown(w.b)["active"] is False
        assert await w.g.cases() == []


async def test_what_was_not_kept_before_does_not_speak_against_closing(store_url: str) -> None:
    """Its writes of this field were dropped while it was an ordinary one; closing begins anew."""
    async with two(store_url, b=COUNTER_HISTORY, mappings={"b": "signed"}) as w:
        end = drops(w.b, "y", shown_in_answer=True)
        for turn in range(TIMES):
            w.edit_a(y=f"y{turn}")
            await w.g.settle()
        assert [case.cause for case in await w.g.cases()] == ["field.not_kept"]
        end()
        w.edit_a(active=False)
        await w.g.settle()
        assert w.shown(w.b)["y"] == "left"
        assert await w.g.cases() == []
