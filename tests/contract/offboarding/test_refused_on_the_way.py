"""The guard stops people in one system after they began in another; what two people refuse there, two may allow."""

from __future__ import annotations

import pytest

from connectors.contract.access import GrantKind
from gateway.config.budget import Window
from gateway.config.leaver_guard import Guard
from gateway.config.leavers import Leavers
from gateway.offboarding.blast import floods
from gateway.offboarding.blast.floods import Decider, Decision, Flood, GuardRefused
from gateway.offboarding.values import LeaverState, Person
from gateway.work.trail import note
from tests.support.leaving import ANN, DAY, House

BEN = Person(name="Ben", email="ben@example.com", user_name="ben")
ZOE, HUGO = (Decider(name=name, human=f"user:{name}") for name in ("zoe", "hugo"))


async def say(home: House, by: Decider, what: str, *numbers: int) -> Decision:
    async with home.database.begin() as tx:
        return await floods.decide(tx, 1, what, numbers, by=by, reason="looked", now=home.clock.now(), note=note)


async def flood(home: House) -> Flood:
    async with home.database.read() as tx:
        return await floods.flood(tx, 1)


async def half_refused(home: House) -> None:
    """Ben's departure has begun; in the wiki it was stopped, and two people refused it there."""
    home.rules = Leavers(guard=Guard(systems={"wiki": (Window(DAY, 1),)}))
    for person in (ANN, BEN):
        for system in home.systems.values():
            system.give(person.user_name, (GrantKind.GROUP, "staff"), email=person.email)
        await home.tell(person)
        await home.run()
    assert len(home.systems["wiki"].has("ben")) == 2
    await say(home, ZOE, "refuse")
    await say(home, HUGO, "refuse")
    await home.run(60)


async def test_a_departure_that_goes_on_elsewhere_says_who_keeps_it_and_what_may_be_done(home: House) -> None:
    await half_refused(home)
    assert (await home.leaver(2)).state is LeaverState.OPEN and home.systems["wiki"].has("ben")
    told = (await home.places(2))["wiki"].waits
    assert told == "FL-1: two people refused it, and may still allow it: looked"
    assert [(each.number, each.again) for each in (await flood(home)).people] == [(2, True)]


async def test_two_people_let_it_through_after_all(home: House) -> None:
    await half_refused(home)
    over = (await flood(home)).over_at
    asked = await say(home, ZOE, "allow", 2)
    assert (asked.done, asked.left) == (False, 0)
    with pytest.raises(GuardRefused, match="another person"):
        await say(home, ZOE, "allow")
    done = await say(home, HUGO, "allow")
    assert (done.done, done.numbers, done.left) == (True, (2,), 0)
    await home.run(600)
    assert home.systems["wiki"].has("ben") == [] and (await home.leaver(2)).state is LeaverState.DONE
    assert (await flood(home)).over_at == over


async def test_they_have_to_be_named(home: House) -> None:
    await half_refused(home)
    with pytest.raises(GuardRefused, match="nobody waits"):
        await say(home, ZOE, "allow")
    with pytest.raises(GuardRefused, match="nobody waits"):
        await say(home, ZOE, "refuse", 2)
    with pytest.raises(GuardRefused, match="LV-1 does not wait"):
        await say(home, ZOE, "allow", 1)


async def test_what_never_began_stays_refused(home: House) -> None:
    home.rules = Leavers(guard=Guard(across=(Window(DAY, 1),)))
    await home.tell(ANN)
    await home.tell(BEN)
    await home.run()
    await say(home, ZOE, "refuse")
    await say(home, HUGO, "refuse")
    await home.run(60)
    assert (await home.leaver(2)).state is LeaverState.CANCELLED
    with pytest.raises(GuardRefused, match="nobody waits"):
        await say(home, ZOE, "allow", 2)
