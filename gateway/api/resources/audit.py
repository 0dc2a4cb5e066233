"""The audit trail. Whoever reads it is in it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Answer, Ask, Page, Paged, Route
from gateway.work.audit_trail import read_trail
from gateway.work.pages_audit import AuditFilter, Entry

Text = Annotated[str, Meta(max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]


class AuditList(Paged, frozen=True, kw_only=True):
    """What narrows the trail."""

    who: Text = ""
    what: Text = ""
    about: Annotated[str, Meta(max_length=200, description="A record, a connection, a case, a plan or a run.")] = ""
    since: Moment | None = None
    until: Moment | None = None
    people: Annotated[bool, Meta(description="Only what people did.")] = False


async def trail(ask: Ask) -> Answer:
    asked: AuditList = ask.query
    wanted = AuditFilter(
        who=asked.who,
        what=asked.what,
        about=asked.about,
        since=asked.since.timestamp() if asked.since else None,
        until=asked.until.timestamp() if asked.until else None,
        people=asked.people,
    )
    below = ask.position or ""  # of a cursor: signed by us, for this filter and caller, with a page that was noted
    page = await read_trail(ask.desk.place, ask.who, wanted, below=below, limit=asked.limit, goes_on=bool(below))
    return Answer(value=Page(items=page.entries), position=page.next or None)


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
)
