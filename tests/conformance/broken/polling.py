"""Connectors that leave something out of a poll, or tell it wrongly, each in one way."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.contract.values import Change, Page
from connectors.rest.answer import Answer
from tests.conformance.sound import Sound, a_list

Asked = dict[str, str | int]


class BeginsTomorrow(Sound):
    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        page = await super().changes(cursor)
        return msgspec.structs.replace(page, cursor={**page.cursor, "since": self.clock.now() + 86_400})


class DropsTheLastRowOfAFullPage(Sound):
    async def page(self, stands: Mapping[str, Any]) -> Answer:
        answer = await super().page(stands)
        rows = answer.data["items"]
        kept = rows[:-1] if len(rows) == self.limit else rows
        return msgspec.structs.replace(answer, data={**answer.data, "items": kept})


class ForgetsAShortPage(Sound):
    async def page(self, stands: Mapping[str, Any]) -> Answer:
        answer = await super().page(stands)
        rows = answer.data["items"]
        kept = rows if len(rows) == self.limit or not stands["after"] else []
        return msgspec.structs.replace(answer, data={**answer.data, "items": kept})


class GoesOnAfterTheMoment(Sound):
    """The next page begins after the last row's time; rows of the same moment are passed over."""

    async def page(self, stands: Mapping[str, Any]) -> Answer:
        at = stands["after"].partition("|")[0]
        asked: Asked = {"since": str(float(at) + 0.001 if at else stands["since"]), "limit": self.limit}
        return await self.client.read("/ticket", asked, sound=a_list)


class AnIdlePollMovesOn(Sound):
    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        page = await super().changes(cursor)
        ahead = {**page.cursor, "since": self.clock.now() + 60}
        return page if page.changes or cursor is None else msgspec.structs.replace(page, cursor=ahead)


class NoOverlap(Sound):
    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        page = await super().changes(cursor)
        newest = max(page.cursor["since"], page.cursor["newest"])
        return page if page.more else msgspec.structs.replace(page, cursor={**page.cursor, "since": newest})


class EndsAtAnEmptyPage(Sound):
    async def page(self, stands: Mapping[str, Any]) -> Answer:
        answer = await super().page(stands)
        if answer.data["items"]:
            return answer
        return msgspec.structs.replace(answer, data={"items": [], "next": ""})

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        page = await super().changes(cursor)
        passed = {**page.cursor, "since": self.clock.now()}
        return page if page.changes or cursor is None else msgspec.structs.replace(page, cursor=passed)


class PagesByOffset(Sound):
    """Rows that are edited go to the end, and those behind them move up past the offset."""

    async def page(self, stands: Mapping[str, Any]) -> Answer:
        offset = int(stands["after"] or 0)
        asked: Asked = {"since": str(stands["since"]), "offset": offset, "limit": self.limit}
        answer = await self.client.read("/ticket", asked, sound=a_list)
        following = str(offset + self.limit) if answer.data["next"] else ""
        return msgspec.structs.replace(answer, data={**answer.data, "next": following})

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        page = await super().changes(cursor)
        newest = {**page.cursor, "since": page.cursor["newest"] + 0.001 if page.cursor["newest"] else self.clock.now()}
        return page if page.more else msgspec.structs.replace(page, cursor=newest)


class KeepsItsPlaceInMemory(Sound):
    """The cursor says only which round it is."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.places: dict[str, dict[str, Any]] = {}

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        round = str(cursor["round"]) if cursor else uuid.uuid4().hex
        lost = {"since": self.clock.now(), "after": "", "seen": {}}
        page = await super().changes(self.places.get(round, lost))
        self.places[round] = dict(page.cursor)
        return msgspec.structs.replace(page, cursor={"round": round})


class OneKeyForAllStates(Sound):
    def change(self, row: Mapping[str, Any], key: str = "", via: str = "poll") -> Change:
        return super().change(row, key or f"ticket:{row['id']}", via)
