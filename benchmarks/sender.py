"""Sends planned changes as signed webhooks: changes of one record one after the other, records side by side.

A vendor sends the webhooks of one object in order too; what a race at the door would do is not what is measured here.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping

from benchmarks import signing
from benchmarks.target.state import monotonic_us
from benchmarks.wire import Pool, request_bytes
from benchmarks.workload import Planned

RETRY_S = 0.05
"""A refused webhook (503, 429) is sent again after this, as vendors do."""


class SendError(Exception):
    """A webhook was refused for good or the receiver is gone; the run has no result."""


class Sender:
    """Owns the connections and the times of acknowledgement. Call `idle()` to wait until all is answered."""

    def __init__(
        self, host: str, port: int, path: str, secret: str, stamps: dict[int, int], pool: Pool | None = None
    ) -> None:
        self._host, self._port, self._path = host, port, path
        self._secret = secret.encode()
        self._pool = pool or Pool()
        self._behind: dict[int, deque[tuple[Planned, int]]] = {}
        self._stamps = stamps
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._failure: str | None = None
        self.sent = self.acknowledged = self.retries = 0
        self.ack_us: list[int] = []
        self.kept: deque[tuple[Planned, int]] = deque(maxlen=200)
        """The last changes with their stamps, for sending them a second time."""

    async def open(self, lines: int) -> None:
        """Connects. Raises OSError when nobody listens."""
        await self._pool.open(self._host, self._port, lines)

    def submit(self, change: Planned, due_us: int = 0) -> None:
        """Sends as soon as the record's previous change is answered. `due_us`: when it was due; 0: when it is sent.

        Times of acknowledgement count from when a change was due: a receiver that stalls is charged for the wait.
        """
        self._quiet.clear()
        self.sent += 1
        waiting = self._behind.get(change.record)
        if waiting is None:
            self._behind[change.record] = deque()
            self._start(change, due_us)
        else:
            waiting.append((change, due_us))

    async def idle(self) -> None:
        """Waits until every change is answered. Raises SendError."""
        await self._quiet.wait()
        self.check()

    def check(self) -> None:
        """Raises SendError if something went wrong."""
        if self._failure:
            raise SendError(self._failure)

    def close(self) -> None:
        """Closes the connections."""
        self._pool.close()

    def _start(self, change: Planned, due_us: int) -> None:
        stamp = due_us or monotonic_us()
        self._stamps[change.record] = stamp
        self._send(change, stamp)

    def _send(self, change: Planned, stamp: int) -> None:
        body = change.stamped(stamp)
        request = request_bytes(self._host, self._path, self._headers(body), body)
        self._pool.send(request, lambda status: self._answered(change, stamp, status))

    def _headers(self, body: bytes) -> Mapping[str, str]:
        timestamp = str(int(time.time()))
        return {
            "content-type": "application/json",
            signing.TIMESTAMP: timestamp,
            signing.SIGNATURE: signing.sign(self._secret, timestamp, body),
        }

    def _answered(self, change: Planned, stamp: int, status: int) -> None:
        if status in (429, 503):
            self.retries += 1
            asyncio.get_running_loop().call_later(RETRY_S, self._send, change, stamp)
            return
        if not 200 <= status < 300:
            self._failure = f"a webhook was answered {status or 'by a broken connection'}"
        self.ack_us.append(monotonic_us() - stamp)
        self.acknowledged += 1
        self.kept.append((change, stamp))
        waiting = self._behind[change.record]
        if waiting:
            self._start(*waiting.popleft())
        else:
            del self._behind[change.record]
            if not self._behind:
                self._quiet.set()
