"""Tasks that a worker keeps beside everything else, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """For whoever keeps a loop. Each task runs until `stop`; one that ends by itself is a defect, and ends a worker."""

    _kept: tuple[asyncio.Task[None], ...] = ()

    def _keep(self, name: str, loop: Coroutine[Any, Any, None]) -> None:
        self._kept = (*self._kept, asyncio.create_task(loop, name=name))

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Those that should be running."""
        return list(self._kept)

    async def stop(self) -> None:
        """Ends them at once, wherever they are; what they had not made durable is done again by whoever goes on."""
        ended, self._kept = self._kept, ()
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)
