"""Source and target of the long outage, in this process: a few bytes per object, so that what grows is the gateway's.

The target takes conditional writes and checks each: turns of an object one by one, comments in their order.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import Conflict, Retryable
from connectors.contract.limits import Allowance
from connectors.contract.values import (
    Change,
    ChangeKind,
    Finding,
    HistoryEntry,
    IdPage,
    Item,
    Listed,
    ObjectSpec,
    Page,
    Receipt,
    Received,
    Ref,
    Snapshot,
    Step,
    VersionKind,
    Webhook,
    Write,
    WriteKind,
)

OBJECT = "ticket"
LISTED = 1_000
"""Ids on a page."""
SPECS = {
    OBJECT: ObjectSpec(
        name=OBJECT,
        version_kind=VersionKind.COUNTER,
        granularity_s=0.001,
        conditional=True,
        marker=True,
        settles_s=1.0,
        items=True,
    )
}


def source(settings: ConnectionSettings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> Source:
    """The system whose people go on working."""
    return Source(settings.name, clock)


def target(settings: ConnectionSettings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> Target:
    """The system that goes away."""
    return Target(settings.name, clock)


@dataclass
class Numbers:
    """What is known of each object, by number; 0 at first."""

    version: array[int] = field(default_factory=lambda: array("i"))
    turn: array[int] = field(default_factory=lambda: array("i"))
    note: array[int] = field(default_factory=lambda: array("i"))
    remark: array[int] = field(default_factory=lambda: array("i"))
    comments: array[int] = field(default_factory=lambda: array("i"))
    touched: array[float] = field(default_factory=lambda: array("d"))

    def grow(self, size: int) -> None:
        """Room for this many objects."""
        for each in (self.version, self.turn, self.note, self.remark, self.comments):
            each.extend([0] * (size - len(each)))
        self.touched.extend([0.0] * (size - len(self.touched)))

    def moved(self, number: int, at: float) -> None:
        """Somebody wrote to the object."""
        self.version[number] += 1
        self.touched[number] = at


class _System:
    """What both sides share."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name, self.clock, self.held = name, clock, Numbers()
        self.writes = 0

    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        return SPECS

    async def check(self) -> Sequence[Finding]:
        return ()

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        return Page(changes=(), cursor={}, more=False)

    def receive(self, webhook: Webhook) -> Received:
        return Received(changes=())

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        return self.shown(number_of(ref.id))

    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        return ()

    async def find_by(self, object: str, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        return ()

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        return ()

    async def steps(self, ref: Ref) -> Sequence[Step]:
        return ()

    async def apply(self, write: Write) -> Receipt:
        if write.kind is WriteKind.CREATE or write.ref is None:
            number = len(self.held.version)
            self.held.grow(number + 1)
        else:
            number = number_of(write.ref.id)
            if write.etag is not None and write.etag != str(self.held.version[number]):
                raise Conflict("it moved", status=412)
        self.store(number, write)
        self.held.moved(number, self.clock.now())
        self.writes += 1
        ref = Ref(object=OBJECT, id=id_of(self.name, number), key=id_of(self.name, number))
        if write.item is not None:
            said = self.held.comments[number]
            return Receipt(ref=ref, version=self.held.version[number], item_id=f"{self.name}-{number}-{said}")
        return Receipt(ref=ref, version=self.held.version[number], snapshot=self.shown(number))

    def store(self, number: int, write: Write) -> None:
        """Takes over what is written."""
        if "remark" in write.values:
            self.held.remark[number] = int(write.values["remark"])

    async def close(self) -> None:
        return None

    def shown(self, number: int, items: tuple[Item, ...] | None = None) -> Snapshot:
        """The object as it is now."""
        held, version = self.held, self.held.version[number]
        return Snapshot(
            object=OBJECT,
            id=id_of(self.name, number),
            key=id_of(self.name, number),
            version=version,
            updated_at=held.touched[number],
            raw={name: str(getattr(held, name)[number]) for name in ("turn", "note", "remark")},
            etag=str(version),
            items=items,
        )


class Source(_System):
    """People edit here; what is written by us are the remarks that people made in the target."""

    def edited(self, number: int, kind: str) -> Change:
        """The notice of one more edit: a `turn`, a `note` or a `comment`."""
        held = self.held
        held.moved(number, self.clock.now())
        items = None
        if kind == "comment":
            held.comments[number] += 1
            said = str(held.comments[number])
            items = (Item(id=f"{number}-{said}", body=said, author="ann", at=self.clock.now()),)
        else:
            getattr(held, kind)[number] += 1
        return Change(
            connection=self.name,
            delivery_key=f"{number}:{held.version[number]}",
            kind=ChangeKind.SNAPSHOT if items is None else ChangeKind.ITEM,
            snapshot=self.shown(number, items),
            received_at=self.clock.now(),
        )


class Target(_System):
    """Refuses connections while `down`. `on_write` hears of each object that was written."""

    def __init__(self, name: str, clock: Clock) -> None:
        super().__init__(name, clock)
        self.down = False
        self.calls_while_down = self.requests = 0
        self.asked: Counter[int] = Counter()
        """Second -> requests."""
        self.takes: Callable[[], None] = lambda: None
        """Lets the time pass that an answer takes, where it is simulated."""
        self.disorder: list[str] = []
        self.on_write: Callable[[int], None] = lambda number: None

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        self._answer()
        return await super().read(ref, items=items)

    async def apply(self, write: Write) -> Receipt:
        self._answer()
        receipt = await super().apply(write)
        self.on_write(number_of(receipt.ref.id))
        return receipt

    async def ids(self, object: str, cursor: Mapping[str, Any] | None) -> IdPage:
        """Of what there is, with the time of its last change."""
        self._answer()
        start = int(cursor["start"]) if cursor else 0
        end = min(start + LISTED, len(self.held.version))
        listed = tuple(Listed(id=id_of(self.name, n), updated_at=self.held.touched[n]) for n in range(start, end))
        return IdPage(listed=listed, cursor={"start": end} if end < len(self.held.version) else None)

    def allowance(self) -> Allowance:
        """It has no limits of its own, but counts."""
        return Allowance(requests=self.requests)

    def remarked(self, number: int) -> None:
        """Somebody edits here, and nobody is told."""
        self.held.remark[number] += 1
        self.held.moved(number, self.clock.now())

    def store(self, number: int, write: Write) -> None:
        super().store(number, write)
        held = self.held
        if write.item is not None:
            held.comments[number] += 1
            if write.item.body != str(held.comments[number]):
                self._wrong(f"{number}: comment {write.item.body} came as number {held.comments[number]}")
        if "turn" in write.values:
            turn = int(write.values["turn"])
            if write.kind is not WriteKind.CREATE and turn != held.turn[number] + 1:
                self._wrong(f"{number}: turn {turn} came after {held.turn[number]}")
            held.turn[number] = turn
        if "note" in write.values:
            note = int(write.values["note"])
            if note < held.note[number]:
                self._wrong(f"{number}: note {note} came after {held.note[number]}")
            held.note[number] = note

    def _wrong(self, what: str) -> None:
        if len(self.disorder) < 100:
            self.disorder.append(what)

    def _answer(self) -> None:
        if self.down:
            self.calls_while_down += 1
            raise Retryable("connection refused", down=True)
        self.takes()
        self.requests += 1
        self.asked[int(self.clock.monotonic())] += 1


def id_of(name: str, number: int) -> str:
    """As wide for every object."""
    return f"{name}{number:08d}"


def number_of(object_id: str) -> int:
    """The other way round."""
    return int(object_id[-8:])
