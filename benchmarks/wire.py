"""A small HTTP/1.1 client for sending many requests cheaply: keep-alive, one request in flight per connection.

Written out because the load must cost less than what it measures: a general client would take most of its core.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import cast

OnAnswer = Callable[[int], None]


def request_bytes(host: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST as it goes over the wire."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body


class Line(asyncio.Protocol):
    """One connection. Understands answers with a Content-Length, which is all that both servers send."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._on_answer: OnAnswer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are not subclasses of asyncio's

    def send(self, request: bytes, on_answer: OnAnswer) -> None:
        """Sends; `on_answer(status)` is called once, with 0 when the connection broke."""
        self._on_answer = on_answer
        if self._transport is None or self._transport.is_closing():
            self._finish(0)
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = _content_length(head)
        if len(rest) >= length:
            self._buffer = rest[length:]
            self._finish(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.lost(self)
        if self._on_answer is not None:
            self._finish(0)

    def close(self) -> None:
        """Closes the connection."""
        if self._transport is not None:
            self._transport.close()

    def _finish(self, status: int) -> None:
        on_answer, self._on_answer = self._on_answer, None
        if on_answer is not None:
            self._pool.free(self)
            on_answer(status)


class Pool:
    """A fixed number of lines to one host; requests beyond that wait in order."""

    def __init__(self) -> None:
        self._idle: deque[Line] = deque()
        self._waiting: deque[tuple[bytes, OnAnswer]] = deque()
        self._lines: set[Line] = set()

    async def open(self, host: str, port: int, lines: int) -> None:
        """Connects all lines. Raises OSError when nobody listens."""
        loop = asyncio.get_running_loop()
        for _ in range(lines):
            _, line = await loop.create_connection(lambda: Line(self), host, port)
            self._lines.add(line)
            self._idle.append(line)

    def send(self, request: bytes, on_answer: OnAnswer) -> None:
        """Sends as soon as a line is free."""
        if self._idle:
            self._idle.popleft().send(request, on_answer)
        elif self._lines:
            self._waiting.append((request, on_answer))
        else:
            on_answer(0)

    def free(self, line: Line) -> None:
        """Takes a line back after an answer."""
        if line not in self._lines:
            return
        if self._waiting:
            request, on_answer = self._waiting.popleft()
            line.send(request, on_answer)
        else:
            self._idle.append(line)

    def lost(self, line: Line) -> None:
        """Forgets a broken line; requests that waited for the last one are told."""
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)
        while not self._lines and self._waiting:
            self._waiting.popleft()[1](0)

    def close(self) -> None:
        """Closes all lines."""
        for line in self._lines.copy():
            line.close()


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.find(b"\r\ncontent-length:")
    if start < 0:
        return 0
    end = lowered.find(b"\r\n", start + 2)
    return int(lowered[start + 17 : end if end > 0 else len(lowered)])
