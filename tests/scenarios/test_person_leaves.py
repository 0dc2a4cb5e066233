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
from gateway.offboarding.values import Event, Leaver, Person
from gateway.sync.departed import lift
from gateway.sync.state import RecordState
from gateway.work.trail import note
from tests.scenarios.world_of_two import Two, two


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


async def begun(w: Two, event: Event = Event.LEAVER) -> tuple[Departing, Leaver]:
    """Somebody whose time has come; the record has no tombstone yet."""
    record, clock = (await w.g.record()).id, w.g.clock
    found = Leavers()
    async with w.g.database.begin() as tx:
        person = Person(name="Ann", email="a@x.org", records=(record,))
        told = Told(event=event, person=person, ends_at=clock.now(), source="hr", by="hr")
        await Desk(Teller(note, tx, clock.now()), found, ("a", "b")).tell(told)
    departing = Departing(w.g.decider, found)
    assert await Beginning(w.g.database, clock, found, note, departing).once() == 1
    async with w.g.database.read() as tx:
        leaver = await store.get(tx, 1)
    assert leaver is not None
    return departing, leaver


@pytest.mark.parametrize("event", [Event.LEAVER, Event.ABSENCE])
async def test_the_begin_closes_what_is_linked_for_good(store_url: str, event: Event) -> None:
    async with two(store_url) as w:
        departing, leaver = await begun(w, event)
        if event is Event.LEAVER:
            await departing.leave(leaver)
            await departing.leave(leaver)
        await w.g.settle()
        left = (await w.g.record()).tombstoned_at is not None
        assert left is (event is Event.LEAVER) and w.shown(w.b)["active"] is not left


async def test_a_worker_that_is_late_ends_nobody_who_was_hired_again(store_url: str) -> None:
    async with two(store_url) as w:
        departing, leaver = await begun(w)
        async with w.g.database.begin() as tx:
            assert await lift(tx, leaver.person, by="eve", reason="signed anew", now=w.g.clock.now()) is not None
        await departing.leave(leaver)
        await w.g.settle()
        assert (await w.g.record()).tombstoned_at is None and w.shown(w.b)["active"] is True
