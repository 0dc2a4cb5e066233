"""Bodies of requests from outside, received within what there is room for."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

BODY_S = 30.0
"""A sender that has not ended its body by then is answered 408: it holds room that others need."""
CHUNK = 64 * 1024


async def body_of(request: web.Request, longest: int, grow: Callable[[int], None]) -> bytes:
    """What is received takes its room piece by piece: what a sender announces and does not send keeps nobody out.

    Raises HTTPRequestEntityTooLarge, RequestPayloadError, and what `grow` raises.
    """
    if (request.content_length or 0) > longest:
        raise web.HTTPRequestEntityTooLarge(max_size=longest, actual_size=request.content_length or 0)
    body = bytearray()
    async for piece in request.content.iter_chunked(CHUNK):
        grow(len(piece))
        body += piece
        if len(body) > longest:
            raise web.HTTPRequestEntityTooLarge(max_size=longest, actual_size=len(body))
    return bytes(body)
