"""Who could be the second person. Counted: an installation of one must not wait for somebody who never comes."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.approvals import Actor, FourEyes
from dead_letter.values import CaseSummary
from gateway.access import people
from gateway.access.rights import Principal, Right
from gateway.work.case_scope import type_of
from gateway.work.workplace import Workplace


def actor_of(who: Principal) -> Actor:
    """As histories name who acts, and as four eyes count them."""
    return Actor(name=who.name, person=who.person or who.id)


async def eyes_of(tx: AsyncConnection, place: Workplace, who: Principal, case: CaseSummary) -> FourEyes:
    """The actions that need a second person here, and how many other people may approve one on this case."""
    others = 0
    if place.config.cases.four_eyes:
        for each in await people.list_people(tx):
            principal = people.principal_of_person(each)
            may = principal.may(Right.APPROVE, connection=case.connection, type=type_of(place, case))
            if each.disabled_at is None and may and principal.id != (who.person or who.id):
                others += 1
    return FourEyes(actions=place.config.cases.four_eyes, others=others)
