"""The story a newcomer watches: five things that happen to tickets nobody else touches, and where to look at each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.demo.desks import Desk, NotMade
from gateway.demo.editors import Words
from gateway.demo.evidence import Entry
from gateway.demo.stand_ins import JIRA, SNOW
from gateway.demo.talk import Talk
from gateway.demo.troubles import Troubles
from gateway.demo.watch import Watch

PATIENCE_S = 30.0
"""How long the story waits for something; then it says so and goes on, and the judge has the last word."""
QUEUED = 4
"""Edits made while the other system is down."""


@dataclass(slots=True)
class Story:
    """Tells itself once. Nothing here decides whether the run was good."""

    desks: Mapping[str, Desk]
    words: Words
    watch: Watch
    troubles: Troubles
    talk: Talk
    ledger: Callable[[str, str], Awaitable[list[Any]]]
    """The values that lost on an object: (connection, id) to what the conflict ledger has."""
    reference: str = ""

    async def tell(self) -> None:
        """All acts in turn. A system that refuses an act's edit ends that act only."""
        for act in (self._appears, self._both_ways, self._comment, self._clash, self._outage):
            try:
                await act()
            except NotMade as error:
                self.talk.line(f"this edit was not made, so the story goes on without it ({error})")

    async def _appears(self) -> None:
        self.talk.chapter("1. An incident raised in ServiceNow appears in Jira")
        self.reference = self.words.reference()
        began = time.monotonic()
        summary = self.words.text("Mail queue on mx3 is stuck", self.reference, "ann")
        number = await self.desks[SNOW].create("ann", summary, "Nothing has left since 02:58.", 2)
        await self._read_until(lambda: SNOW in self.watch.where(self.reference))
        self.talk.line(f'ann raises {self._key(SNOW)} in ServiceNow: "{summary}"')
        if await self._read_until(lambda: JIRA in self.watch.where(self.reference)):
            self.talk.line(f"{self._key(JIRA)} stands in Jira, {time.monotonic() - began:.1f} s later")
        self.talk.look(f"lockstep record show {SNOW} {self.watch.key(SNOW, number)}")

    async def _both_ways(self) -> None:
        self.talk.chapter("2. Edits flow both ways")
        await self._carry(SNOW, "bob", "priority", 1, "raises the priority to critical")
        text = self.words.text("mx3 is out of disk", self.reference, "cara")
        await self._carry(JIRA, "cara", "description", text, "rewrites the description")

    async def _carry(self, home: str, who: str, verb: str, value: Any, said: str) -> None:
        if not self._is_everywhere():
            return
        other = JIRA if home == SNOW else SNOW
        marks = {connection: len(self.watch.entries[connection]) for connection in (home, other)}
        began = time.monotonic()
        await getattr(self.desks[home], verb)(who, self._id(home), value)
        self.talk.line(f"{who} {said} in {home} ({self._key(home)})")
        if await self._read_until(lambda: any(self._gateway_writes(other, marks[other]))):
            self.talk.line(f"{other} has it ({self._key(other)}), {time.monotonic() - began:.1f} s later")

    async def _comment(self) -> None:
        self.talk.chapter("3. A comment crosses once, and does not come back")
        if not self._is_everywhere():
            return
        mark = len(self.watch.entries[SNOW])
        text = self.words.text("Cleaned up the spool, watching it", self.reference, "dev")
        await self.desks[JIRA].comment("dev", self._id(JIRA), text)
        self.talk.line(f"dev comments on {self._key(JIRA)} in Jira")
        if await self._read_until(lambda: any(entry.comment for entry in self._gateway_writes(SNOW, mark))):
            self.talk.line(f"the comment stands on {self._key(SNOW)} in ServiceNow, with its author and a marker")

    async def _clash(self) -> None:
        self.talk.chapter("4. Two people edit the same field at once: one wins, the other's text is kept")
        if not self._is_everywhere():
            return
        texts = {
            SNOW: self.words.text("Mail is late", self.reference, "ann"),
            JIRA: self.words.text("mx3: disk full", self.reference, "bob"),
        }
        await asyncio.gather(
            self.desks[SNOW].summary("ann", self._id(SNOW), texts[SNOW]),
            self.desks[JIRA].summary("bob", self._id(JIRA), texts[JIRA]),
        )
        self.talk.line(f'ann writes "{texts[SNOW]}" in ServiceNow; bob writes "{texts[JIRA]}" in Jira')
        kept: list[str] = []

        async def is_kept() -> bool:
            found = [await self.ledger(connection, self._id(connection)) for connection in texts]
            kept[:] = [text for text in texts.values() if any(text in values for values in found)]
            return bool(kept)

        if await _becomes(is_kept):
            self.talk.line(f'the conflict ledger holds "{kept[0]}"; the other one stays in both systems')
        self.talk.look(f"lockstep record show {SNOW} {self._key(SNOW)}")

    async def _outage(self) -> None:
        if not self.troubles.expected:
            return
        self.talk.chapter("5. A system goes down and comes back: what was queued arrives in order")
        await self.troubles.down.wait()
        away = self.troubles.outages[0].connection
        home = JIRA if away == SNOW else SNOW
        if not self._is_everywhere():
            return
        mark = len(self.watch.entries[away])
        texts = [self.words.text(f"Step {step + 1}", self.reference, "cara") for step in range(QUEUED)]
        for text in texts:
            await self.desks[home].description("cara", self._id(home), text)
            await asyncio.sleep(0.2)
        self.talk.line(f"cara edits {self._key(home)} {QUEUED} times meanwhile in {home}")
        self.talk.look("lockstep now", f"lockstep record why {home} {self._key(home)}")
        patience_s = self.troubles.outages[0].seconds + PATIENCE_S

        def arrived() -> list[str]:
            shown = [str(entry.after) for entry in self._gateway_writes(away, mark)]
            return [text for entry in shown for text in texts if text in entry]

        if await self._read_until(lambda: texts[-1] in arrived(), patience_s):
            found = arrived()
            order = "in the order they were made" if found == sorted(found, key=texts.index) else "out of order"
            over = (
                f"; {len(texts) - len(found)} had been replaced before they were read"
                if len(found) < len(texts)
                else ""
            )
            self.talk.line(f"{len(found)} of them arrived in {away} {order}{over}")

    def _gateway_writes(self, connection: str, after: int) -> Iterator[Entry]:
        number = self._id(connection)
        return (entry for entry in self.watch.entries[connection][after:] if entry.id == number and not entry.by_human)

    def _is_everywhere(self) -> bool:
        return len(self.watch.where(self.reference)) == len(self.desks)

    def _id(self, connection: str) -> str:
        return self.watch.where(self.reference)[connection]

    def _key(self, connection: str) -> str:
        return self.watch.key(connection, self._id(connection))

    async def _read_until(self, found: Callable[[], Any], patience_s: float = PATIENCE_S) -> bool:
        if await self.watch.until(found, patience_s):
            return True
        self.talk.line(f"not seen within {patience_s:g} s; the story goes on")
        return False


async def _becomes(found: Callable[[], Awaitable[bool]]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if await found():
            return True
        await asyncio.sleep(0.3)
    return False
