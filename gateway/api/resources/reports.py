"""Reports for auditors and controllers. Whoever reads one is in the trail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Ask, Query, Route
from gateway.work import reports
from gateway.work.reports import Listed, Report

Moment = Annotated[datetime, Meta(tz=True)]
MONTH_S = 30 * 86_400.0


class Stretch(Query, frozen=True, kw_only=True):
    """Of which time."""

    since: Moment | None = None
    until: Moment | None = None


async def every(ask: Ask) -> list[Listed]:
    return await reports.list_reports(ask.desk.place, ask.who)


async def one(ask: Ask) -> Report:
    asked: Stretch = ask.query
    until = asked.until.timestamp() if asked.until else None
    since = asked.since.timestamp() if asked.since else (until or ask.desk.place.now()) - MONTH_S
    return await reports.read_report(ask.desk.place, ask.who, ask.path["name"], since=since, until=until)


ROUTES = (
    Route(
        method="GET",
        path="/v1/reports",
        name="listReports",
        tag="reports",
        summary="Which reports there are, and what each says",
        right=Right.AUDIT,
        do=every,
        answer=list[Listed],
    ),
    Route(
        method="GET",
        path="/v1/reports/{name}",
        name="readReport",
        tag="reports",
        summary="A report of the time from `since` (30 days before its end unless said) to `until` (now unless said)",
        right=Right.AUDIT,
        do=one,
        query=Stretch,
        answer=Report,
        problems=("report-not-found", "report-no-time"),
    ),
)
