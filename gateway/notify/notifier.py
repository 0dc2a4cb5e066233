"""The two loops of a worker that tell people: one looks what needs them, the other sends."""

from __future__ import annotations

import asyncio

from gateway.notify.courier import Courier
from gateway.notify.watcher import Watcher


class Notifier:
    """Runs both. Cancelling loses nothing: what was written down is sent by whoever runs next."""

    def __init__(self, watcher: Watcher, courier: Courier) -> None:
        self.watcher, self.courier = watcher, courier
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins."""
        self._tasks = [
            asyncio.create_task(self.watcher.loop(), name="notify-watcher"),
            asyncio.create_task(self.courier.loop(), name="notify-courier"),
        ]

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Run until `stop`; one that ends by itself is a defect."""
        return self._tasks

    async def stop(self) -> None:
        """Ends at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
