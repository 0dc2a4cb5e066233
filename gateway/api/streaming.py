"""Server-sent events (WHATWG HTML 9.2) of one follower: steps of cases in their order, and states when they change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import web

from connectors.contract.errors import StorageError
from gateway.access.rights import Principal
from gateway.api.desk import Desk
from gateway.api.showing import shown
from gateway.core.digits import number_in
from gateway.work.pulse import kept, steps_after

State = Callable[[Desk, Principal], Awaitable[Any]]

RETRY_MS = 3000
QUIET_S = 15.0
"""A comment is sent after so long without an event: proxies and readers see that the line lives."""
TURN_S = 1.0
BATCH = 500
BEHIND = 10_000
"""Whoever missed more is told to load afresh: that is quicker than to hear of each step."""
WRITE_S = 10.0
"""A reader that takes nothing for so long is cut; it comes back where it was."""
AGAIN_S = 30.0
"""So often it is asked whether the reader may still follow."""


class Follower:
    """One open stream."""

    def __init__(self, desk: Desk, who: Principal, request: web.Request, states: Mapping[str, State]) -> None:
        self.desk, self.who, self.request, self.states = desk, who, request, states
        self.response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )
        self._position: int | None = None
        self._told: dict[str, str] = {}
        now = desk.place.now
        self._now, self._spoke_at, self._asked_at = now, 0.0, now()

    def there(self) -> bool:
        """Whether the reader still holds the line: without one, nothing is written that would tell."""
        return self.request.transport is not None

    async def run(self, last: str | None, *, cases: bool) -> None:
        """Until the reader goes, is too slow, or may not follow any more. What has begun cannot end in another answer:
        where the database does not answer it ends, too, and the reader comes back where it was.
        """
        await self.response.prepare(self.request)
        with suppress(ConnectionError, StorageError):
            await self._follow(last, cases=cases)

    async def _follow(self, last: str | None, *, cases: bool) -> None:
        await self._say(f"retry: {RETRY_MS}\n\n")
        await self._begin(last)
        while self.there() and not self.desk.streams.closing and await self._may():
            if cases:
                await self._steps()
            for topic, state in self.states.items():
                await self._state(topic, state)
            if self._now() - self._spoke_at >= QUIET_S:
                await self._say(": still here\n\n")
            await self.desk.pulse.wait(self._position, TURN_S)

    async def _begin(self, last: str | None) -> None:
        """From the position the reader names, if it is still there; else it loads afresh from here on."""
        while self.desk.pulse.settled is None and self.there() and not self.desk.streams.closing:
            await self.desk.pulse.wait(None, TURN_S)
        settled = self.desk.pulse.settled
        if last is None:
            self._position = settled
        elif await _is_there(self.desk, last):
            self._position = int(last)
            return
        else:
            self._position = settled
            await self._tell("reset", {"reason": "the position is gone; load afresh"})
        await self._tell("ready", {}, position=self._position)

    async def _steps(self) -> None:
        settled = self.desk.pulse.settled
        while self._position is not None and settled is not None and self._position < settled:
            events, told = await steps_after(self.desk.place, self.who, self._position, settled, limit=BATCH)
            for event in events:
                await self._tell("case", event, position=event.position)
            self._position = told

    async def _state(self, topic: str, state: State) -> None:
        try:
            text = await self.desk.streams.once(topic, self.who, lambda: state(self.desk, self.who))
        except StorageError:
            return
        if self._told.get(topic) != text:
            self._told[topic] = text
            await self._say(f"event: {topic}\ndata: {text}\n\n")

    async def _may(self) -> bool:
        if self._now() - self._asked_at < AGAIN_S:
            return True
        self._asked_at = self._now()
        return await self.desk.still_holds(self.request)

    async def _tell(self, event: str, value: Any, *, position: int | None = None) -> None:
        where = "" if position is None else f"id: {position}\n"
        await self._say(f"{where}event: {event}\ndata: {orjson.dumps(shown(value)).decode()}\n\n")

    async def _say(self, text: str) -> None:
        try:
            async with asyncio.timeout(WRITE_S):
                await self.response.write(text.encode())
        except TimeoutError:
            if self.request.transport is not None:
                self.request.transport.abort()
            raise ConnectionResetError("the reader takes nothing") from None
        self._spoke_at = self._now()


async def _is_there(desk: Desk, last: str) -> bool:
    position = number_in(last)
    if position is None:
        return False
    oldest, newest = await kept(desk.place.database)
    return (oldest - 1 <= position or not position) and position <= newest and newest - position <= BEHIND
