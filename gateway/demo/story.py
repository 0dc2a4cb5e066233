"""The story a newcomer watches: what happens to tickets nobody else touches, and where to look at each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.demo.desks import Desk, NotMade
from gateway.demo.evidence import Entry
from gateway.demo.scene import PATIENCE_S, Scene
from gateway.demo.stand_ins import JIRA, NAMES, SNOW
from gateway.demo.troubles import Troubles

ACT_S = 6.0
"""Longer than an act of the other systems takes: one that would run into the outage comes after it."""
QUEUED = 4
"""Edits made while the other system is down."""
Act = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Story:
    """Tells itself once. Nothing here decides whether the run was good."""

    desks: Mapping[str, Desk]
    scene: Scene
    troubles: Troubles
    ledger: Callable[[str, str], Awaitable[list[Any]]]
    """The values that lost on an object: (connection, id) to what the conflict ledger has."""
    more: Sequence[Act] = ()
    """Acts of other systems."""
    reference: str = ""
    _outage_told: bool = False

    async def tell(self) -> None:
        """All acts in turn. A system that refuses an act's edit ends that act only.

        The outage comes when it comes: acts of other systems that would run into it wait.
        """
        first: tuple[Act, ...] = (self._appears, self._both_ways, self._comment, self._clash)
        for act in first:
            await self._act(act)
        for act in self.more:
            if self.troubles.down_in_s < ACT_S:
                await self._act(self._outage)
            await self._act(act)
        await self._act(self._outage)

    async def _act(self, act: Act) -> None:
        try:
            await act()
        except NotMade as error:
            self.scene.talk.line(f"this edit was not made, so the story goes on without it ({error})")

    async def _appears(self) -> None:
        self.scene.chapter("An incident raised in ServiceNow appears in Jira")
        self.reference = self.scene.words.reference()
        began = time.monotonic()
        summary = self.scene.words.text("Mail queue on mx3 is stuck", self.reference, "ann")
        number = await self.desks[SNOW].create("ann", summary, "Nothing has left since 02:58.", 2)
        await self.scene.seen(lambda: SNOW in self.scene.watch.where(self.reference))
        self.scene.talk.line(f'ann raises {self._key(SNOW)} in ServiceNow: "{summary}"')
        if await self.scene.seen(lambda: JIRA in self.scene.watch.where(self.reference)):
            self.scene.talk.line(f"{self._key(JIRA)} stands in Jira, {time.monotonic() - began:.1f} s later")
        self.scene.talk.look(f"lockstep record show {SNOW} {self.scene.watch.key(SNOW, number)}")

    async def _both_ways(self) -> None:
        self.scene.chapter("Edits flow both ways")
        await self._carry(SNOW, "bob", "priority", 1, "raises the priority to critical")
        text = self.scene.words.text("mx3 is out of disk", self.reference, "cara")
        await self._carry(JIRA, "cara", "description", text, "rewrites the description")

    async def _carry(self, home: str, who: str, verb: str, value: Any, said: str) -> None:
        if not self._is_everywhere():
            return
        other = JIRA if home == SNOW else SNOW
        marks = {connection: len(self.scene.watch.entries[connection]) for connection in (home, other)}
        began = time.monotonic()
        await getattr(self.desks[home], verb)(who, self._id(home), value)
        self.scene.talk.line(f"{who} {said} in {NAMES[home]} ({self._key(home)})")
        if await self.scene.seen(lambda: any(self._gateway_writes(other, marks[other]))):
            self.scene.talk.line(f"{NAMES[other]} has it ({self._key(other)}), {time.monotonic() - began:.1f} s later")

    async def _comment(self) -> None:
        self.scene.chapter("A comment crosses once, and does not come back")
        if not self._is_everywhere():
            return
        mark = len(self.scene.watch.entries[SNOW])
        text = self.scene.words.text("Cleaned up the spool, watching it", self.reference, "dev")
        await self.desks[JIRA].comment("dev", self._id(JIRA), text)
        self.scene.talk.line(f"dev comments on {self._key(JIRA)} in Jira")
        if await self.scene.seen(lambda: any(entry.comment for entry in self._gateway_writes(SNOW, mark))):
            self.scene.talk.line(f"the comment stands on {self._key(SNOW)} in ServiceNow, with its author and a marker")

    async def _clash(self) -> None:
        self.scene.chapter("Two people edit the same field at once: one wins, the other's text is kept")
        if not self._is_everywhere():
            return
        texts = {
            SNOW: self.scene.words.text("Mail is late", self.reference, "ann"),
            JIRA: self.scene.words.text("mx3: disk full", self.reference, "bob"),
        }
        await asyncio.gather(
            self.desks[SNOW].summary("ann", self._id(SNOW), texts[SNOW]),
            self.desks[JIRA].summary("bob", self._id(JIRA), texts[JIRA]),
        )
        self.scene.talk.line(f'ann writes "{texts[SNOW]}" in ServiceNow; bob writes "{texts[JIRA]}" in Jira')
        kept: list[str] = []

        async def is_kept() -> bool:
            found = [await self.ledger(connection, self._id(connection)) for connection in texts]
            kept[:] = [text for text in texts.values() if any(text in values for values in found)]
            return bool(kept)

        if await _becomes(is_kept):
            self.scene.talk.line(f'the conflict ledger holds "{kept[0]}"; the other one stays in both systems')
        self.scene.talk.look(f"lockstep record show {SNOW} {self._key(SNOW)}")

    async def _outage(self) -> None:
        if self._outage_told or not self.troubles.expected:
            return
        self._outage_told = True
        await self.troubles.down.wait()
        away = self.troubles.outages[0].connection
        home = JIRA if away == SNOW else SNOW
        if away not in self.desks or not self._is_everywhere():
            return
        self.scene.chapter("A system goes down and comes back: what was queued arrives in order")
        mark = len(self.scene.watch.entries[away])
        texts = [self.scene.words.text(f"Step {step + 1}", self.reference, "cara") for step in range(QUEUED)]
        for text in texts:
            await self.desks[home].description("cara", self._id(home), text)
            await asyncio.sleep(0.2)
        when = " meanwhile" if self.troubles.away else ""
        self.scene.talk.line(f"cara edits {self._key(home)} {QUEUED} times{when} in {NAMES[home]}")
        self.scene.talk.look("lockstep now", f"lockstep record why {home} {self._key(home)}")
        patience_s = self.troubles.outages[0].seconds + PATIENCE_S

        def arrived() -> list[str]:
            shown = [str(entry.after) for entry in self._gateway_writes(away, mark)]
            return [text for entry in shown for text in texts if text in entry]

        if await self.scene.seen(lambda: texts[-1] in arrived(), patience_s):
            found = arrived()
            order = "in the order they were made" if found == sorted(found, key=texts.index) else "out of order"
            over = (
                f"; {len(texts) - len(found)} had been replaced before they were read"
                if len(found) < len(texts)
                else ""
            )
            self.scene.talk.line(f"{len(found)} of them arrived in {NAMES[away]} {order}{over}")

    def _gateway_writes(self, connection: str, after: int) -> Iterator[Entry]:
        return self.scene.writes(connection, self.reference, after)

    def _is_everywhere(self) -> bool:
        return len(self.scene.watch.where(self.reference)) == len(self.desks)

    def _id(self, connection: str) -> str:
        return self.scene.watch.where(self.reference)[connection]

    def _key(self, connection: str) -> str:
        return self.scene.key(connection, self.reference)


async def _becomes(found: Callable[[], Awaitable[bool]]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if await found():
            return True
        await asyncio.sleep(0.3)
    return False
