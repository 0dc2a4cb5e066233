"""Legal holds, the archive, erasure."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Answer, Ask, Key, Page, Paged, Query, Route
from gateway.core.digits import number_in
from gateway.keeping.holds import Hold
from gateway.work import keeping
from gateway.work.keeping import Archived, ArchivedWhole, ArchiveState, Erased

Text = Annotated[str, Meta(max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]


class Holds(Query, frozen=True, kw_only=True):
    """Which holds."""

    released: Annotated[bool, Meta(description="Those that were released, too.")] = False


class HoldWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be held, and why."""

    kind: Literal["case", "record", "flow", "all"]
    target: Annotated[str, Meta(max_length=400, description="FO-17; system/object/key; the name of a flow.")] = ""
    reason: Reason
    ends: Annotated[Moment | None, Meta(description="When somebody wants to look at it again; it does not end.")] = None


class Why(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reason."""

    reason: Reason


class EraseWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record that has left, and why it is erased."""

    target: Annotated[str, Meta(min_length=1, max_length=400, description="system/object/key, or the record's id.")]
    reason: Reason


class ArchiveList(Paged, frozen=True, kw_only=True):
    """What narrows the archive."""

    text: Annotated[Text, Meta(description="Part of a name, title, record, flow or connection.")] = ""
    kind: Literal["", "case", "lineage"] = ""
    since: Moment | None = None
    until: Moment | None = None


async def every(ask: Ask) -> list[Hold]:
    return await keeping.list_holds(ask.desk.place, ask.who, released=ask.query.released)


async def add(ask: Ask) -> Hold:
    said: HoldWish = ask.body
    ends = said.ends.timestamp() if said.ends else None
    return await keeping.add_hold(ask.desk.place, ask.who, said.kind, said.target, reason=said.reason, ends=ends)


async def release(ask: Ask) -> Hold:
    return await keeping.release_hold(ask.desk.place, ask.who, ask.path["hold"], reason=ask.body.reason)


async def search(ask: Ask) -> Answer:
    asked: ArchiveList = ask.query
    page = await keeping.search_archive(
        ask.desk.place,
        ask.who,
        text=asked.text,
        kind=asked.kind,
        since=asked.since.timestamp() if asked.since else None,
        until=asked.until.timestamp() if asked.until else None,
        below=int(ask.position or 0),
        limit=asked.limit,
    )
    return Answer(value=Page(items=page.documents), position=page.next or None)


async def read(ask: Ask) -> ArchivedWhole:
    return await keeping.read_archived(ask.desk.place, ask.who, number_in(ask.path["seq"]) or 0)


async def verify(ask: Ask) -> ArchiveState:
    return await keeping.verify_archive(ask.desk.place, ask.who)


async def erase(ask: Ask) -> Erased:
    said: EraseWish = ask.body
    return await keeping.erase_record(ask.desk.place, ask.who, said.target, reason=said.reason)


ROUTES = (
    Route(
        method="GET",
        path="/v1/holds",
        name="listHolds",
        tag="keeping",
        summary="Legal holds: what is neither forgotten nor erased, however old it is",
        right=Right.AUDIT,
        do=every,
        query=Holds,
        answer=list[Hold],
    ),
    Route(
        method="POST",
        path="/v1/holds",
        name="addHold",
        tag="keeping",
        summary="Hold a case, a record, all records of a flow, or everything, until it is released",
        right=Right.MANAGE,
        do=add,
        body=HoldWish,
        answer=Hold,
        status=201,
        problems=("hold-target", "reason-missing"),
        key=Key.FOR_GOOD,
    ),
    Route(
        method="POST",
        path="/v1/holds/{hold}:release",
        name="releaseHold",
        tag="keeping",
        summary="End a hold; what is old enough goes with the next sweep",
        right=Right.MANAGE,
        do=release,
        body=Why,
        answer=Hold,
        problems=("hold-not-found", "hold-released", "reason-missing"),
        key=Key.DAY,
    ),
    Route(
        method="GET",
        path="/v1/archive",
        name="searchArchive",
        tag="keeping",
        summary="Closed cases and the lineage of what has left, after their time, newest first",
        right=Right.AUDIT,
        do=search,
        query=ArchiveList,
        answer=Page[Archived],
    ),
    Route(
        method="GET",
        path="/v1/archive/state",
        name="verifyArchive",
        tag="keeping",
        summary="Looks through the whole archive: was anything changed, added or taken away?",
        right=Right.AUDIT,
        do=verify,
        answer=ArchiveState,
    ),
    Route(
        method="GET",
        path="/v1/archive/{seq}",
        name="readArchived",
        tag="keeping",
        summary="One document whole; this look is in the trail",
        right=Right.AUDIT,
        do=read,
        answer=ArchivedWhole,
        problems=("archive-not-found",),
    ),
    Route(
        method="POST",
        path="/v1/erasures",
        name="eraseRecord",
        tag="keeping",
        summary="Erase for good what is known of a record that has left; its tombstone and all proofs stay",
        right=Right.MANAGE,
        do=erase,
        body=EraseWish,
        answer=Erased,
        problems=("erase-not-found", "erase-refused", "reason-missing"),
        key=Key.FOR_GOOD,
    ),
)
