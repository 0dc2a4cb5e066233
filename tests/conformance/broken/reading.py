"""Connectors that read wrongly, each in one way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import msgspec

from connectors.contract.errors import CredentialsError, Refused, Retryable, Throttled
from connectors.contract.values import Finding, HistoryEntry, IdPage, Item, Page, Ref, Snapshot
from connectors.rest import RestClient
from connectors.rest.transport import trusted
from tests.conformance.sound import Sound, a_thing


class ProvesNothing(Sound):
    async def check(self) -> Sequence[Finding]:
        return []


class RaisesFromCheck(Sound):
    async def check(self) -> Sequence[Finding]:
        await self.client.read("/me")
        return await super().check()


class ReadsAnotherText(Sound):
    def snapshot(self, row: Mapping[str, Any]) -> Snapshot:
        return super().snapshot({**row, "text": row["text"][:20]})


class RefusesTheAbsent(Sound):
    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        answer = await self.client.read(f"/{ref.object}/{ref.id}", sound=a_thing)
        return self.snapshot(answer.data)


class ChokesOnNewFields(Sound):
    def snapshot(self, row: Mapping[str, Any]) -> Snapshot:
        known = {"id", "text", "ref", "state", "rev", "changed", "by", "drawer"}
        if set(row) - known:
            raise Refused(f"fields nobody knows: {sorted(set(row) - known)}")
        return super().snapshot(row)


class MarkerIsNotSearchable(Sound):
    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        rows = (await self.client.read(f"/{object}", {"reference": correlation})).data["items"]
        return [Ref(object=object, id=row["id"]) for row in rows if row["text"] == correlation]


class EverybodyIsUs(Sound):
    def ours(self, user: str) -> bool:
        return True


class CommentsWithoutOrigin(Sound):
    async def notes(self, ref: Ref) -> tuple[Item, ...]:
        return tuple(msgspec.structs.replace(each, origin=None) for each in await super().notes(ref))


class BelievesTheContentType(Sound):
    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        answer = await self.client.read(f"/{ref.object}/{ref.id}", tolerate={404})
        if not answer.headers.get("content-type", "").startswith("application/json"):
            return Snapshot(object=ref.object, id=ref.id, exists=False)
        return await super().read(ref, items=items)


class TroubleIsEmpty(Sound):
    """Whatever goes wrong with a poll, there is nothing new. Cut-off documents, pages, outages: all of it is lost."""

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        try:
            return await super().changes(cursor)
        except Retryable:
            return Page(changes=(), cursor=dict(cursor or {}), more=False)


class ThrottlingIsARefusal(Sound):
    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        try:
            return await super().history(ref, since)
        except Throttled as error:
            raise Refused(str(error)) from error


class ForgetsHowLongToWait(Sound):
    async def ids(self, object: str, cursor: Mapping[str, Any] | None) -> IdPage:
        try:
            return await super().ids(object, cursor)
        except Throttled as error:
            raise Throttled(str(error)) from error


class DeadSignInIsNothingFound(Sound):
    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        try:
            return await super().find(object, correlation)
        except CredentialsError:
            return []


class NoRightIsNotThere(Sound):
    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        try:
            return await super().read(ref, items=items)
        except Refused:
            return Snapshot(object=ref.object, id=ref.id, exists=False)


class FollowsRedirects(Sound):
    """With a client that takes the credentials along."""

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        shown = self.client._sign_in.ready()
        assert shown is not None
        headers = {name.decode(): value.decode() for name, value in shown.headers}
        async with httpx.AsyncClient(headers=headers, verify=trusted()) as http:
            answer = await http.get(f"{self.settings.url}/{ref.object}/{ref.id}")
            if answer.is_redirect:
                await http.get(answer.headers["location"])
        return await super().read(ref, items=items)


class KnowsNoVendorSigns(Sound):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.client = RestClient(self.settings, clock=self.clock)


class ReadsTheDeleted(Sound):
    """Keeps what it once read, and lists it for ever."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.kept: dict[str, Snapshot] = {}

    def snapshot(self, row: Mapping[str, Any]) -> Snapshot:
        self.kept[row["id"]] = super().snapshot(row)
        return self.kept[row["id"]]

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        found = await super().read(ref, items=items)
        return found if found.exists else self.kept.get(ref.id, found)


class ListsOnlyTheFirstPage(Sound):
    async def ids(self, object: str, cursor: Mapping[str, Any] | None) -> IdPage:
        return msgspec.structs.replace(await super().ids(object, cursor), cursor=None)
