"""Seeded random people who work in both systems at once. Every text they type is unique, so that it can be followed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from random import Random

from gateway.demo.desks import LEVELS, PEOPLE, Desk, NotMade

TROUBLES = (
    "Mail queue on mx3 is stuck",
    "Printer in hall 2 prints blank pages",
    "VPN drops every ten minutes",
    "Badge reader at gate 4 is dead",
    "Report export stops half way",
    "Wiki search finds nothing",
    "Phones in room 217 are silent",
    "Nightly backup ran out of space",
)
LABELS = ("network", "printing", "vpn", "mail", "vip", "hardware", "access", "night-shift")
HABITS: Mapping[str, int] = {
    "create": 12,
    "summary": 17,
    "description": 14,
    "priority": 12,
    "move": 10,
    "assign": 8,
    "label": 10,
    "comment": 10,
    "clash": 7,
}
"""How often people do what. A clash is two people who edit one field in both systems at once."""
CLASHES = ("summary", "description", "priority")
AT_ONCE = 24
"""Edits under way at the same time; a slow machine makes fewer edits a second, not a queue of them."""

Edit = Coroutine[None, None, None]


@dataclass(slots=True)
class Tally:
    """What the people tried. The judge never looks at it: it counts from the logs."""

    made: Counter[str] = field(default_factory=Counter)
    not_made: Counter[str] = field(default_factory=Counter)
    last_refusal: str = ""


class Words:
    """References and texts that nobody used before."""

    def __init__(self, prefix: str) -> None:
        self._prefix, self._tickets, self._texts = prefix, 0, 0

    def reference(self) -> str:
        """For a new ticket."""
        self._tickets += 1
        return f"{self._prefix}-{self._tickets}"

    def text(self, about: str, reference: str, who: str) -> str:
        """Tells which ticket it belongs to; short enough for every field."""
        self._texts += 1
        return f"{about} (ref {reference}, {who}, note {self._texts})"


class Editors:
    """Opens tickets and edits them. `where` gives the objects of a reference, as far as the logs show them."""

    def __init__(
        self, desks: Mapping[str, Desk], words: Words, seed: int, where: Callable[[str], Mapping[str, str]]
    ) -> None:
        self._desks, self._words, self._where = desks, words, where
        self._chance = Random(seed)
        self._references: list[str] = []
        self.tally = Tally()

    async def work(self, per_second: float, stop: asyncio.Event) -> None:
        """Makes edits at random moments, so many a second, until told to stop; those under way are finished."""
        free = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while not await _is_set_within(stop, self._chance.expovariate(per_second)):
                await free.acquire()
                task = group.create_task(self._try(*self.next()))
                task.add_done_callback(lambda _: free.release())

    def next(self) -> tuple[str, list[Edit]]:
        """The next thing people do: what it is called, and the edits it is made of, to be made at once."""
        habit = self._chance.choices(list(HABITS), list(HABITS.values()))[0]
        known = [reference for reference in self._references if self._where(reference)]
        if habit == "create" or not known:
            return "create", [self._create()]
        reference = self._chance.choice(known)
        objects = self._where(reference)
        if habit == "clash" and len(objects) == len(self._desks):
            name = self._chance.choice(CLASHES)
            people = self._chance.sample(PEOPLE, len(objects))
            return habit, [
                self._edit(name, connection, reference, who) for connection, who in zip(objects, people, strict=True)
            ]
        name = "summary" if habit == "clash" else habit
        connection = self._chance.choice(sorted(objects))
        return name, [self._edit(name, connection, reference, self._chance.choice(PEOPLE))]

    async def _try(self, name: str, edits: list[Edit]) -> None:
        for outcome in await asyncio.gather(*edits, return_exceptions=True):
            if outcome is None:
                self.tally.made[name] += 1
            elif isinstance(outcome, NotMade):
                self.tally.not_made[name] += 1
                self.tally.last_refusal = str(outcome)
            else:
                raise outcome

    def _create(self) -> Edit:
        reference = self._words.reference()
        self._references.append(reference)
        desk = self._desks[self._chance.choice(sorted(self._desks))]
        who = self._chance.choice(PEOPLE)
        summary = self._text(reference, who)
        return _only_do(desk.create(who, summary, self._text(reference, who), self._chance.choice(LEVELS)))

    def _edit(self, name: str, connection: str, reference: str, who: str) -> Edit:
        desk, number, chance = self._desks[connection], self._where(reference)[connection], self._chance
        match name:
            case "summary":
                return desk.summary(who, number, self._text(reference, who))
            case "description":
                return desk.description(who, number, self._text(reference, who))
            case "priority":
                return desk.priority(who, number, chance.choice(LEVELS))
            case "assign":
                return desk.assign(who, number, chance.choice((*PEOPLE, None)))
            case "label":
                return self._relabel(desk, who, number, Random(chance.random()))
            case "move":
                return desk.move(who, number, Random(chance.random()), self._text(reference, who))
            case _:
                return desk.comment(who, number, self._text(reference, who))

    async def _relabel(self, desk: Desk, who: str, number: str, chance: Random) -> None:
        """Puts one label on, and takes one off now and then."""
        worn = await desk.labels(number)
        add = chance.choice([label for label in LABELS if label not in worn] or LABELS)
        await desk.label(who, number, add, chance.choice(worn) if worn and chance.random() < 0.4 else None)

    def _text(self, reference: str, who: str) -> str:
        return self._words.text(self._chance.choice(TROUBLES), reference, who)


async def _only_do(making: Coroutine[None, None, str]) -> None:
    await making


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
