"""The audit trail. Whoever reads it is in it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import After, Answer, Ask, Limit, Page, Query, Route
from gateway.api.lines import answer_lines
from gateway.work.audit_chain import ChainView, chain_state
from gateway.work.audit_trail import export_trail, follow_trail, read_trail, show_entry
from gateway.work.pages_audit import AuditFilter, Entry

Text = Annotated[str, Meta(max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]


class Narrowing(Query, frozen=True, kw_only=True):
    """What narrows the trail."""

    who: Text = ""
    what: Text = ""
    about: Annotated[str, Meta(max_length=200, description="A record, a connection, a case, a plan or a run.")] = ""
    since: Moment | None = None
    until: Moment | None = None
    people: Annotated[bool, Meta(description="Only what people did.")] = False
    outcome: Annotated[Text, Meta(description="`open` (not known yet), applied, failed, superseded.")] = ""
    risk: Annotated[
        Literal["", "low", "medium", "high", "critical"], Meta(description="At least so much matters to security.")
    ] = ""
    source: Literal["", "console", "cli", "api", "system"] = ""
    reason: Annotated[Text, Meta(description="Part of the reason that was given.")] = ""


class AuditList(Narrowing, frozen=True, kw_only=True):
    """What narrows a list of the trail."""

    limit: Limit = 50
    after: After = ""


class AuditFollow(AuditList, frozen=True, kw_only=True):
    """What narrows the trail, and from where on."""

    above: Annotated[int, Meta(ge=0, description="Entries after this one, by its place in the chain.")] = 0


class Exported(Narrowing, frozen=True, kw_only=True):
    """What narrows an export: it has no pages."""


def filter_of(asked: Narrowing) -> AuditFilter:
    return AuditFilter(
        who=asked.who,
        what=asked.what,
        about=asked.about,
        since=asked.since.timestamp() if asked.since else None,
        until=asked.until.timestamp() if asked.until else None,
        people=asked.people,
        outcome=asked.outcome,
        risk=asked.risk,
        source=asked.source,
        reason=asked.reason,
    )


async def trail(ask: Ask) -> Answer:
    below = ask.position or ""  # of a cursor: signed by us, for this filter and caller, with a page that was noted
    wanted = filter_of(ask.query)
    page = await read_trail(ask.desk.place, ask.who, wanted, below=below, limit=ask.query.limit, goes_on=bool(below))
    return Answer(value=Page(items=page.entries), position=page.next or None)


async def show(ask: Ask) -> Answer:
    return Answer(value=await show_entry(ask.desk.place, ask.who, ask.path["entry"]))


async def follow(ask: Ask) -> Answer:
    """There is always a next page: what it will hold has not happened yet."""
    asked: AuditFollow = ask.query
    after = asked.above if ask.position is None else int(ask.position)
    goes_on, wanted = ask.position is not None, filter_of(asked)
    found = await follow_trail(ask.desk.place, ask.who, wanted, after=after, limit=asked.limit, goes_on=goes_on)
    return Answer(value=Page(items=tuple(found)), position=str(found[-1].seq if found else after))


async def export(ask: Ask) -> web.StreamResponse:
    """An entry on each line, and at last where the chain stands."""
    return await answer_lines(ask, export_trail(ask.desk.place, ask.who, filter_of(ask.query)), "audit.jsonl")


async def chain(ask: Ask) -> Answer:
    return Answer(value=await chain_state(ask.desk.place, ask.who))


ROUTES = (
    Route(
        method="GET",
        path="/v1/audit",
        name="readAudit",
        tag="audit",
        summary="The audit trail, newest first; this reading is in it, too",
        right=Right.AUDIT,
        do=trail,
        query=AuditList,
        answer=Page[Entry],
    ),
    Route(
        method="GET",
        path="/v1/audit/chain",
        name="readAuditChain",
        tag="audit",
        summary="How the hash chain of the trail stands: newest entry, last checkpoint, keys; nothing is checked by it",
        right=Right.AUDIT,
        do=chain,
        answer=ChainView,
    ),
    Route(
        method="GET",
        path="/v1/audit/follow",
        name="followAudit",
        tag="audit",
        summary="What comes after an entry, in the order of the chain; `next` always goes on, and misses none",
        right=Right.AUDIT,
        do=follow,
        query=AuditFollow,
        answer=Page[Entry],
    ),
    Route(
        method="GET",
        path="/v1/audit:export",
        name="exportAudit",
        tag="audit",
        summary="Every entry of the filter, one on a line (JSONL), at last where the chain stands; in the trail itself",
        right=Right.AUDIT,
        do=export,
        query=Exported,
        media="application/jsonl",
    ),
    Route(
        method="GET",
        path="/v1/audit/entries/{entry}",
        name="showAuditEntry",
        tag="audit",
        summary="One entry, by its id or its place in the chain, then what it closes or what closes it",
        right=Right.AUDIT,
        do=show,
        answer=list[Entry],
    ),
)
