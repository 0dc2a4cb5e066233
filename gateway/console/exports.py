"""Cases to take away: all that fit the filter, as they are when they are read."""

from __future__ import annotations

import msgspec
from aiohttp import web

from dead_letter.values import Case
from gateway.console.cases import everything, filter_of, given_of
from gateway.console.downloads import download, sheet_line
from gateway.console.frame import Asked
from gateway.work import cases

COLUMNS = ("number", "state", "cause", "title", "connection", "object", "object_key", "field", "owner", "count")


async def export(asked: Asked) -> web.StreamResponse:
    """`/cases/export`."""
    wanted = everything(filter_of(asked, given_of(asked.request.query), pinned=asked.now))
    found = cases.export_cases(asked.desk.place, asked.who, wanted)
    if asked.request.query.get("format") == "jsonl":
        return await download(asked, found, _document, name="cases.jsonl")
    return await download(asked, found, _row, name="cases.csv", first=sheet_line(COLUMNS))


def _document(case: Case) -> bytes:
    return msgspec.json.encode(case) + b"\n"


def _row(case: Case) -> bytes:
    return sheet_line([getattr(case, name) for name in COLUMNS])
