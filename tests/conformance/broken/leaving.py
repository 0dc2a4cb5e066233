"""Connectors that end access wrongly, each in one way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.access import Account, Ending, GrantKind, Whom, objection
from connectors.contract.errors import DeliveryError, OutcomeUnknown, Refused
from tests.conformance.staff import Sounder


class GuessesWhoIsMeant(Sounder):
    """Of two with one address it takes the first."""

    async def accounts(self, whom: Whom) -> Sequence[Account]:
        return list(await super().accounts(whom))[:1]


class ReadsOnePageOfThings(Sounder):
    async def things(self, account: str) -> list[Mapping[str, Any]]:
        return list((await self.client.read("/things", {"owner": account, "limit": self.limit})).data["items"])


class SaysThatItEnds(Sounder):
    async def end(self, ending: Ending) -> None:
        if why := self.objects(ending):
            raise Refused(why)


class TurnsTheSwitch(Sounder):
    """It names a step, not a state."""

    async def switch_off(self, ending: Ending) -> None:
        row = (await self.client.read(f"/staff/{ending.account.id}")).data
        await self.send(ending, "PATCH", f"/staff/{ending.account.id}", {"on": not row["on"]})


class EndsWhatIsInherited(Sounder):
    def objects(self, ending: Ending) -> str:
        return "" if ending.grant.through else super().objects(ending)


class EndsWhatAPersonHasTo(Sounder):
    def objects(self, ending: Ending) -> str:
        return objection({**self.ends, GrantKind.TOKEN: ""}, ending)


class FallsOverWhatIsGone(Sounder):
    async def send(self, ending: Ending, method: str, path: str, body: Any) -> None:
        await self.client.write(method, path, body, timeout_s=ending.timeout_s)


class TakesWorkFromAnybody(Sounder):
    async def is_still(self, ending: Ending) -> bool:
        return True


class TroubleIsNothing(Sounder):
    """What could not be read is not there."""

    async def things(self, account: str) -> list[Mapping[str, Any]]:
        try:
            return await super().things(account)
        except DeliveryError:
            return []


class ATimeOutHasWorked(Sounder):
    """No rule names it: a single ending that meets a fault does."""

    async def end(self, ending: Ending) -> None:
        try:
            await super().end(ending)
        except OutcomeUnknown:
            return
