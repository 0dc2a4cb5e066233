"""RestClient: one per connection. Sends prepared requests, keeps what the system tells about limits and clock, and
raises what `classify` says. It neither logs nor paces; delivery does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote, urlencode

import aiohttp
import httpx

from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings, Sink
from connectors.contract.errors import CredentialsError, DeliveryError, Throttled
from connectors.contract.limits import Allowance
from connectors.rest.again import again
from connectors.rest.answer import Answer, Call, Failure, TypeCheck
from connectors.rest.auth import Header, Presented
from connectors.rest.classify import Blame, Vendor, classify, no_blame
from connectors.rest.evidence import evidence
from connectors.rest.failures import failure_of
from connectors.rest.limits import Budget, ClockOffset, ReadBudget, as_told, budget, with_told
from connectors.rest.rates import USUAL, RateHeader, pressing, told
from connectors.rest.sign_in import Exchange, Mark, SignIn
from connectors.rest.token_request import TokenRequest
from connectors.rest.transport import aiohttp_transport
from connectors.rest.wire import JSON, Wire

CONNECT_S = 5.0
SIZE_CAP = 32 * 1024 * 1024
"""Bytes of one answer, after decompression: far above any page asked for, so that a runaway answer cannot fill the
memory.
"""

MOST_SIGN_INS = 3
"""Credentials that one call presents: what stands, and after a refusal what is newer, or was there before."""
ADMITTED_S, ADMITTED_SHARE = 5.0, 0.25
"""A request waits no longer than this, nor than this share of its time-out, for the budget to let it through."""
LEAST_S = 0.05
"""With less of its time-out left a call is not sent again."""

Query = Mapping[str, str | int]
Files = Mapping[str, tuple[str, Any, str]]
"""Name of a part -> name, binary file and media type of what it holds."""
Content = bytes | Files | None
Veil = Callable[[Answer], Answer]
"""Takes out of an answer's body what may not be kept as evidence; nothing else of it may change."""


class RestClient:
    """Speaks to one base URL, JSON unless `wire` says otherwise. Every failure is an error of
    `connectors.contract.errors`; see `classify`.

    A cancelled call may have been sent: whoever cancels a write has to treat its outcome as unknown.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        vendor: Vendor | None = None,
        blame: Blame = no_blame,
        wire: Wire = JSON,
        veil: Veil | None = None,
        read_budget: ReadBudget = budget,
        size_cap: int = SIZE_CAP,
        rates: Sequence[RateHeader] = USUAL,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._base = settings.url.rstrip("/")
        self._timeout_s, self._size_cap = settings.timeout_s, size_cap
        self._clock, self._sleep = clock, sleep
        self._admission, self._rates = settings.admission, tuple(rates)
        self._vendor, self._blame, self._read_budget = vendor, blame, read_budget
        self._wire, self._veil = wire, veil
        self._accepts = _accepts(wire)
        self._sends = [*self._accepts, (b"content-type", wire.content_type.encode())]
        self._sign_in = SignIn(settings, clock=clock, send=self._ask_token, now=self._system_now)
        self._transport = transport or aiohttp_transport(settings.concurrency)
        self._offset = ClockOffset()
        self.budget = Budget()
        self.requests = 0
        """Sent so far."""

    @property
    def user(self) -> str:
        """The name that signs in now; "" where the credential has none."""
        return self._sign_in.user

    @property
    def clock_offset_s(self) -> float:
        """The system's clock minus ours, from Date headers; 0.0 until known."""
        return self._offset.seconds

    def allowance(self) -> Allowance:
        """What was used of the system's budget, and what its last rate headers left of it."""
        known, at = self.budget, self.budget.reset_at
        left_s = None if at is None else at - self._system_now()
        return Allowance(requests=self.requests, limit=known.limit, remaining=known.remaining, resets_in_s=left_s)

    async def read(
        self,
        path: str,
        query: Query | None = None,
        *,
        method: str = "GET",
        body: Any = None,
        sound: TypeCheck | None = None,
        tolerate: Collection[int] = (),
        timeout_s: float | None = None,
        headers: Mapping[str, str] | None = None,
        sink: Sink | None = None,
    ) -> Answer:
        """A request without effect. Tried anew up to twice, shortly, within the same time-out, after it failed. A
        `sink` takes the body as it comes; it is not held in memory then.
        """
        call = Call(
            method=method,
            url=self._url(path, query),
            write=False,
            empty_ok=sink is not None,
            sound=sound,
            tolerate=frozenset(tolerate),
            sink=sink,
        )
        content = None if body is None else self._wire.encode(body)
        extra = [_header(*each) for each in (headers or {}).items()]
        deadline = self._clock.monotonic() + (timeout_s or self._timeout_s)

        async def attempt() -> Answer:
            return await self._send(call, content, extra, max(0.05, deadline - self._clock.monotonic()))

        try:
            return await attempt()
        except DeliveryError as error:
            return await again(attempt, error, deadline=deadline, clock=self._clock, sleep=self._sleep)

    async def write(
        self,
        method: str,
        path: str,
        body: Any,
        query: Query | None = None,
        *,
        empty_ok: bool = False,
        sound: TypeCheck | None = None,
        tolerate: Collection[int] = (),
        timeout_s: float | None = None,
        operation: str = "",
        traceparent: str = "",
        etag: str | None = None,
        headers: Mapping[str, str] | None = None,
        files: Files | None = None,
        wire: Wire | None = None,
    ) -> Answer:
        """A request that may have an effect: sent once, and again only if it was turned away at the door (401) and
        there is another credential. Raising anything but OutcomeUnknown: no effect. `files` are sent as a form, read
        while they are sent. `wire`: how this body is written, where it differs; its content type is among `headers`.
        """
        call = Call(
            method=method,
            url=self._url(path, query),
            write=True,
            empty_ok=empty_ok,
            sound=sound,
            tolerate=frozenset(tolerate),
        )
        extra = [*_extra(operation, traceparent, etag), *(_header(*each) for each in (headers or {}).items())]
        content = files if files is not None else None if body is None else (wire or self._wire).encode(body)
        return await self._send(call, content, extra, timeout_s or self._timeout_s)

    def evidence(self, method: str, path: str, answer: Answer) -> dict[str, object]:
        """Evidence of an answer that the caller tolerated and judges itself."""
        shown = self._sign_in.ready()
        secrets = shown.secrets if shown is not None else ()
        return evidence(Call(method=method, url=self._url(path, None), write=True), answer, None, secrets)

    async def close(self) -> None:
        """Closes pooled connections."""
        await self._transport.aclose()

    def _url(self, path: str, query: Query | None) -> str:
        return f"{self._base}{path}?{urlencode(query, quote_via=quote)}" if query else f"{self._base}{path}"

    def _system_now(self) -> float:
        return self._clock.now() + self._offset.seconds

    async def _send(self, call: Call, content: Content, extra: Collection[Header], timeout_s: float) -> Answer:
        """Signs in and sends. All of it, a token that has to be got first included, ends within `timeout_s`."""
        shown = self._sign_in.ready()
        deadline = self._clock.monotonic() + timeout_s
        if shown is None:
            shown = await self._sign_in.fetched(timeout_s)
            timeout_s = max(LEAST_S, deadline - self._clock.monotonic())
        try:
            return await self._once(call, content, extra, timeout_s, shown)
        except CredentialsError as error:
            return await self._otherwise(error, shown, call, content, extra, deadline)

    async def _otherwise(
        self,
        error: CredentialsError,
        shown: Presented,
        call: Call,
        content: Content,
        extra: Collection[Header],
        deadline: float,
    ) -> Answer:
        """The same request with other credentials, as long as there are some; else the last refusal."""
        tried: set[Mark] = set()
        while True:
            tried.add((shown.version, shown.serial))
            left_s = deadline - self._clock.monotonic()
            if len(tried) >= MOST_SIGN_INS or left_s <= LEAST_S:
                raise error
            other = await self._sign_in.instead(shown, tried, left_s)
            left_s = deadline - self._clock.monotonic()
            if other is None or left_s <= LEAST_S:
                raise error
            shown = other
            try:
                return await self._once(call, content, extra, left_s, shown)
            except CredentialsError as again_refused:
                error = again_refused

    async def _once(
        self, call: Call, content: Content, extra: Collection[Header], timeout_s: float, shown: Presented
    ) -> Answer:
        asked_at = self._clock.monotonic()
        if self._admission is None:
            return await self._let_in(call, content, extra, timeout_s, shown)
        await self._admission.enter(min(ADMITTED_S, timeout_s * ADMITTED_SHARE))
        try:
            left_s = max(LEAST_S, timeout_s - (self._clock.monotonic() - asked_at))
            return await self._let_in(call, content, extra, left_s, shown)
        finally:
            self._admission.leave()

    async def _let_in(
        self, call: Call, content: Content, extra: Collection[Header], timeout_s: float, shown: Presented
    ) -> Answer:
        sent_at, began = self._clock.now(), self._clock.monotonic()
        self.requests += 1
        ours = self._sends if isinstance(content, bytes) else self._accepts
        headers = [*shown.headers, *_unsaid(ours, extra), *extra]
        url = f"{call.url}{'&' if '?' in call.url else '?'}{shown.query}" if shown.query else call.url
        exchange = await self._exchange(call.method, url, content, headers, timeout_s, self._wire, call.sink)
        answer, received_at = exchange.answer, self._clock.now()
        if answer is not None:
            self._offset.learn(answer.headers.get("date", ""), sent_at, received_at)
        error = self._judged(call, answer, exchange.failure, received_at, shown)
        self._learn(answer, error, self._clock.monotonic() - began)
        if error is not None and answer is not None and self._veil is not None:
            error = self._judged(call, self._veil(answer), exchange.failure, received_at, shown)
        if error is not None:
            raise error from exchange.cause
        return cast(Answer, answer)  # without an answer there is always an error

    def _learn(self, answer: Answer | None, error: DeliveryError | None, took_s: float) -> None:
        """What an answer says of the system's limits."""
        found = told(answer.headers, self._rates, self._clock.now()) if answer is not None else []
        if answer is not None:
            before, self.budget = self.budget, self._read_budget(answer.headers, self.budget)
            if not found and self.budget is not before:
                found = [as_told(self.budget, self._system_now())]  # by headers of the system's own
        if (least := pressing(found)) is not None:
            self.budget = with_told(self.budget, least, self._system_now())
        if self._admission is not None:
            wish_s = error.retry_after_s if isinstance(error, Throttled) else None
            status = 429 if isinstance(error, Throttled) else answer.status if answer is not None else None
            self._admission.answered(took_s, status, found, wish_s)

    def _judged(
        self, call: Call, answer: Answer | None, failure: Failure | None, now: float, shown: Presented
    ) -> DeliveryError | None:
        return classify(call, answer, failure, now=now, vendor=self._vendor, blame=self._blame, secrets=shown.secrets)

    async def _ask_token(self, call: Call, request: TokenRequest, timeout_s: float) -> Exchange:
        sent_at = self._clock.now()
        exchange = await self._exchange(
            call.method, call.url, request.content, [*request.headers, *_ACCEPTS_JSON], timeout_s, JSON
        )
        if exchange.answer is not None:
            self._offset.learn(exchange.answer.headers.get("date", ""), sent_at, self._clock.now())
        return exchange

    async def _exchange(
        self,
        method: str,
        url: str,
        content: Content,
        headers: list[Header],
        timeout_s: float,
        wire: Wire,
        sink: Sink | None = None,
    ) -> Exchange:
        """One request over the wire. The whole of it ends within `timeout_s`, whatever trickles in."""
        response: httpx.Response | None = None
        body = bytearray()
        failure, cause = None, None
        try:
            async with asyncio.timeout(timeout_s):
                response = await self._transport.handle_async_request(
                    _request(method, url, content, headers, timeout_s)
                )
                taking = sink if response.is_success else None
                if not await self._taken(response, body if taking is None else taking):
                    failure = Failure.TOO_LARGE
        except _BROKEN as error:
            cause = error
            failure = Failure.CUT if response is not None else failure_of(error)
        finally:
            if response is not None:
                await response.aclose()
        answer = _answer(response, body, failure, wire) if response is not None else None
        return Exchange(answer, failure, cause)

    async def _taken(self, response: httpx.Response, into: bytearray | Sink) -> bool:
        """Whether the body was not too long; no more of it is read then."""
        take: Callable[[bytes], object]
        if isinstance(into, bytearray):
            most, take = self._size_cap, into.extend
        else:
            into.begin()
            most, take = into.most, into.take
        async for chunk in response.aiter_bytes():
            most -= len(chunk)
            if most < 0:
                return False
            take(chunk)
        return True


def _request(method: str, url: str, content: Content, headers: list[Header], timeout_s: float) -> httpx.Request:
    connect_s = min(CONNECT_S, timeout_s / 2)  # so that the time-out of the whole can only strike after sending
    times = {"connect": connect_s, "pool": connect_s, "read": timeout_s, "write": timeout_s}
    files = content if isinstance(content, Mapping) else None
    body = content if isinstance(content, bytes) else None
    return httpx.Request(method, url, headers=headers, content=body, files=files, extensions={"timeout": times})


def _accepts(wire: Wire) -> list[Header]:
    return [
        (b"accept", wire.accept.encode()),
        (b"accept-encoding", b"gzip, deflate"),
        (b"user-agent", b"lockstep"),
    ]


def _unsaid(usual: Sequence[Header], extra: Collection[Header]) -> list[Header]:
    """What every request says, but what this one says otherwise: a second `User-Agent` is one too many."""
    said = {name for name, _ in extra}
    return [each for each in usual if each[0] not in said]


_ACCEPTS_JSON = _accepts(JSON)
_BROKEN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, TimeoutError, OSError)


def _answer(response: httpx.Response, body: bytearray, failure: Failure | None, wire: Wire) -> Answer:
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    content = bytes(body)
    is_json, data = wire.decode(content) if failure is None else (False, None)
    return Answer(
        status=response.status_code, headers=headers, body=content, data=data, is_json=is_json, whole=failure is None
    )


def _extra(operation: str, traceparent: str, etag: str | None) -> list[Header]:
    given = ((b"x-lockstep-operation", operation), (b"traceparent", traceparent), (b"if-match", etag or ""))
    return [(name, value.encode("latin-1", "replace")) for name, value in given if value]


def _header(name: str, value: str) -> Header:
    return name.lower().encode("latin-1"), value.encode("latin-1", "replace")
