"""A small world for the sync core: systems in memory that speak the connector contract, people who edit, a lossy
network.

The database is real. A system commits, versions, keeps history, normalises and answers late as its settings say, so
that
one scenario can run against every kind of version. Nothing here decides anything for the gateway.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from connectors.contract.errors import Conflict, OutcomeUnknown, Refused
from connectors.contract.values import (
    Change,
    ChangeKind,
    Finding,
    HistoryEntry,
    Item,
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


class FakeClock:
    """Time that moves when a test says so; monotonic never goes back."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.wall, self.ticks = now, 0.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.ticks += max(seconds, 0.0)


@dataclass
class Thing:
    """An object in a system."""

    id: str
    raw: dict[str, Any]
    version: int = 0
    updated_at: float = 0.0
    correlation: str | None = None
    exists: bool = True
    editor: str = ""
    history: list[HistoryEntry] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    key: str = ""
    """What people call it, if not by its id."""


@dataclass
class System:
    """One system. `answer` is called before each write and may raise or return "lost" (applied, nobody told)."""

    name: str
    clock: FakeClock
    kind: VersionKind = VersionKind.COUNTER
    has_history: bool = False
    conditional: bool = False
    granularity_s: float = 0.0
    settles_s: float = 10.0
    marker: bool = True
    normalise: Callable[[str, Any], Any] = lambda name, value: value
    answer: Callable[[Write], str | None] = lambda write: None
    before_commit: Callable[[Write], None] = lambda write: None
    after_commit: Callable[[Write], None] = lambda write: None
    moves: Mapping[str, Sequence[str]] = field(default_factory=dict)
    things: dict[str, Thing] = field(default_factory=dict)
    notices: list[Change] = field(default_factory=list)
    writes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """(object id, raw fragment) of every write that took effect, in order."""
    tries: list[Write] = field(default_factory=list)
    reads: int = 0
    late: list[Write] = field(default_factory=list)
    """Writes that were answered by a time-out and have not landed yet."""
    probes: bool = True
    tells: bool = False
    """Snapshots name who made the last change."""
    _ids: Any = field(default_factory=itertools.count)

    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        return {
            "thing": ObjectSpec(
                name="thing",
                version_kind=self.kind,
                granularity_s=self.granularity_s,
                history=self.has_history,
                conditional=self.conditional,
                marker=self.marker,
                readable=self.probes,
                settles_s=self.settles_s,
                items=True,
            )
        }

    # ---- what people do ----
    def create(self, **raw: Any) -> str:
        thing = self._add(dict(raw), None)
        self._commit(thing, "human", {}, dict(raw))
        return thing.id

    def edit(self, thing_id: str, **raw: Any) -> None:
        self.edit_as("human", thing_id, **raw)

    def edit_as(self, actor: str, thing_id: str, **raw: Any) -> None:
        """An edit by somebody with a name of his own; "us" is the integration's own account."""
        thing = self.things[thing_id]
        before = {name: thing.raw.get(name) for name in raw}
        thing.raw.update({name: self.normalise(name, value) for name, value in raw.items()})
        self._commit(thing, actor, before, raw)

    def comment(self, thing_id: str, body: str, **more: Any) -> str:
        thing = self.things[thing_id]
        item = Item(id=f"{self.name}-c{next(self._ids)}", body=body, author="ann", at=self.clock.now(), **more)
        thing.items.append(item)
        self._commit(thing, "human", {}, {}, kind=ChangeKind.ITEM, items=(item,))
        return item.id

    def move(self, thing_id: str, key: str) -> None:
        """It is called otherwise from now on."""
        thing = self.things[thing_id]
        thing.key = key
        self._commit(thing, "human", {}, {})

    def delete(self, thing_id: str) -> None:
        thing = self.things[thing_id]
        thing.exists = False
        self._commit(thing, "human", {}, {}, kind=ChangeKind.DELETED)

    # ---- what the network brings ----
    def take(self) -> list[Change]:
        """All notices under way, oldest first."""
        taken, self.notices = self.notices, []
        return taken

    def poll(self, thing_id: str) -> Change:
        return self._change(self.things[thing_id], ChangeKind.SNAPSHOT, via="poll", key=f"poll:{next(self._ids)}")

    def land(self) -> None:
        """Late requests arrive."""
        late, self.late = self.late, []
        for write in late:
            self._effect(write)

    # ---- the contract ----
    async def check(self) -> Sequence[Finding]:
        return [Finding(proves="sign-in", ok=True)]

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        return Page(changes=(), cursor={}, more=False)

    def receive(self, webhook: Webhook) -> Received:
        return Received(changes=())

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        self.reads += 1
        thing = self.things.get(ref.id)
        if thing is None or not thing.exists:
            return Snapshot(object="thing", id=ref.id, exists=False)
        return self._snapshot(thing, items=tuple(thing.items) if items else None)

    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        return [Ref(object="thing", id=t.id) for t in self.things.values() if t.correlation == correlation and t.exists]

    async def find_by(self, object: str, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        return [
            Ref(object="thing", id=t.id)
            for t in self.things.values()
            if t.exists and all(t.raw.get(name) == value for name, value in fragment.items())
        ]

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        return [entry for entry in self.things[ref.id].history if entry.at >= since]

    async def steps(self, ref: Ref) -> Sequence[Step]:
        shown = self.things[ref.id].raw.get("status")
        return [Step(id=f"{shown}>{to}", to=to) for to in self.moves.get(str(shown), ())]

    async def apply(self, write: Write) -> Receipt:
        self.tries.append(write)
        verdict = self.answer(write)
        if verdict == "late":
            self.late.append(write)
            raise OutcomeUnknown("no answer")
        self.before_commit(write)
        receipt = self._effect(write)
        self.after_commit(write)
        if verdict == "lost":
            raise OutcomeUnknown("no answer")
        return receipt

    async def close(self) -> None:
        return None

    # ---- inside ----
    def _effect(self, write: Write) -> Receipt:
        if write.kind is WriteKind.CREATE:
            thing = self._add(dict(write.values), write.correlation)
            self._commit(thing, "us", {}, dict(write.values))
        else:
            assert write.ref is not None
            thing = self.things[write.ref.id]
            if not thing.exists:
                raise Refused("there is no such thing", status=404)
            if self.conditional and write.etag is not None and write.etag != str(thing.version):
                raise Conflict("the thing moved", status=412)
            self._change_thing(thing, write)
        self.writes.append((thing.id, dict(write.values) if write.item is None else {"comment": write.item.body}))
        item_id = thing.items[-1].id if write.kind is WriteKind.ITEM else None
        version = (
            thing.version if self.kind is not VersionKind.NONE and self.kind is not VersionKind.TIMESTAMP else None
        )
        return Receipt(ref=Ref(object="thing", id=thing.id), version=version, item_id=item_id)

    def _change_thing(self, thing: Thing, write: Write) -> None:
        if write.item is not None:
            item = Item(
                id=f"{self.name}-c{next(self._ids)}",
                body=write.item.body,
                author="lockstep",
                at=self.clock.now(),
                origin=write.item.origin,
            )
            thing.items.append(item)
            self._commit(thing, "us", {}, {}, kind=ChangeKind.ITEM, items=(item,))
            return
        values = dict(write.values)
        if write.step is not None:
            if write.step.to not in self.moves.get(str(thing.raw.get("status")), ()):
                raise Conflict("the move is not available", status=409)
            values["status"] = write.step.to
        before = {name: thing.raw.get(name) for name in values}
        thing.raw.update({name: self.normalise(name, value) for name, value in values.items()})
        self._commit(thing, "us", before, {name: thing.raw[name] for name in values})

    def _add(self, raw: dict[str, Any], correlation: str | None) -> Thing:
        shaped = {name: self.normalise(name, value) for name, value in raw.items()}
        if self.moves:
            shaped.setdefault("status", next(iter(self.moves)))
        thing = Thing(id=f"{self.name}{next(self._ids)}", raw=shaped, correlation=correlation)
        self.things[thing.id] = thing
        return thing

    def _commit(
        self,
        thing: Thing,
        actor: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        *,
        kind: ChangeKind = ChangeKind.SNAPSHOT,
        items: tuple[Item, ...] | None = None,
    ) -> None:
        thing.version += 1
        thing.editor = actor
        tick = self.granularity_s
        thing.updated_at = self.clock.now() // tick * tick if tick else self.clock.now()
        if after:
            changed = {name: thing.raw[name] for name in after}
            entry = HistoryEntry(
                id=str(thing.version),
                at=thing.updated_at,
                actor=actor,
                by_us=actor == "us",
                before=dict(before),
                after=changed,
                version=thing.version if self.kind is VersionKind.COUNTER else None,
            )
            thing.history.append(entry)
        self.notices.append(self._change(thing, kind, items=items))

    def _change(
        self,
        thing: Thing,
        kind: ChangeKind,
        *,
        via: str = "webhook",
        key: str = "",
        items: tuple[Item, ...] | None = None,
    ) -> Change:
        return Change(
            connection=self.name,
            delivery_key=key or f"{thing.id}:{thing.version}:{kind}",
            kind=kind,
            snapshot=self._snapshot(thing, items=items),
            received_at=self.clock.now(),
            via=via,
        )

    def _snapshot(self, thing: Thing, *, items: tuple[Item, ...] | None = None) -> Snapshot:
        counts = self.kind in (VersionKind.COUNTER, VersionKind.ORDERED)
        return Snapshot(
            object="thing",
            id=thing.id,
            key=thing.key or thing.id,
            exists=thing.exists,
            version=thing.version if counts else None,
            updated_at=thing.updated_at,
            raw=deepcopy(thing.raw),
            correlation=thing.correlation,
            actor=thing.editor if self.tells else None,
            by_us=thing.editor == "us" if self.tells else None,
            etag=str(thing.version) if self.conditional else None,
            items=items,
        )
