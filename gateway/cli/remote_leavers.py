"""Departures of a gateway elsewhere, by its API."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway.cli.reading import many, text_of, value_of
from gateway.cli.wire import Wire, at
from gateway.offboarding.values import Event
from gateway.work.leaver_planning import LeaverPlan
from gateway.work.leaver_telling import LeaverRow, LeaverTold, LeaverWish
from gateway.work.leaver_views import LeaverDetail, LeaverPage, LeaverView
from gateway.work.leavers import EVERY_OPEN_ONE, LeaverFilter, LeaverTally

Facts = dict[str, Any]
MOST = 200


class RemoteLeavers:
    """`port.Leavers`, `port.LeaverActs`, `port.LeaverTelling`, `port.LeaverPlans` and `port.LeaverProof`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def list_leavers(
        self, wanted: LeaverFilter = EVERY_OPEN_ONE, *, after: int = 0, limit: int = 50
    ) -> LeaverPage:
        """Where a list goes on is the API's to say, so its pages are gone through from the beginning."""
        query: Facts = {
            "state": str(wanted.states[0]) if wanted.states else "",
            "kind": str(wanted.kinds[0]) if wanted.kinds else "",
            "connection": wanted.connection,
            "past_due": wanted.past_due or "",
            "privileged": wanted.privileged or "",
            "over": wanted.over or "",
        }
        found: list[Any] = []
        position, more = "", True
        while more and len(found) < after + limit:
            size = min(after + limit - len(found), MOST)
            items, position = await self.wire.page(at("leavers"), {**query, "limit": size, "after": position})
            found += items
            more = bool(position)
        shown = many(LeaverView, found[after : after + limit])
        return LeaverPage(leavers=tuple(shown), next=after + limit if more else 0)

    async def get_leaver(self, number: str) -> LeaverDetail:
        return value_of(LeaverDetail, await self.wire.get(at("leavers", number)))

    async def leaver_tally(self) -> LeaverTally:
        return value_of(LeaverTally, await self.wire.get(at("leaver-tally")))

    async def tell_leaver(self, wish: LeaverWish) -> LeaverTold:
        return value_of(LeaverTold, await self.wire.post(at("leavers"), msgspec.to_builtins(wish)))

    async def import_leavers(self, rows: Sequence[dict[str, str]], *, reason: str) -> list[LeaverRow]:
        said = {"rows": list(rows), "reason": reason}
        return many(LeaverRow, await self.wire.post(f"{at('leavers')}:import", said))

    async def plan_leaver(
        self, person: str, *, event: Event = Event.LEAVER, after: Mapping[str, str] | None = None
    ) -> LeaverPlan:
        query = {"person": person, "event": str(event), **(after or {})}
        return value_of(LeaverPlan, await self.wire.get(at("leaver-plan"), query))

    async def certify(self, number: str) -> Facts:
        return value_of(Facts, await self.wire.get(at("leavers", number, "certificate")))

    async def hold_leaver(self, number: str, *, until: float, reason: str, expected: int = 0) -> LeaverView:
        return await self._act(number, "hold", {"until": text_of(until), "reason": reason}, expected)

    async def release_leaver(self, number: str, *, reason: str, expected: int = 0) -> LeaverView:
        return await self._act(number, "release", {"reason": reason}, expected)

    async def cancel_leaver(self, number: str, *, reason: str, expected: int = 0) -> LeaverView:
        return await self._act(number, "cancel", {"reason": reason}, expected)

    async def recheck_leaver(self, number: str, *, connection: str = "", expected: int = 0) -> LeaverView:
        return await self._act(number, "recheck", {"connection": connection}, expected)

    async def choose_account(
        self, number: str, *, connection: str, accounts: Sequence[str], reason: str, expected: int = 0
    ) -> LeaverView:
        said = {"connection": connection, "accounts": list(accounts), "reason": reason}
        return await self._act(number, "which", said, expected)

    async def answer_leaver(self, number: str, *, answer: str, reason: str, expected: int = 0) -> LeaverView:
        return await self._act(number, "answer", {"answer": answer, "reason": reason}, expected)

    async def done_by_hand(
        self,
        number: str,
        step: str,
        *,
        note_text: str,
        file_name: str = "",
        content: bytes = b"",
        expected: int = 0,
    ) -> LeaverView:
        said: Facts = {"step": step, "note": note_text}
        if content:
            said["file"] = {"name": file_name, "content": b64encode(content).decode()}
        return await self._act(number, "done", said, expected)

    async def _act(self, number: str, verb: str, said: Facts, expected: int) -> LeaverView:
        version = expected or (await self.get_leaver(number)).leaver.version
        return value_of(LeaverView, await self.wire.post(f"{at('leavers', number)}:{verb}", said, version=version))
