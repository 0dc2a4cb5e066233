"""People who leave, by the product's own parts over systems in memory: late, gone, asking, and to come."""

from __future__ import annotations

import time

from connectors.contract.access import GrantKind
from gateway.config.leaver_guard import Guard
from gateway.offboarding.blast.admitting import Ask, admit
from gateway.offboarding.values import Person
from gateway.work.trail import note
from tests.browser.stage import Stage
from tests.support.leaving import DAY, House, Memory
from tests.support.world import FakeClock

BY_HAND = """leavers:
  by_hand:
    badge: {owner: Facilities, instruction: "Take the badge back.", due: 1d}
"""
LONG_AGO = 3 * DAY


async def depart(stage: Stage) -> None:
    """Ends where the present is."""
    home = _home(stage)
    snow, jira = home.systems["snow"], home.systems["jira"]
    for id in ("ann", "cem", "eve"):
        mail = f"{id}@example.com"
        snow.give(f"s-{id}", (GrantKind.ROLE, "itil"), (GrantKind.GROUP, "Service Desk"), email=mail, name=id)
        jira.give(f"j-{id}", (GrantKind.GROUP, "jira-admins"), email=mail, name=id, admin="jira-admins")
    jira.give("j-ben", email="ben@example.com", name="ben")
    jira.give("j-ben2", email="ben@example.com", name="ben.old")
    jira.unseen = {GrantKind.TOKEN: "only the person sees them"}
    snow.faults = ["refused"]
    stage.known["late"] = await _tell(home, "Ann Müller", "ann")
    await home.run(60)
    stage.known["gone"] = await _tell(home, "Cem Özdemir-Ay", "cem")
    stage.known["asks"] = await _tell(home, "Ben Okafor", "ben")
    await home.run(LONG_AGO - 120)
    stage.known["ahead"] = await _tell(home, "Eve Sommer-Baumgartner", "eve", ends_in=3 * DAY, zone="Europe/Berlin")
    await home.run(60)
    await _flood(stage, home)


def _home(stage: Stage) -> House:
    clock = FakeClock(time.time() - LONG_AGO)
    rules = stage.gateway.config.leavers
    return House(stage.gateway.database, {"snow": Memory(), "jira": Memory()}, rules, clock)


async def _tell(home: House, name: str, user: str, *, ends_in: float = 0.0, zone: str = "UTC") -> str:
    person = Person(name=name, user_name=user, email=f"{user}@example.com", title="Analyst")
    told = await home.tell(person, ends_in=ends_in, zone=zone)
    assert told.leaver is not None
    return told.leaver.label


async def _flood(stage: Stage, home: House) -> None:
    for at in range(3):
        async with stage.gateway.database.begin("leaver.begin") as tx:
            asked = Ask(number=3 + at, name=f"Person {at}", batch="hr.csv", of_batch=500)
            await admit(tx, Guard(), asked, now=home.clock.now(), note=note)
