"""Cases to take away: all that fit the filter, as they are when they are read, or a download that visibly broke off."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import msgspec
import structlog
from aiohttp import web

from dead_letter.values import Case
from gateway.console.cases import everything, filter_of, given_of
from gateway.console.frame import HEADERS, Asked
from gateway.console.rendering import moment
from gateway.work import cases

COLUMNS = ("number", "state", "cause", "title", "connection", "object", "object_key", "field", "owner", "count")
WRITE_S = 30.0
"""A reader that takes nothing for so long is cut."""

log = structlog.get_logger()


async def export(asked: Asked) -> web.StreamResponse:
    """`/cases/export`. What is refused is refused before the first line. One that breaks off later ends without the end
    that HTTP gives an answer, so no reader takes what came for the whole. A HEAD reads nothing.
    """
    wanted = everything(filter_of(asked, given_of(asked.request.query), pinned=asked.now))
    as_csv = asked.request.query.get("format") != "jsonl"
    line = _row if as_csv else _document
    response = _download(asked, "text/csv" if as_csv else "application/jsonl", "csv" if as_csv else "jsonl")
    if asked.request.method == "HEAD":
        return response
    async with aclosing(cases.export_cases(asked.desk.place, asked.who, wanted)) as found:
        first = await anext(found, None)
        # From here on no other answer can follow, only a break.
        await response.prepare(asked.request)
        try:
            if as_csv:
                await _write(response, _line(COLUMNS))
            await _all(response, first, found, line)
            await response.write_eof()
        except Exception as error:
            if not isinstance(error, ConnectionError | TimeoutError):
                log.error("page-export-broken", exc_info=error)
            if asked.request.transport is not None:
                asked.request.transport.abort()
    return response


def _download(asked: Asked, kind: str, ending: str) -> web.StreamResponse:
    """Headers alone; those of every page are set here because they go out before the page's frame could add them."""
    name = f"lockstep-cases-{moment(asked.now)[:10]}.{ending}"
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    response = web.StreamResponse(headers=headers)
    response.content_type = kind
    response.charset = "utf-8"
    return response


async def _all(
    response: web.StreamResponse, first: Case | None, rest: AsyncGenerator[Case, None], line: Callable[[Case], bytes]
) -> None:
    if first is None:
        return
    await _write(response, line(first))
    async for case in rest:
        await _write(response, line(case))


async def _write(response: web.StreamResponse, line: bytes) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(line)


def _document(case: Case) -> bytes:
    return msgspec.json.encode(case) + b"\n"


def _row(case: Case) -> bytes:
    return _line([_safe(getattr(case, name)) for name in COLUMNS])


def _safe(value: Any) -> str:
    """A spreadsheet takes what begins like this for a formula."""
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _line(values: Any) -> bytes:
    into = io.StringIO()
    csv.writer(into).writerow(values)
    return into.getvalue().encode()
