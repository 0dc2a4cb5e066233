"""A system in memory for the tests of a connector file: it answers what the test says, and notes what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import httpx
import orjson

from connectors.declared.model.tests import Exchange

NOW = 1795262400.0
"""What the time is in tests: 2026-11-21 12:00 UTC."""


class Unexpected(Exception):
    """Something was asked that the test has no answer for."""


class Clock:
    """Stands still, so that bounds of polls can be written into a test; a lost answer takes its time."""

    def __init__(self) -> None:
        self._waited_s = 0.0

    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return self._waited_s

    def wait(self) -> None:
        """A time-out went by: nothing is tried anew within it."""
        self._waited_s += 3600.0


class Scripted(httpx.AsyncBaseTransport):
    """Answers in the order of the test."""

    def __init__(self, answers: Sequence[Exchange], clock: Clock) -> None:
        self._left, self._clock = list(answers), clock
        self.calls = 0

    @property
    def left(self) -> int:
        """Answers that nobody asked for."""
        return len(self._left)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        asked = f"{request.method} {request.url.raw_path.decode()}"
        if not self._left:
            raise Unexpected(f"{asked} was asked, and no answer is left")
        exchange = self._left.pop(0)
        if not _fits(asked, exchange.asked):
            raise Unexpected(f"{asked} was asked, and not {exchange.asked}")
        _check_sent(request, exchange)
        if exchange.lost:
            self._clock.wait()
            raise httpx.ReadTimeout("lost", request=request)
        content = exchange.text.encode() if exchange.text is not None else _body(exchange.body)
        return httpx.Response(exchange.status, headers=exchange.headers, content=content, request=request)


def _body(body: Any) -> bytes:
    return b"" if body is None else orjson.dumps(body)


def _fits(asked: str, wanted: str) -> bool:
    path, _, query = asked.partition("?")
    wanted_path, _, wanted_query = wanted.partition("?")
    given, named = parse_qs(query, keep_blank_values=True), parse_qs(wanted_query, keep_blank_values=True)
    return path == wanted_path and all(given.get(name) == values for name, values in named.items())


def _check_sent(request: httpx.Request, exchange: Exchange) -> None:
    for name, wanted in exchange.with_headers.items():
        given = request.headers.get(name)
        if given != wanted:
            raise Unexpected(f"{exchange.asked} was asked with {name}: {given}, and not {wanted}")
    if exchange.sent is None:
        return
    try:
        sent: Any = orjson.loads(request.content)
    except orjson.JSONDecodeError:
        sent = request.content.decode("utf-8", "replace")
    if sent != exchange.sent:
        told = sent if isinstance(sent, str) else orjson.dumps(sent).decode()
        raise Unexpected(f"{exchange.asked} was sent {told}")
