"""Reports for auditors: a table that can be printed, and taken away for a spreadsheet or a program."""

from __future__ import annotations

from aiohttp import web

from gateway.console.frame import Asked, Unseen, moment_of
from gateway.console.rendering import moment
from gateway.work import reports
from gateway.work.reports import NoSuchReport, Report

MONTH_S = 30 * 86_400.0


async def index(asked: Asked) -> web.StreamResponse:
    """`/reports`."""
    return asked.page("reports.html", here="audit", reports=await reports.list_reports(asked.desk.place, asked.who))


async def report(asked: Asked) -> web.StreamResponse:
    """`/reports/{name}`: of the last 30 days unless said; `format=csv` and `format=json` are downloads."""
    given = {name: asked.request.query.get(name, "") for name in ("since", "until")}
    until = moment_of(given["until"]) if given["until"] else None
    since = moment_of(given["since"]) if given["since"] else (until or asked.now) - MONTH_S
    name = asked.request.match_info["name"]
    try:
        found = await reports.read_report(asked.desk.place, asked.who, name, since=since, until=until)
    except NoSuchReport as error:
        raise Unseen(f"T{error.reason[1:]}.") from error
    match asked.request.query.get("format", ""):
        case "csv":
            return _file(found, "csv", "text/csv", reports.as_csv(found))
        case "json":
            return _file(found, "json", "application/json", reports.as_json(found))
        case _:
            return asked.page("report.html", here="audit", report=found, given=given, kinds=_kinds(found))


def _kinds(found: Report) -> list[str]:
    return [str(column.kind) for column in found.columns]


def _file(found: Report, ending: str, kind: str, text: str) -> web.Response:
    name = f"lockstep-{found.name}-{moment(found.since)[:10]}-{moment(found.until)[:10]}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(text=text, content_type=kind, charset="utf-8", headers=headers)
