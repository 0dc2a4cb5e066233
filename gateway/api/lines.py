"""Long answers, one thing on a line (JSONL)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import structlog
from aiohttp import web

from gateway.api.declare import Ask
from gateway.api.showing import to_json

WRITE_S = 30.0
"""A reader that takes nothing for so long is cut."""

log = structlog.get_logger()


async def answer_lines(ask: Ask, found: AsyncGenerator[Any, None], name: str) -> web.StreamResponse:
    """What is refused is refused before the first line; one that breaks off later ends without the end that HTTP gives
    an answer, so no reader takes it for the whole. `name`: of the file that browsers make of it.
    """
    response = web.StreamResponse(
        headers={
            "Content-Type": "application/jsonl",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "Vary": "Authorization, Cookie",
        }
    )
    async with aclosing(found):
        first = await anext(found, None)
        # From here on no other answer can follow, only a break.
        await response.prepare(ask.request)
        try:
            await _write(response, first)
            async for each in found:
                await _write(response, each)
        except Exception as error:
            if not isinstance(error, ConnectionError | TimeoutError):
                log.error("api-export-broken", exc_info=error)
            if ask.request.transport is not None:
                ask.request.transport.abort()
    return response


async def _write(response: web.StreamResponse, each: Any) -> None:
    if each is not None:
        async with asyncio.timeout(WRITE_S):
            await response.write(to_json(each).encode() + b"\n")
