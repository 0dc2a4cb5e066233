"""Holds, archive and erasure of a gateway elsewhere, by its API."""

from __future__ import annotations

from typing import Any

from gateway.cli.reading import many, text_of, value_of
from gateway.cli.wire import Wire, at
from gateway.keeping.holds import Hold
from gateway.work.keeping import Archived, ArchivedWhole, ArchivePage, ArchiveState, Erased, Target


class RemoteKeeping:
    """`port.Keeping`. Where a list goes on is the API's to say: it is read to its end, or as far as wanted."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def list_holds(self, *, released: bool = False) -> list[Hold]:
        return many(Hold, await self.wire.get(at("holds"), {"released": released}))

    async def add_hold(self, kind: Target, target: str = "", *, reason: str, ends: float | None = None) -> Hold:
        said = {"kind": kind, "target": target, "reason": reason, "ends": text_of(ends)}
        return value_of(Hold, await self.wire.post(at("holds"), said))

    async def release_hold(self, number: str, *, reason: str) -> Hold:
        return value_of(Hold, await self.wire.post(f"{at('holds', number)}:release", {"reason": reason}))

    async def search_archive(
        self,
        *,
        text: str = "",
        kind: str = "",
        since: float | None = None,
        until: float | None = None,
        below: int = 0,
        limit: int = 50,
    ) -> ArchivePage:
        query = {"text": text, "kind": kind, "since": text_of(since), "until": text_of(until)}
        found: list[Any] = []
        after = ""
        while len(found) < limit:
            items, after = await self.wire.page(at("archive"), {**query, "limit": 200, "after": after})
            found += [each for each in items if not below or each["seq"] < below]
            if not after:
                break
        shown = tuple(many(Archived, found[:limit]))
        return ArchivePage(documents=shown, next=shown[-1].seq if len(found) > limit or after else 0)

    async def read_archived(self, seq: int) -> ArchivedWhole:
        return value_of(ArchivedWhole, await self.wire.get(at("archive", str(seq))))

    async def verify_archive(self, *, most: int = 100) -> ArchiveState:
        return value_of(ArchiveState, await self.wire.get(at("archive", "state")))

    async def erase_record(self, target: str, *, reason: str) -> Erased:
        return value_of(Erased, await self.wire.post(at("erasures"), {"target": target, "reason": reason}))
