"""Departures that the guard stopped, as people see and decide about them. Right PEOPLE.

Whoever sees only a part of the connections or types sees no flood: a list with gaps is nothing to decide by.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract.errors import InputError
from gateway.access.rights import NotAllowed, Principal, Right
from gateway.offboarding.blast import floods
from gateway.offboarding.blast.admitting import number_of
from gateway.offboarding.blast.floods import Decider, Decision, Flood, GuardRefused, NoFlood
from gateway.work.trail import note
from gateway.work.workplace import Workplace

VIOLATIONS = frozenset({floods.OWN, floods.CAUSED})


async def list_floods(place: Workplace, who: Principal, *, open: bool = True) -> list[Flood]:
    """The newest first, without the people; those that are over, too, if `open` is false."""
    _require(who)
    async with place.database.read() as tx:
        return await floods.floods(tx, open=open)


async def get_flood(place: Workplace, who: Principal, name: str) -> Flood:
    """With everybody that it stopped. Raises NoFlood."""
    _require(who)
    async with place.database.read() as tx:
        return await floods.flood(tx, _number(name))


async def decide(
    place: Workplace, who: Principal, name: str, what: str, leavers: Sequence[int] = (), *, reason: str = ""
) -> Decision:
    """Allows or refuses those leavers, all that wait if none are named; it is done once a second person said the same.
    Raises NoFlood, GuardRefused: the attempt to be both people stays in the trail.
    """
    _require(who)
    by = Decider(name=who.name, human=who.person or who.id)
    try:
        async with place.database.begin("leaver.guard") as tx:
            return await floods.decide(
                tx, _number(name), what, leavers, by=by, reason=reason, now=place.now(), note=note
            )
    except GuardRefused as error:
        if error.code in VIOLATIONS:
            await _tried(place, who, name, what, error)
        raise


async def _tried(place: Workplace, who: Principal, name: str, what: str, error: InputError) -> None:
    detail = {"flood": name, "what": what, "refused": error.code}
    async with place.database.begin("leaver.guard") as tx:
        await note(tx, at=place.now(), kind="leaver_guard_self_approval", actor=who.name, detail=detail)


def _require(who: Principal) -> None:
    who.require(Right.PEOPLE)
    if who.connections is not None or who.types is not None:
        raise NotAllowed(Right.PEOPLE, "all connections and types: a flood is about people in all of them")


def _number(name: str) -> int:
    found = number_of(name)
    if found is None:
        raise NoFlood(name)
    return found
