"""Whoever has left stays gone (P8): by every name and account that is known, and by the tombstones of the records."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config.leavers import Leavers
from gateway.offboarding.values import Leaver, Place, identities_told
from gateway.sync import departure
from gateway.sync.decider import Decider
from gateway.sync.departed import depart
from gateway.sync.identities import Identity, Known, identity
from gateway.sync.unit import Unit


class Departing:
    """Implements `gateway.offboarding.ports.Gone`."""

    def __init__(self, decider: Decider, rules: Leavers) -> None:
        self._decider, self._rules = decider, rules

    async def departs(self, tx: AsyncConnection, leaver: Leaver, places: Sequence[Place], now: float) -> None:
        """See `Gone`."""
        successor = _address(leaver, self._rules)
        known = identities_of(leaver, places)
        await depart(tx, leaver.person, known, case=leaver.label, now=now, successor=successor)

    async def leave(self, leaver: Leaver) -> None:
        """See `Gone`. A record that has left already is left alone, and one that is not there any more is none.

        Asked in the decision itself: whoever was let in again since the caller looked is not put out by a late worker.
        """

        def leave(unit: Unit) -> None:
            if unit.departed.is_out(leaver.person):
                departure.leave(unit, "", f"{leaver.label} has begun")

        for record in leaver.doc.person.records:
            await self._decider.decide(record, leave)


def identities_of(leaver: Leaver, places: Sequence[Place]) -> list[Identity]:
    """By what the person is known, here and in each system."""
    found = list[Identity | None](identities_told(leaver.doc.person))
    for place in places:
        for each in place.doc.accounts:
            found.append(identity(Known.ACCOUNT, each.account.id, place.connection))
            found.append(identity(Known.LOGIN, each.account.name, place.connection))
            found.append(identity(Known.EMAIL, each.account.email))
    return list(dict.fromkeys(each for each in found if each is not None))


def _address(leaver: Leaver, rules: Leavers) -> str:
    manager = leaver.doc.person.manager if rules.successor_by == "manager" else ""
    named = (leaver.doc.successor, manager, rules.successor)
    return next((each for each in named if "@" in each), "")
