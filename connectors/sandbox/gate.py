"""The door of a stand-in: latency, fault switches, sign-in, the durable answer. One middleware around the vendor's
API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import get_args

from aiohttp import web
from aiohttp.typedefs import Middleware

from connectors.sandbox.faults import Fault, RequestKind, Subject
from connectors.sandbox.people import Person
from connectors.sandbox.site import Refusal, Site, System

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ADMIN_PREFIX = "/_sandbox"
PERSON = web.RequestKey("person", Person)
_KINDS = frozenset(get_args(RequestKind))
_MAINTENANCE_PAGE = "<html><head><title>Maintenance</title></head><body><h1>We will be back soon</h1></body></html>"


def signed_in(request: web.Request) -> Person | None:
    """Who sent this request; None: anonymous."""
    return request.get(PERSON)


class Gate:
    """Faults meet only the vendor's API, never `/_sandbox`; a held socket costs nothing but its task."""

    def __init__(self, site: Site, system: System, *, latency_s: float) -> None:
        self._site, self._system, self._latency_s = site, system, latency_s
        self._closing = asyncio.Event()
        self._late: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Lets go of held sockets; late commits still pending never happen."""
        self._closing.set()
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    def middleware(self) -> Middleware:
        """To be put first in the application."""

        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith(ADMIN_PREFIX):
                return await handler(request)
            await request.read()  # a late commit still needs the body when the caller is long gone
            if self._latency_s:
                await asyncio.sleep(self._latency_s)
            return await self._pass(request, handler)

        return gate

    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        system = self._system
        subject = Subject(
            method=request.method,
            path=request.path_qs,
            write=system.is_write(request),
            actor=system.actor(request),
        )
        for fault in self._site.faults.meet(subject, _KINDS):
            if fault.kind != "slow":
                return await self._fail(fault, request, handler)
            await asyncio.sleep(1.0 if fault.delay_s is None else fault.delay_s)
        return await self._answer(request, handler)

    async def _answer(self, request: web.Request, handler: Handler) -> web.Response:
        """The vendor's answer, given only after everything it rests on is on disk."""
        person: Person | None = None
        try:
            person = self._system.sign_in(request)
            if person is not None:
                request[PERSON] = person
            response = await handler(request)
            assert isinstance(response, web.Response)
        except Refusal as refusal:
            response = refusal.response
        except web.HTTPException as routing:
            response = self._system.no_route(routing.status)
        await self._site.store.flush()
        response.headers.update(self._system.headers(person))
        response.headers["Date"] = formatdate(self._site.now(), usegmt=True)
        return response

    async def _fail(self, fault: Fault, request: web.Request, handler: Handler) -> web.Response:
        match fault.kind:
            case "timeout_before":
                return await self._hold(fault, request)
            case "timeout_after":
                await self._answer(request, handler)
                return await self._hold(fault, request)
            case "late_commit":
                self._commit_late(fault, request, handler)
                return await self._hold(fault, request)
            case "drop_after":
                await self._answer(request, handler)
                return _cut(request)
            case "status" | "non_json" | "truncated" | "bad_credentials":
                return await self._spoil(fault, request, handler)
        return _cut(request)  # drop_before, down

    async def _spoil(self, fault: Fault, request: web.Request, handler: Handler) -> web.Response:
        """Answers that arrive but do not say what happened."""
        if fault.kind == "bad_credentials":
            return self._system.unauthorised()
        commit = fault.kind == "truncated" if fault.commit is None else fault.commit
        real = await self._answer(request, handler) if commit else web.Response()
        if fault.kind == "status":
            return self._system.trouble(fault.status, fault.retry_after_s, fault.message)
        if fault.kind == "non_json":
            return web.Response(text=_MAINTENANCE_PAGE, content_type="text/html")
        assert isinstance(real.body, bytes | None)
        headers = {name: value for name, value in real.headers.items() if name.lower() != "content-length"}
        return web.Response(status=real.status, headers=headers, body=self._system.truncate(real.body or b""))

    def _commit_late(self, fault: Fault, request: web.Request, handler: Handler) -> None:
        async def commit() -> None:
            await asyncio.sleep(1.0 if fault.delay_s is None else fault.delay_s)
            await self._answer(request, handler)

        task = asyncio.create_task(commit())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _hold(self, fault: Fault, request: web.Request) -> web.Response:
        """Says nothing until the caller gives up, `hold_s` is over, or the stand-in stops."""
        loop = asyncio.get_running_loop()
        end = loop.time() + fault.hold_s
        while loop.time() < end and not self._closing.is_set():
            if request.transport is None or request.transport.is_closing():
                break
            try:
                await asyncio.wait_for(self._closing.wait(), 0.1)
            except TimeoutError:
                continue
        return _cut(request)


def _cut(request: web.Request) -> web.Response:
    """Closes the connection without an answer; aiohttp drops what is returned."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
