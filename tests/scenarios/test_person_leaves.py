"""A record that leaves opens a departure in the very decision, and its begin gives every record of the person its
tombstone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config.leavers import Leavers, LeaverSource
from gateway.offboarding import store
from gateway.offboarding import tables as t
from gateway.offboarding.beginning import Beginning
from gateway.offboarding.gone import Departing
from gateway.offboarding.opening import Desk, Told
from gateway.offboarding.telling import Teller
from gateway.offboarding.trigger import Trigger
from gateway.offboarding.values import Event, Person
from gateway.sync.state import RecordState
from gateway.work.trail import note
from tests.scenarios.world_of_two import two


def rules(flow: str) -> Leavers:
    return Leavers(sources={flow: LeaverSource(flow, None, None, (), {"name": "x"})})


async def rows(w: Any) -> list[Any]:
    async with w.g.database.read() as tx:
        return list((await tx.execute(select(t.leaver))).mappings())


async def test_it_opens_in_the_decision(store_url: str) -> None:
    async with two(store_url) as w:
        w.g.decider.onlooker = Trigger(rules(w.g.flow.name), ("a", "b"), note)
        w.edit_a(x="Ann")
        await w.g.settle()
        assert await rows(w) == []
        w.edit_a(active=False)
        await w.g.settle()
        (row,) = await rows(w)
        assert row["person"] == (await w.g.record()).id and row["state"] == "planned"


class Unlucky:
    """Another worker was faster, once."""

    def __init__(self, trigger: Trigger) -> None:
        self.trigger, self.left = trigger, 1

    async def decided(self, tx: AsyncConnection, states: Sequence[RecordState], now: float) -> None:
        await self.trigger.decided(tx, states, now)
        if self.left:
            self.left -= 1
            raise IntegrityError("taken", {}, Exception())


async def test_a_decision_that_is_made_again_tells_once(store_url: str) -> None:
    async with two(store_url) as w:
        w.g.decider.onlooker = Unlucky(Trigger(rules(w.g.flow.name), ("a", "b"), note))
        w.edit_a(active=False)
        await w.g.settle()
        assert len(await rows(w)) == 1


@pytest.mark.parametrize("event", [Event.LEAVER, Event.ABSENCE])
async def test_the_begin_closes_what_is_linked_for_good(store_url: str, event: Event) -> None:
    async with two(store_url) as w:
        record, clock = (await w.g.record()).id, w.g.clock
        found = Leavers()
        async with w.g.database.begin() as tx:
            told = Told(
                event=event,
                person=Person(name="Ann", email="a@x.org", records=(record,)),
                ends_at=clock.now(),
                source="hr",
                by="hr",
            )
            await Desk(Teller(note, tx, clock.now()), found, ("a", "b")).tell(told)
        beginning = Beginning(w.g.database, clock, found, note, Departing(w.g.decider, found))
        assert await beginning.once() == 1
        leaver = Departing(w.g.decider, found)
        async with w.g.database.read() as tx:
            begun = await store.get(tx, 1)
        assert begun is not None
        if event is Event.LEAVER:
            await leaver.leave(begun)
            await leaver.leave(begun)
        await w.g.settle()
        left = (await w.g.record()).tombstoned_at is not None
        assert left is (event is Event.LEAVER) and w.shown(w.b)["active"] is not left
