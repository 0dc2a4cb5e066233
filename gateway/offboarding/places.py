"""Where something may have to end for a person, and until when, before anybody has looked. Pure."""

from __future__ import annotations

from collections.abc import Collection

from gateway.config.leavers import Leavers
from gateway.core.ids import new_id
from gateway.offboarding.values import (
    ALL,
    BY_HAND,
    Event,
    Leaver,
    Place,
    Step,
    StepDoc,
    StepState,
    SystemDoc,
    SystemState,
)


def counted_from(leaver: Leaver, now: float) -> float:
    """From when deadlines run: from its time, or from when we heard of it, if that was later."""
    return max(leaver.ends_at, now if leaver.number == 0 else leaver.made_at)


def places_for(
    leaver: Leaver, rules: Leavers, connections: Collection[str], now: float
) -> tuple[list[Place], list[Step]]:
    """One for each system that is concerned; those by hand with their step. Which connections can end access is found
    when they are looked at: here only the configuration is known.
    """
    begins = counted_from(leaver, now)
    concerned = [each for each in connections if each not in rules.left_out]
    if leaver.kind is Event.MOVER:
        concerned = [each for each in concerned if any(each in role.has for role in rules.roles)]
    places = [_place(each, SystemState.FIND, begins + rules.system(each).due.usual_s, now) for each in concerned]
    steps = []
    for name, system in rules.by_hand.items():
        if str(leaver.kind) in system.on:
            place = _place(name, SystemState.HAND, begins + system.due_s, None)
            place.doc.owner = system.owner
            places.append(place)
            doc = StepDoc(owner=system.owner, instruction=system.instruction, why="no connector reaches this system")
            steps.append(by_hand(name, "", ALL, name, place.due_at, doc, now))
    return places, steps


def all_by_hand(place: Place, why: str, now: float) -> Step:
    """Everything that a person may have in a system is somebody's to end."""
    doc = StepDoc(instruction=f"end what the person has in {place.connection}", why=why)
    step = by_hand(place.connection, "", ALL, place.connection, place.due_at, doc, now)
    step.number = place.number
    return step


def by_hand(connection: str, account: str, grant: str, name: str, due_at: float, doc: StepDoc, now: float) -> Step:
    """A step that a person has to take."""
    return Step(
        id=new_id("ls", at=now),
        number=0,
        connection=connection,
        account=account,
        kind=BY_HAND,
        grant_id=grant[:300],
        name=name,
        state=StepState.HAND,
        privileged=False,
        place=1000,
        due_at=due_at,
        gone_at=None,
        checked_at=None,
        checks=0,
        doc=doc,
    )


def _place(connection: str, state: SystemState, due_at: float, next_at: float | None) -> Place:
    return Place(
        number=0,
        connection=connection,
        state=state,
        privileged=False,
        due_at=due_at,
        next_at=next_at,
        owner="",
        lease_until=0.0,
        fence=0,
        tries=0,
        waits="",
        version=0,
        doc=SystemDoc(),
    )
