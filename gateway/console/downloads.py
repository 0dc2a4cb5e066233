"""Long lists to take away, line by line: whole, or a download that visibly broke off."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Any, TypeVar
from urllib.parse import quote

import structlog
from aiohttp import web

from gateway.console.frame import HEADERS, Asked
from gateway.console.rendering import moment
from gateway.core.sheets import safe_cell

WRITE_S = 30.0
"""A reader that takes nothing for so long is cut."""

T = TypeVar("T")
log = structlog.get_logger()


async def download(
    asked: Asked, found: AsyncGenerator[T, None], line: Callable[[T], bytes], *, name: str, first: bytes = b""
) -> web.StreamResponse:
    """What is refused is refused before the first line. One that breaks off later ends without the end that HTTP gives
    an answer, so no reader takes what came for the whole. A HEAD reads nothing. `name`: of the file, `cases.csv`.
    """
    response = _headers(asked, *name.split("."))
    if asked.request.method == "HEAD":
        return response
    async with aclosing(found):
        newest = await anext(found, None)
        # From here on no other answer can follow, only a break.
        await response.prepare(asked.request)
        try:
            if first:
                await _write(response, first)
            if newest is not None:
                await _write(response, line(newest))
            async for each in found:
                await _write(response, line(each))
            await response.write_eof()
        except Exception as error:
            if not isinstance(error, ConnectionError | TimeoutError):
                log.error("page-export-broken", exc_info=error)
            if asked.request.transport is not None:
                asked.request.transport.abort()
    return response


def file(name: str, content: bytes) -> web.Response:
    """What somebody handed in: always a download, never shown as a page."""
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return web.Response(body=content, content_type="application/octet-stream", headers=headers)


def sheet_line(values: Iterable[Any]) -> bytes:
    """A row of a CSV file, of texts that no spreadsheet takes for a formula."""
    into = io.StringIO()
    csv.writer(into).writerow([safe_cell(str(value)) for value in values])
    return into.getvalue().encode()


def _headers(asked: Asked, what: str, ending: str) -> web.StreamResponse:
    """Those of every page are set here because they go out before the page's frame could add them."""
    name = f"lockstep-{what}-{moment(asked.now)[:10]}.{ending}"
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    response = web.StreamResponse(headers=headers)
    response.content_type = "text/csv" if ending == "csv" else "application/jsonl"
    response.charset = "utf-8"
    return response


async def _write(response: web.StreamResponse, line: bytes) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(line)
