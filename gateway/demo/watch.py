"""Follows both edit logs while the demo runs: who has what, which objects are one thing, has something arrived yet?"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import aiohttp

from gateway.demo.evidence import Entry
from gateway.demo.records import REFERENCE, texts
from gateway.demo.stand_ins import StandIn

EVERY_S = 0.2


class Watch:
    """What the logs said so far. `follow` reads on for ever; everything else looks at what was read."""

    def __init__(self, stand_ins: Mapping[str, StandIn]) -> None:
        self._stand_ins = stand_ins
        self.entries: dict[str, list[Entry]] = {connection: [] for connection in stand_ins}
        self._at: dict[str, dict[str, str]] = {}
        self._reference: dict[tuple[str, str], str] = {}
        self._news = asyncio.Condition()
        self.last_news_at = time.monotonic()

    async def follow(self) -> None:
        """Reads both logs until cancelled."""
        while True:
            try:
                await self.read()
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass  # a supervisor that finds the process gone says so; here it is only another try
            await asyncio.sleep(EVERY_S)

    async def read(self) -> None:
        """Reads what is new."""
        for connection, stand_in in self._stand_ins.items():
            known = self.entries[connection]
            while found := await stand_in.entries(known[-1].seq if known else 0):
                known += found
                for entry in found:
                    self._learn(connection, entry)
                self.last_news_at = time.monotonic()
        async with self._news:
            self._news.notify_all()

    def _learn(self, connection: str, entry: Entry) -> None:
        if entry.kind != "create":
            return
        for text in texts(entry.after):
            for reference in re.findall(REFERENCE, text):
                self._at.setdefault(reference, {}).setdefault(connection, entry.id)
                self._reference[connection, entry.id] = reference

    def where(self, reference: str) -> Mapping[str, str]:
        """The objects of this thing: connection to id."""
        return self._at.get(reference, {})

    def key(self, connection: str, number: str) -> str:
        """What people call an object."""
        return next((entry.key for entry in self.entries[connection] if entry.id == number), number)

    def history(self, connection: str, number: str) -> Iterator[Entry]:
        """The log of one object."""
        return (entry for entry in self.entries[connection] if entry.id == number)

    async def until(self, found: Callable[[], Any], patience_s: float) -> bool:
        """Waits until `found` is true of what was read; False if that took too long."""
        try:
            async with asyncio.timeout(patience_s), self._news:
                await self._news.wait_for(found)
        except TimeoutError:
            return False
        return True
