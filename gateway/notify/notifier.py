"""The two loops of a worker that tell people: one looks what needs them, the other sends."""

from __future__ import annotations

from gateway.core.background import Background
from gateway.notify.courier import Courier
from gateway.notify.watcher import Watcher


class Notifier(Background):
    """Runs both. Cancelling loses nothing: what was written down is sent by whoever runs next."""

    def __init__(self, watcher: Watcher, courier: Courier) -> None:
        self.watcher, self.courier = watcher, courier

    async def start(self) -> None:
        """Begins."""
        self._keep("notify-watcher", self.watcher.loop())
        self._keep("notify-courier", self.courier.loop())
