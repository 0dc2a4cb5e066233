"""The cutting proxy: a real HTTP server on 127.0.0.1 between a client and any system, which carries out one fault.

It cuts real TCP connections, so what a connector sees is what a network does to it, and it counts what it handed on:
the first witness against a client that sends twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from connectors.conformance.faults import Comes, Fault, Goes

Kind = Literal["write", "read"]
Change = Callable[[bytes], bytes]
"""Rewrites the body of an answer."""
Headers = list[tuple[str, str]]
IsWrite = Callable[[str, str], bool]
"""(method, path with query) -> whether the request may change something."""
SLOW_S = 0.2
LATE_S = 0.05
"""How long after the client has gone a late request is delivered."""
PAGE = b"<html><head><title>Maintenance</title></head><body><h1>We will be back soon</h1></body></html>"
_OWN = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "te", "upgrade", "accept-encoding"})
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive"})
_LOOK_S = 0.01
_FINISH_S = 10.0
"""For requests that still are on their way when the proxy is closed: what they do must not come after the tidying."""


@dataclass
class Counted:
    """What came to the proxy and what it handed on."""

    writes: int = 0
    reads: int = 0
    delivered: int = 0
    """Writes that reached the system, late ones included."""


class CuttingProxy:
    """In front of one base URL. Connections are closed after each answer, so that none is met half dead."""

    def __init__(self, target: str, http: aiohttp.ClientSession, is_write: IsWrite, elsewhere: str = "") -> None:
        self._target, self._http, self._is_write = target.rstrip("/"), http, is_write
        self._elsewhere = elsewhere
        self._host = urlsplit(self._target).netloc
        self._armed: tuple[Fault, Kind, int | None] | None = None
        self._skip = 0
        self._late: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=_FINISH_S)
        self._site: web.TCPSite | None = None
        self.port = 0
        self.seen = Counted()
        self.change: Change | None = None

    @property
    def url(self) -> str:
        """What to put in the place of the system's base URL."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listens on a free port; again on the same one after `deafen`."""
        if not self.port:
            await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        self.port = self.port or self._runner.addresses[0][1]

    async def deafen(self) -> None:
        """Nobody listens until `start`."""
        if self._site is not None:
            await self._site.stop()
            self._site = None

    async def close(self) -> None:
        """Lets go of everything; what was to be late comes first."""
        await self.landed()
        await self._runner.cleanup()

    def arm(self, fault: Fault, on: Kind, count: int | None = 1, *, skip: int = 0) -> None:
        """The next `count` requests of that kind meet the fault, once `skip` have passed; None: all of them."""
        self._armed, self._skip = (fault, on, count), skip

    def heal(self) -> None:
        """No more faults."""
        self._armed = None

    async def landed(self) -> None:
        """Waits until nothing is under way any more: what is delivered late, and what the system has not answered
        although the client no longer listens.
        """
        while self._late:
            await asyncio.gather(*self._late)
        await self._at_rest.wait()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        kind: Kind = "write" if self._is_write(request.method, request.path_qs) else "read"
        if kind == "write":
            self.seen.writes += 1
        else:
            self.seen.reads += 1
        fault = self._met(kind)
        if fault is not None and fault.comes is Comes.HEAD_RESET:
            return _cut(request)
        body = await request.read()
        if fault is None:
            return await self._real(request, body, kind)
        return await self._spoilt(fault, request, body, kind)

    def _met(self, kind: Kind) -> Fault | None:
        if self._armed is None or self._armed[1] != kind:
            return None
        fault, on, left = self._armed
        if self._skip:
            self._skip -= 1
            return None
        if left is not None:
            self._armed = (fault, on, left - 1) if left > 1 else None
        return fault

    async def _spoilt(self, fault: Fault, request: web.BaseRequest, body: bytes, kind: Kind) -> web.StreamResponse:
        if fault.goes is Goes.LATE:
            task = asyncio.create_task(self._later(request, body, kind))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        real = await self._real(request, body, kind) if fault.goes is Goes.YES else None
        match fault.comes:
            case Comes.SILENCE:
                await _gone(request)
                return _cut(request)
            case Comes.CANNED if fault.answer is not None:
                return _answer(fault.answer.status, list(fault.answer.headers.items()), fault.answer.body)
            case Comes.PAGE:
                return _answer(200, [("Content-Type", "text/html")], PAGE)
            case Comes.REDIRECT:
                status = 307 if kind == "write" else 302
                return _answer(status, [("Location", f"{self._elsewhere}{request.path_qs}")], b"")
            case Comes.SLOW:
                await asyncio.sleep(SLOW_S)
                return real if real is not None else _cut(request)
        if real is None or fault.comes is Comes.RESET or not isinstance(real.body, bytes) or not real.body:
            return real if fault.comes in {Comes.MISLABELLED, Comes.MARKED} and real is not None else _cut(request)
        return await self._damaged(fault, request, real, real.body)

    async def _damaged(
        self, fault: Fault, request: web.BaseRequest, real: web.Response, body: bytes
    ) -> web.StreamResponse:
        headers = list(real.headers.items())
        if fault.comes is Comes.MARKED and fault.answer is not None:
            return _answer(real.status, _with(headers, fault.answer.headers), body)
        if fault.comes is Comes.MISLABELLED:
            return _answer(real.status, _with(headers, {"Content-Type": "text/html"}), body)
        half = body[: len(body) * 2 // 3]
        if fault.comes is Comes.HALF:
            return _answer(real.status, headers, half)
        return await _broken_off(request, real.status, headers, body, half)

    async def _later(self, request: web.BaseRequest, body: bytes, kind: Kind) -> None:
        await _gone(request)
        await asyncio.sleep(LATE_S)
        await self._real(request, body, kind)

    async def _real(self, request: web.BaseRequest, body: bytes, kind: Kind) -> web.Response:
        """The system's own answer, with its own address in it replaced by ours, so that links lead through here."""
        self._under_way += 1
        self._at_rest.clear()
        try:
            return await self._handed_on(request, body, kind)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._at_rest.set()

    async def _handed_on(self, request: web.BaseRequest, body: bytes, kind: Kind) -> web.Response:
        if kind == "write":
            self.seen.delivered += 1
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OWN}
        headers |= {"Host": self._host, "Accept-Encoding": "identity"}
        url = f"{self._target}{request.path_qs}"
        async with self._http.request(
            request.method, URL(url, encoded=True), headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            content = await answer.read()
            given = [(name, value.replace(self._target, self.url)) for name, value in answer.headers.items()]
        content = content.replace(self._target.encode(), self.url.encode())
        if self.change is not None and kind == "read" and "json" in answer.headers.get("Content-Type", ""):
            content = self.change(content)
            given = [pair for pair in given if pair[0].lower() != "etag"]  # it names what the system said, not this
        return _answer(answer.status, given, content)


def _with(headers: Headers, more: Mapping[str, str]) -> Headers:
    replaced = {name.lower() for name in more}
    return [*(pair for pair in headers if pair[0].lower() not in replaced), *more.items()]


def _answer(status: int, headers: Headers, body: bytes) -> web.Response:
    given = [pair for pair in headers if pair[0].lower() not in _FRAMING]
    response = web.Response(status=status, headers=given, body=body)
    response.force_close()
    return response


async def _broken_off(
    request: web.BaseRequest, status: int, headers: Headers, whole: bytes, half: bytes
) -> web.StreamResponse:
    given = [pair for pair in headers if pair[0].lower() not in _FRAMING]
    response = web.StreamResponse(status=status, headers=given)
    response.content_length = len(whole)
    response.force_close()
    await response.prepare(request)
    await response.write(half)
    if request.transport is not None:
        request.transport.close()  # flushes what was written, unlike `abort`
    return response


def _cut(request: web.BaseRequest) -> web.Response:
    """Resets the connection; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return _answer(500, [], b"")


async def _gone(request: web.BaseRequest) -> None:
    """Waits until the client has given up."""
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(_LOOK_S)
