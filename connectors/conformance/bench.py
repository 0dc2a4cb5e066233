"""One object type of one connector, ready to be tested: a system, connectors on it through cutting proxies, a person at
its keyboard and a witness.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from connectors.conformance.ground import Client, Ground
from connectors.conformance.receiver import Receiver
from connectors.conformance.witness import Witness
from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.fixture import Fixture, Hand
from connectors.contract.values import (
    ATTACHMENT,
    Change,
    File,
    ItemDraft,
    ObjectSpec,
    Page,
    Ref,
    Snapshot,
    Write,
    WriteKind,
)

MARK = "conformance"
"""Begins every text the kit writes, so that what it left behind is found."""
PATIENT_S = 20.0
HURRIED_S = (0.6, 3.0)
"""Time-outs of a write that will not be answered: the second one where the first struck too early."""
MOST_PAGES = 200
KINDS = {
    "create": WriteKind.CREATE,
    "update": WriteKind.UPDATE,
    "step": WriteKind.STEP,
    "comment": WriteKind.ITEM,
    "delete": WriteKind.DELETE,
}


@dataclass(kw_only=True)
class Bench(Ground):
    """Everything a rule may use. What it makes is in `made` and taken away at the end where that is possible."""

    fixture: Fixture
    hand: Hand
    witness: Witness
    clock: Clock
    receiver: Receiver | None
    seed: int
    shows_s: float
    """After this long whatever was written shows in lists and searches."""
    made: set[str] = field(default_factory=set)
    """Ids of what hands made."""
    sent: set[str] = field(default_factory=set)
    """Texts of what may have been created without an id that came back."""
    taken_away: int = 0
    """Objects of the run that are gone again."""
    deletes: bool = True
    """The hand can take objects away."""
    two_users: bool = True
    """The hand signs in as somebody else than the connector."""

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.seed}:{self.fixture.object}")

    @property
    def reading(self) -> tuple[str, ...]:
        return self.fixture.reading

    @property
    def spec(self) -> ObjectSpec:
        """What the connector declares; read anew, so that a test may look at it before anything else."""
        connector = self.make(self.settings)
        found = connector.specs.get(self.fixture.object)
        if found is None:
            raise LookupError(f"the connector declares no object {self.fixture.object}: {sorted(connector.specs)}")
        return found

    @asynccontextmanager
    async def paging(self, size: int = 0) -> AsyncIterator[Client]:
        """The same with pages as small as is worth testing."""
        thin = self.fixture.pages(self.settings, size or self.fixture.page)
        async with self.client(options=thin.options, objects=thin.objects) as client:
            yield client

    def token(self, what: str) -> str:
        """A text that nothing else in the system has. One word, so that every search finds it."""
        return f"{MARK}{what}{self._chance.getrandbits(64):016x}{uuid.uuid4().hex[:8]}"

    def ref(self, id: str) -> Ref:
        """An object of the tested type."""
        return Ref(object=self.fixture.object, id=id)

    async def create(self, text: str) -> str:
        """By hand; the id."""
        try:
            id = await self.hand.create(text)
        except BaseException:
            self.sent.add(text)  # it may have been made all the same
            raise
        self.made.add(id)
        return id

    async def creation(self, text: str) -> Mapping[str, Any]:
        """What a create of ours writes."""
        return await self.holding(text) if self.fixture.creation is None else self.fixture.creation(text)

    async def holding(self, text: str) -> Mapping[str, Any]:
        """What makes an object hold that text, once all that this needs is there."""
        if self.fixture.ready is not None:
            await self.fixture.ready(self.hand, text)
        return self.fixture.fragment(text)

    async def several(self, count: int, what: str) -> dict[str, str]:
        """Objects made by hand at once, id -> text; lists and searches show them."""
        texts = [self.token(what) for _ in range(count)]
        ids = await asyncio.gather(*(self.create(text) for text in texts))
        await asyncio.sleep(self.shows_s)
        return dict(zip(ids, texts, strict=True))

    async def edit(self, id: str, text: str) -> None:
        """By hand; lists and searches show it."""
        await self.hand.edit(id, text)
        await asyncio.sleep(self.shows_s)

    def write(self, action: str, **given: Any) -> Write:
        """A write of this action with an operation and correlation key of its own."""
        ids = {"operation": f"op-{uuid.uuid4().hex}", "correlation": f"c{uuid.uuid4().hex}"}
        known = {"kind": KINDS[action], "object": self.fixture.object, "timeout_s": PATIENT_S}
        return Write(**{**ids, **known, **given})

    def draft(self, body: str) -> ItemDraft:
        """A comment, or a file, to copy."""
        kind, origin = self.fixture.item_kind, f"elsewhere:{uuid.uuid4().hex}"
        file = File(name=f"{body}.txt", size=len(body), media_type="text/plain") if kind == ATTACHMENT else None
        return ItemDraft(kind=kind, body=body, author="Kim", at=0.0, origin=origin, origin_label="Elsewhere", file=file)

    def text(self, snapshot: Snapshot) -> str:
        """The text a snapshot shows; "" where it is partial."""
        return self.fixture.text(snapshot.raw) if snapshot.raw else ""


async def round_of(
    connector: Connector,
    cursor: Mapping[str, Any] | None,
    between: Callable[[int, Sequence[Change]], Any] | None = None,
) -> tuple[list[Change], dict[str, Any]]:
    """One whole poll: pages until there are no more, each cursor through JSON as a database stores it. `between` is
    awaited after each page. Raises LookupError for a poll without end.
    """
    found: list[Change] = []
    for number in range(MOST_PAGES):
        page: Page = await connector.changes(cursor)
        found += page.changes
        cursor = orjson.loads(orjson.dumps(page.cursor))
        if not page.more:
            return found, dict(cursor or {})
        if between is not None:
            await between(number, page.changes)
    raise LookupError(f"a poll that is not over after {MOST_PAGES} pages")
