"""The aiohttp transport as this product needs it: nothing is remembered, followed or repeated behind our back."""

from __future__ import annotations

import ssl
from functools import cache

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

KEEP_ALIVE_S = 4.0
"""Below the shortest idle time-out of common servers (Apache: 5 s), so that a write rarely meets a connection that the
other side is just closing: that would be an unknown outcome and cost a probe."""


@cache
def trusted() -> ssl.SSLContext:
    """The certificates we trust, one object for all connections: reading them holds the loop for tens of
    milliseconds.
    """
    return httpx.create_ssl_context()


def aiohttp_transport(connections: int) -> httpx.AsyncBaseTransport:
    """A transport with its own pool of at most `connections`. Opens nothing before the first request."""
    limits = httpx.Limits(max_connections=connections, keepalive_expiry=KEEP_ALIVE_S)
    transport = AiohttpTransport(verify=trusted(), limits=limits)

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=connections, keepalive_timeout=KEEP_ALIVE_S, ssl=transport.ssl_context, ttl_dns_cache=60
        )
        opened = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        # aiohttp repeats PUT and DELETE by itself when a connection breaks; for us that is a blind resend (P2).
        opened._retry_connection = False  # noqa: SLF001 - aiohttp's own test client sets it; there is no other switch
        return opened

    transport.client = session
    return transport
