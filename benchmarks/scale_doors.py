"""Hands webhooks to several workers in turn, as a load balancer does, and says 503 for a worker that broke off.

Whoever sends comes again after a 503. The worker that takes it then may be another one, and the first may have stored
it.
"""

from __future__ import annotations

from benchmarks.wire import OnAnswer, Pool


class Doors(Pool):
    """One pool of lines per worker. A request goes to the next worker, whatever record it tells of."""

    def __init__(self) -> None:
        super().__init__()
        self._doors: dict[int, Pool] = {}
        self._turn = 0

    async def add(self, port: int, lines: int) -> None:
        """Opens a worker's door. Raises OSError when nobody listens."""
        door = Pool()
        await door.open("127.0.0.1", port, lines)
        self._doors[port] = door

    def remove(self, port: int) -> None:
        """Sends nothing more to that worker; what it did not answer is answered with 503."""
        if (door := self._doors.pop(port, None)) is not None:
            door.close()

    def send(self, request: bytes, on_answer: OnAnswer) -> None:
        """To the worker whose turn it is; 503 where there is none or it does not answer."""
        if not self._doors:
            on_answer(503)
            return
        self._turn += 1
        door = list(self._doors.values())[self._turn % len(self._doors)]
        door.send(request, lambda status: on_answer(status or 503))

    def close(self) -> None:
        """Closes all doors."""
        for port in list(self._doors):
            self.remove(port)
