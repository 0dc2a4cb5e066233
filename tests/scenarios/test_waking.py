"""What keeps one record from being looked at keeps no other, and what can be said no more is not asked for for ever."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract.errors import StorageError
from gateway.delivery.apart import RESTS_S
from gateway.delivery.released import Released
from gateway.sync import tables as t
from gateway.sync.departure import leave
from gateway.sync.flow import Flow
from gateway.sync.stage import Stage
from tests.support.referring import PAPERS, THING, Seas, seas


@pytest.fixture
def url(tmp_path: Path) -> str:
    """What is woken does not depend on the kind of database."""
    return f"sqlite+aiosqlite:///{tmp_path}/store.db"


def spoil(w: Seas, record: str, error: Exception) -> list[str]:
    """Whatever is decided about this record by the clock fails. Returns whose turn it was, as it comes."""
    decide, asked = w.waker.decider.decide, []

    async def failing(each: str, rule: Any, **more: Any) -> Any:
        asked.append(each)
        if each == record:
            raise error
        return await decide(each, rule, **more)

    w.waker.decider.decide = failing  # type: ignore[assignment]
    return asked


async def test_a_record_that_cannot_be_looked_at_rests_and_the_others_are(url: str) -> None:
    async with seas(url) as w:
        for number in range(3):
            w.ship(f"b{number + 7}", "arrived", "doing", 10)
        await w.settle()
        first, *others = sorted(record.id for record in await w.g.records())
        asked = spoil(w, first, ValueError("a defect"))
        w.g.clock.advance(5)
        assert await w.waker.once() == 3
        assert sorted(asked) == [first, *others]
        assert w.waker.apart.failed == {"ValueError": 1}
        asked.clear()
        assert await w.waker.once() == 0, "it is not tried again at once"
        w.g.clock.advance(RESTS_S[0] + 1)
        await w.waker.once()
        assert first in asked and w.waker.apart.failed == {"ValueError": 2}
        del w.waker.decider.decide
        for rest in (*RESTS_S, RESTS_S[-1]):
            w.g.clock.advance(rest + 1)
            await w.waker.once()
        async with w.g.database.read() as tx:
            due = (await tx.execute(select(t.reference.c.due))).scalars().all()
        assert due == [None] * 3, "and works once it can"


async def test_a_record_that_cannot_be_let_go_keeps_no_other_back(url: str) -> None:
    async with seas(url) as w:
        await w.g.move(Stage.SHADOW, "things")
        for _ in range(2):
            w.b.create(**THING)
            w.b.edit(w.b.create(**THING), x="more")
        w.ship("b0, b1", "arrived", "doing", 10)
        await w.settle()
        released = Released(w.g.database, w.g.decider)
        async with w.g.database.begin() as tx:
            row = {
                "serial": 99,
                "flow": "things",
                "stage": "live",
                "at": 0.0,
                "actor": "ann",
                "human": "",
                "reason": "",
            }
            await tx.execute(t.flow_stage.insert().values(**row))
        async with w.g.database.read() as tx:
            query = select(t.lane.c.record).where(t.WITHHELD).order_by(t.lane.c.record)
            first, *others = (await tx.execute(query)).scalars().all()
        assert others
        spoil(w, first, ValueError("a defect"))
        assert await released.once() == len(others) + 1
        async with w.g.database.read() as tx:
            assert (await tx.execute(query)).scalars().all() == [first]
        assert await released.once() == 0


async def test_a_database_that_is_away_is_no_fault_of_a_record(url: str) -> None:
    async with seas(url) as w:
        w.ship("b7", "arrived", "doing", 10)
        await w.settle()
        (record,) = [record.id for record in await w.g.records()]
        spoil(w, record, StorageError("away"))
        w.g.clock.advance(5)
        with pytest.raises(StorageError):
            await w.waker.once()
        del w.waker.decider.decide
        assert await w.waker.once() == 1, "it did not rest"
        assert w.waker.apart.failed == {}


async def test_who_has_left_looks_nothing_up_any_more(url: str) -> None:
    async with seas(url) as w:
        w.ship("b7", "arrived", "doing", 10)
        await w.settle()
        (record,) = [record.id for record in await w.g.records()]
        await w.g.decider.decide(record, lambda unit: leave(unit, "a", "it is over"))
        w.g.clock.advance(5)
        await w.waker.once()
        assert await w.waker.once() == 0
        for _ in range(8):
            w.b.create(**THING)
        await w.g.settle()
        assert await w.waker.once() == 1, "its name was taken"
        assert await w.waker.once() == 0


async def test_a_flow_that_refers_no_longer_is_not_asked(url: str) -> None:
    async with seas(url, PAPERS) as w:
        w.ship("b7", "arrived", "doing", 10)
        await w.settle()
        w.g.decider.topology.flows["ships"] = without(w)
        w.g.clock.advance(5)
        await w.waker.once()
        assert await w.waker.once() == 0


def without(w: Seas) -> Flow:
    """The flow of ships as it is after somebody took what refers out of it."""
    return replace(w.g.decider.topology.flows["ships"], refers=())


async def test_what_was_said_before_is_heard_also_where_nobody_refers_any_more(url: str) -> None:
    async with seas(url, PAPERS) as w:
        thing = w.b.create(**THING)
        await w.settle()
        w.ship("b0", "arrived", "doing", 10)
        await w.g.settle()
        w.g.decider.topology.flows["ships"] = without(w)
        w.g.decider.topology.flows["loads"] = without(w)
        await w.waker.once()
        await w.g.settle()
        assert w.status(thing) == "doing"
        assert await w.waker.once() == 0
