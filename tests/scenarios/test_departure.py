"""SYNC.md section 4, scenario 24: a tombstone stays, whatever comes late."""

from __future__ import annotations

from connectors.contract.errors import Refused
from connectors.contract.values import Receipt, Write
from tests.scenarios.world_of_two import START, two


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
