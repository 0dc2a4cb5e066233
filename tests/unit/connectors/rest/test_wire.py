"""RestClient over the real transport, against sockets that break in every way: was the request sent or not?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import OutcomeUnknown, Retryable
from connectors.rest import RestClient

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Counts requests; each is answered by the next of `answers`, the last one for ever. None hangs up."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers, self.requests, self.url = list(answers), 0, ""
        self.met = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, closed to the end whatever happens on it."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self.serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
            self._serving.discard(task)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await self.answer(reader, writer):
            pass

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Reads a whole request; False ends the connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), b":0")
        await reader.readexactly(int(length.partition(b":")[2]))
        self.requests += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        writer.write(answer or b"")
        await writer.drain()
        return answer is OK

    async def done(self) -> None:
        await asyncio.gather(*self._serving, return_exceptions=True)


class Silent(Server):
    """Takes a request and says nothing until the other side gives up."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        self.met.set()
        await reader.read()


class Trickle(Server):
    """Answers one byte at a time, for ever."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        gone = asyncio.ensure_future(reader.read())
        while not gone.done():
            writer.write(b" ")
            await writer.drain()
            await asyncio.wait({gone}, timeout=0.02)


class NoTls(Server):
    """Speaks before it is spoken to, and not TLS."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        await writer.drain()


@asynccontextmanager
async def client(server: Server, **settings: object) -> AsyncIterator[RestClient]:
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    given = {"name": "s", "connector": "x", "url": f"http://127.0.0.1:{port}", "auth": {"bearer": {"token": "t"}}}
    made = RestClient(ConnectionSettings(**(given | settings)), clock=SystemClock())  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()
        listening.close()
        await listening.wait_closed()
        await server.done()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_dropped_after_sending_is_unknown_and_not_resent(method: str) -> None:
    """The transport names this a connect time-out, and aiohttp would repeat PUT and DELETE: both would break P2."""
    server = Server(None)
    async with client(server) as rest:
        with pytest.raises(OutcomeUnknown):
            await rest.write(method, "/", {})
    assert server.requests == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_dropped_on_a_kept_connection_is_not_resent(method: str) -> None:
    """The first request leaves a connection in the pool; on the second the server hangs up after reading it."""
    server = Server(OK, None)
    async with client(server) as rest:
        await rest.write(method, "/", {})
        with pytest.raises(OutcomeUnknown):
            await rest.write(method, "/", {})
    assert server.requests == 2


async def test_refused_connection_was_not_sent() -> None:
    server = Server(OK)
    async with client(server) as rest:
        pass
    async with client(server, url="http://127.0.0.1:1") as rest:
        with pytest.raises(Retryable) as got:
            await rest.write("POST", "/", {})
    assert got.value.down


async def test_unknown_host_was_not_sent() -> None:
    async with client(Server(OK), url="http://no-such-host.invalid") as rest:
        with pytest.raises(Retryable) as got:
            await rest.write("POST", "/", {})
    assert got.value.down


async def test_tls_failure_was_not_sent() -> None:
    async with client(NoTls(OK)) as plain:
        secure = plain._base.replace("http://", "https://")
        async with client(Server(OK), url=secure) as rest:
            with pytest.raises(Retryable) as got:
                await rest.write("POST", "/", {})
    assert got.value.down


async def test_no_free_connection_in_time_was_not_sent() -> None:
    server = Silent(OK)
    async with client(server, concurrency=1, timeout_s=1.0) as rest:
        holding = asyncio.create_task(rest.write("POST", "/first", {}))
        await server.met.wait()
        with pytest.raises(Retryable):
            await rest.write("POST", "/second", {}, timeout_s=0.2)
        assert server.requests == 1
        with pytest.raises(OutcomeUnknown):
            await holding


async def test_silence_after_sending_is_unknown() -> None:
    server = Silent(OK)
    async with client(server, timeout_s=0.3) as rest:
        with pytest.raises(OutcomeUnknown):
            await rest.write("POST", "/", {})
    assert server.requests == 1


async def test_an_answer_that_trickles_ends_with_the_time_out() -> None:
    async with client(Trickle(OK), timeout_s=0.3) as rest:
        with pytest.raises(OutcomeUnknown) as got:
            await rest.write("POST", "/", {})
    assert got.value.evidence["failure"] == "cut"


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"a": 1',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":',
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["short body", "short chunks", "not http", "not json", "not gzip"],
)
async def test_broken_answers(answer: bytes) -> None:
    server = Server(answer)
    async with client(server) as rest:
        with pytest.raises(OutcomeUnknown):
            await rest.write("POST", "/", {})
        assert server.requests == 1
        with pytest.raises(Retryable):
            await rest.read("/")


async def test_cookies_and_redirects_are_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    server = Server(moved)
    async with client(server) as rest:
        answer = await rest.read("/", tolerate={302})
    assert (answer.status, server.requests) == (302, 1)
