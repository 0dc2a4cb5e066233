"""What every act of the story needs: words nobody used before, what the logs show, and the narrator's voice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from gateway.demo.desks import NotMade
from gateway.demo.editors import Words
from gateway.demo.evidence import Entry
from gateway.demo.records import texts
from gateway.demo.talk import Talk
from gateway.demo.watch import Watch

T = TypeVar("T")
PATIENCE_S = 60.0
"""How long the story waits for something; then it says so and goes on, and the judge has the last word."""
THINK_S = 6.0
"""Longer than what is not known of two systems' clocks: edits that are nearer to each other count as made at once."""
_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Scene:
    """Nothing here decides whether the run was good."""

    words: Words
    watch: Watch
    talk: Talk
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def chapter(self, text: str) -> None:
        """A new part of the story, numbered."""
        self.talk.chapter(f"{next(self._numbers)}. {text}")

    def key(self, connection: str, reference: str) -> str:
        """What people call the object of this thing there; empty while there is none."""
        number = self.watch.where(reference).get(connection)
        return self.watch.key(connection, number) if number else ""

    def writes(self, connection: str, reference: str, after: int = 0) -> Iterator[Entry]:
        """What the gateway wrote to the object of this thing, from that line of the log on."""
        number = self.watch.where(reference).get(connection)
        return (entry for entry in self.watch.entries[connection][after:] if entry.id == number and not entry.by_human)

    def shows(self, connection: str, reference: str, value: str) -> bool:
        """Whether the gateway wrote this value to the object of this thing."""
        return any(value in texts(entry.after) for entry in self.writes(connection, reference))

    async def made(self, edit: Callable[[], Awaitable[T]]) -> T:
        """Has somebody do something, again and again while the system is away. Raises NotMade if it stays away.

        `edit` uses new words each time: an edit that was refused may have been made.
        """
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await edit()
            except NotMade:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(_AGAIN_S)

    async def seen(self, found: Callable[[], Any], patience_s: float = PATIENCE_S) -> bool:
        """Waits until the logs show it; says so if they do not."""
        if await self.watch.until(found, patience_s):
            return True
        self.talk.line(f"not seen within {patience_s:g} s; the story goes on")
        return False

    async def tell_when(self, found: Callable[[], Any], text: Callable[[], str], began_s: float | None = None) -> bool:
        """Waits for something and tells it, with the time it took: from now, or from that second of the demo on."""
        since = self.talk.elapsed_s if began_s is None else began_s
        if not await self.seen(found):
            return False
        self.talk.line(f"{text()}, {self.talk.elapsed_s - since:.1f} s later")
        return True

    async def think(self) -> None:
        """People read before they act, and so theirs is the later edit by all clocks."""
        await asyncio.sleep(THINK_S)
