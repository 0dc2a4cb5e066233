"""Which changes happen, in which order: seven updates to three creates, decided by a seed and nothing else.

A record is updated only once its create is `distance` changes back, so that no update disappears into a create that has
not been delivered yet and every change costs the target one request.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Any

import orjson

CREATES_IN_TEN = 3
UNSTAMPED = "0" * 16
"""Stands in a rendered body where the time of sending goes, same width."""
BODY_BYTES = 1024

_WORDS = (
    *("printer", "disk", "login", "mail", "network", "slow", "broken", "after", "update", "cannot", "reach", "server"),
    *("window", "freezes", "queue", "timeout", "certificate", "expired", "password", "reset", "monitor", "flickers"),
    *("backup", "failed", "tunnel", "drops", "report", "empty"),
)
_SOME_TIME = 1_800_000_000.125
"""As long in JSON as most times are; the length of a description must not depend on when it was made."""
_EDITABLE = ("short_description", "state", "priority", "urgency", "labels", "assigned_to")


@dataclass(slots=True)
class Planned:
    """One change that is to be sent. `body` still holds UNSTAMPED."""

    record: int
    revision: int
    body: bytes

    @property
    def is_create(self) -> bool:
        """Whether this change brings the record into being."""
        return self.revision == 1

    def stamped(self, stamp_us: int) -> bytes:
        """The body with the time of sending in it."""
        return self.body.replace(UNSTAMPED.encode(), b"%016d" % stamp_us, 1)


@dataclass(slots=True)
class Workload:
    """An endless plan over at most `records` records; after the last create only updates are left."""

    records: int
    seed: int
    distance: int
    tickets: list[dict[str, Any]] = field(default_factory=list)
    """The source's present document of each record, by index."""
    stamps: dict[int, int] = field(default_factory=dict)
    """Record -> stamp of its last change that was sent; the sender sets it."""
    planned: int = 0
    _created_at: list[int] = field(default_factory=list)
    _settled: int = 0
    _block: list[bool] = field(default_factory=list)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    @property
    def creates_left(self) -> int:
        """How many records are still to be created."""
        return self.records - len(self.tickets)

    @property
    def changes_left(self) -> int:
        """How many changes of the mix fit before the last record is created."""
        return self.creates_left * 10 // CREATES_IN_TEN

    def next_create(self) -> Planned:
        """A create out of turn, to have something to update (warm-up). Raises IndexError when none is left."""
        if not self.creates_left:
            raise IndexError("all records of the workload have been created")
        record = len(self.tickets)
        self._created_at.append(self.planned)
        self.tickets.append(_new_ticket(record, self._random))
        return self._rendered(record)

    def next(self) -> Planned:
        """The next change of the mix."""
        self._settle()
        is_create = self._next_is_create()
        if self.creates_left and (is_create or not self._settled):
            return self.next_create()
        record = self._random.randrange(self._settled or len(self.tickets))
        _edit(self.tickets[record], self._random)
        return self._rendered(record)

    def _settle(self) -> None:
        while self._settled < len(self._created_at) and self._created_at[self._settled] <= self.planned - self.distance:
            self._settled += 1

    def _next_is_create(self) -> bool:
        if not self._block:
            self._block = [position < CREATES_IN_TEN for position in range(10)]
            self._random.shuffle(self._block)
        return self._block.pop()

    def _rendered(self, record: int) -> Planned:
        self.planned += 1
        ticket = self.tickets[record]
        revision = int(ticket["revision"])
        return Planned(record, revision, render(record, ticket, time.time()))


def source_id(record: int) -> str:
    """The source system's id of a record."""
    return f"s{record:07d}"


def render(record: int, ticket: dict[str, Any], updated_at: float) -> bytes:
    """The webhook of a ticket as the source sends it. `updated_at`: epoch seconds."""
    revision = ticket["revision"]
    envelope = {
        "delivery": f"d-{record:07d}-{revision:05d}",
        "event": "ticket.created" if revision == 1 else "ticket.updated",
        "ticket": {
            "id": source_id(record),
            "version": revision,
            "updated_at": round(updated_at, 3),
            "fields": ticket,
        },
    }
    return orjson.dumps(envelope)


def _new_ticket(record: int, chance: random.Random) -> dict[str, Any]:
    ticket: dict[str, Any] = {
        "number": f"TKT{record:07d}",
        "short_description": _sentence(chance, 5),
        "description": "",
        "state": "1",
        "priority": chance.choice("1234"),
        "impact": chance.choice("123"),
        "urgency": chance.choice("123"),
        "category": chance.choice(("hw", "sw", "net", "db")),
        "subcategory": chance.choice(_WORDS),
        "channel": chance.choice("pewc"),
        "assigned_to": {"email": f"agent{chance.randrange(200)}@example.com"},
        "assignment_group": {"name": f"Support {chance.randrange(20)}"},
        "caller": {"email": f"caller{record}@example.com", "phone": f"+49 30 {chance.randrange(10**6):06d}"},
        "location": {"site": f"Building {chance.randrange(30)}", "country": chance.choice(("DE", "FR", "PL", "AT"))},
        "asset": {"id": f"CI{chance.randrange(10**5):05d}", "name": f"host-{chance.randrange(10**4)}"},
        "service": f"Service {chance.randrange(40)}",
        "opened_at": f"2026-03-{chance.randrange(1, 29):02d} 10:20:{chance.randrange(60):02d}",
        "due_at": f"2026-04-{chance.randrange(1, 29):02d} 18:00:00",
        "escalated": chance.random() < 0.1,
        "labels": sorted(chance.sample(_WORDS, 3)),
        "revision": 1,
        "sent_us": UNSTAMPED,
    }
    missing = max(0, BODY_BYTES - len(render(record, ticket, _SOME_TIME)))
    ticket["description"] = _sentence(chance, missing)[:missing].strip()
    return ticket


def _edit(ticket: dict[str, Any], chance: random.Random) -> None:
    ticket["revision"] += 1
    for name in chance.sample(_EDITABLE, 2):
        if name == "short_description":
            ticket[name] = _sentence(chance, 5)
        elif name == "labels":
            ticket[name] = sorted(chance.sample(_WORDS, 3))
        elif name == "assigned_to":
            ticket[name] = {"email": f"agent{chance.randrange(200)}@example.com"}
        else:
            ticket[name] = chance.choice("12345" if name == "state" else "123")


def _sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words))
