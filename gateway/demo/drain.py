"""After the edits: waits until nothing moves any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

CALM_S = 2.0
"""Nothing new in either log for this long, while the gateway says that it has nothing to do: longer than a poll."""
EVERY_S = 0.3
LONG_CALM_S = 10.0
"""So long, if the systems do not agree yet: a poll or a repeated webhook may still bring something."""


async def drain(
    *,
    at_most_s: float,
    idle: Callable[[], Awaitable[bool]],
    last_news_at: Callable[[], float],
    agree: Callable[[], Awaitable[bool]],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> bool:
    """True when quiet; False when that took too long. Being quiet is no verdict: that is the judge's."""
    end = clock() + at_most_s
    busy_at = clock()
    while clock() < end:
        if not await idle():
            busy_at = clock()
        calm_s = clock() - max(busy_at, last_news_at())
        if calm_s >= LONG_CALM_S or (calm_s >= CALM_S and await agree()):
            return True
        await sleep(EVERY_S)
    return False
