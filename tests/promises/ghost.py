"""What the checker of random schedules knows and the gateway does not: who typed every value that a system shows.

Each edit by a person gets a token. Tokens ride in `raw` under names that no mapping reads, so they follow a value
through snapshots, history and our own writes, and say at the end where each edit went.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connectors.contract.errors import (
    Conflict,
    CredentialsError,
    LockstepError,
    OutcomeUnknown,
    Refused,
    Retryable,
    Throttled,
)
from connectors.contract.values import (
    Change,
    ChangeKind,
    HistoryEntry,
    IdPage,
    Item,
    Listed,
    Receipt,
    Ref,
    Snapshot,
    Step,
    Write,
    WriteKind,
)
from gateway.sync.attempts import Attempt
from tests.promises.simulated import Watch
from tests.promises.weather import Weather
from tests.support.world import System, Thing

TOKENS, VERSION = "_tok", "_v"
START = "-"
"""Token of values that were there before the schedule began."""
Token = int | str | None
"""None: nobody typed it (an intermediate step, a default of the system)."""


@dataclass
class Edit:
    """One edit by a person, as the system stored it."""

    system: str
    thing: str
    name: str
    value: Any
    at: float
    version: int
    after_departure: bool


@dataclass
class Truth:
    """Everything people did and everything our writes did, as an all-seeing bystander notes it."""

    edits: dict[int, Edit] = field(default_factory=dict)
    replaced: set[Token] = field(default_factory=set)
    alias: dict[Token, set[Token]] = field(default_factory=lambda: defaultdict(set))
    tokens: dict[tuple[str, int], Token] = field(default_factory=dict)
    """(record, fver) -> who typed it."""
    attempts: dict[str, Attempt] = field(default_factory=dict)
    in_effect: set[str] = field(default_factory=set)
    """Attempts that really took effect."""
    landed: set[str] = field(default_factory=set)
    """Those of them that did so when nobody waited for them any more."""
    known: dict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    """(system, thing) -> versions that the gateway folded in, and kept."""
    folding: list[tuple[str, str, int]] = field(default_factory=list)
    """(system, thing, version) of what was folded in since the last transaction ended."""
    brought: set[tuple[str, str, int]] = field(default_factory=set)
    """(system, thing, version) of the webhooks that were delivered."""
    applied: dict[tuple[str, str], tuple[int, bool]] = field(default_factory=dict)
    """(thing, field) -> newest decision written, and whether it still stands as written."""
    bad: list[tuple[str, str]] = field(default_factory=list)
    accepted: set[tuple[str, str]] = field(default_factory=set)
    """(system, delivery key) of what intake answered with yes."""
    writes: int = 0
    comments: int = 0
    departed: str = ""
    added: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    def settle(self, kept: bool) -> None:
        """A decision was committed, or nothing of it is there."""
        for system, thing, version in self.folding if kept else ():
            self.known[(system, thing)].add(version)
        self.folding.clear()

    def flag(self, promise: str, what: str) -> None:
        self.bad.append((promise, what))

    def same(self, one: Token, other: Token) -> None:
        """Two people typed the same value, or what was there from the start; the gateway may take them for one."""
        if one is not None and other is not None and one != other:
            self.alias[one].add(other)
            self.alias[other].add(one)

    def newest(self, name: str, value: Any) -> Token:
        """Whoever typed this value last; for decisions whose source shows no token (an operator's choice)."""
        return next((t for t, e in reversed(self.edits.items()) if (e.name, e.value) == (name, value)), START)


class Pace:
    """Stops every call to a system before and after its effect until the schedule lets it go on."""

    def __init__(self) -> None:
        self.waiting: dict[asyncio.Task[Any], tuple[str, asyncio.Future[str]]] = {}
        self._reached: dict[asyncio.Task[Any], asyncio.Future[None]] = {}

    async def pause(self, where: str) -> str:
        task = asyncio.current_task()
        if task is None or task not in self._reached:
            return "ok"
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.waiting[task] = (where, future)
        if not self._reached[task].done():
            self._reached[task].set_result(None)
        try:
            return await future
        finally:
            self.waiting.pop(task, None)

    async def until_it_waits(self, task: asyncio.Task[Any]) -> None:
        """Returns when the task has stopped at the next place, or has ended."""
        if task not in self.waiting:
            reached = self._reached[task] = asyncio.get_running_loop().create_future()
            await asyncio.wait({task, reached}, return_when=asyncio.FIRST_COMPLETED)

    async def until_it_waits_again(self, task: asyncio.Task[Any]) -> None:
        """Returns when what the task waited for was cut off, and it has stopped elsewhere or has ended."""
        before = self.waiting.get(task)
        for _ in range(5):
            await asyncio.sleep(0)
        if self.waiting.get(task) is not before:
            await self.until_it_waits(task)

    def follow(self, task: asyncio.Task[Any]) -> None:
        self._reached[task] = asyncio.get_running_loop().create_future()

    async def go(self, task: asyncio.Task[Any], verdict: str) -> None:
        """Lets the task go on to its next stop."""
        _, future = self.waiting.pop(task)
        self._reached[task] = asyncio.get_running_loop().create_future()
        if not future.done():
            future.set_result(verdict)
        await self.until_it_waits(task)


FAILURES: Mapping[str, Callable[[], LockstepError]] = {
    "never": lambda: OutcomeUnknown("no answer"),
    "never5xx": lambda: OutcomeUnknown("bad gateway", status=502, evidence={"down": True}),
    "refused": lambda: Refused("no", status=400),
    "retry": lambda: Retryable("not now"),
    "down": lambda: Retryable("cannot be reached", status=503, down=True),
    "throttled": lambda: Throttled("too many requests", status=429),
    "throttled30": lambda: Throttled("too many requests", status=429, retry_after_s=30.0),
    "throttled3000": lambda: Throttled("too many requests", status=429, retry_after_s=3000.0),
    "credentials": lambda: CredentialsError("the password is not good any more", status=401),
    "conflict": lambda: Conflict("it moved", status=409),
}
"""What a call is answered instead of taking effect."""


@dataclass
class Traced(System):
    """A system whose values carry tokens and whose calls stop where the schedule says."""

    truth: Truth = field(default_factory=Truth)
    pace: Pace = field(default_factory=Pace)
    weather: Weather = field(default_factory=Weather)
    watch: Watch | None = None
    """The gateway's clock, where it may differ from the world's."""
    cut: str = ""
    """What becomes of a request that is cut off: it `lands` later, or is gone."""
    delta: bool = False
    """Webhooks hold only what changed."""
    shows: bool = False
    """The answer to a write shows the stored object."""
    landing: list[tuple[float, Write]] = field(default_factory=list)
    """Requests that were never answered, with the time by which they land."""
    landed: set[str] = field(default_factory=set)
    landed_items: set[str] = field(default_factory=set)
    """Comments that landed late since the comments were last read: nothing could tell (W4)."""
    excused: set[str] = field(default_factory=set)
    """Bodies of comments that stand here twice because of W4."""
    _changed: tuple[str, ...] = ()

    # ---- people ----
    def typed(self, thing_id: str, name: str, value: Any) -> bool:
        """A person edits one field. False: it shows that already."""
        thing, value = self.things[thing_id], self.normalise(name, value)
        if thing.raw.get(name) == value:
            return False
        token, tokens = len(self.truth.edits) + 1, dict(thing.raw[TOKENS])
        self.truth.replaced.add(tokens.get(name))
        tokens[name] = token
        departed = bool(self.truth.departed)
        self.truth.edits[token] = Edit(self.name, thing_id, name, value, self.clock.now(), thing.version + 1, departed)
        newest = self.truth.applied.get((thing_id, name))
        if newest:
            self.truth.applied[(thing_id, name)] = (newest[0], False)
        self.edit(thing_id, **{name: value, TOKENS: tokens})
        return True

    def born(self, token_of: Mapping[str, Token], **raw: Any) -> str:
        """A person makes a thing."""
        return self.create(**raw, **{TOKENS: {name: token_of.get(name, START) for name in raw}})

    # ---- what the network brings ----
    def poll(self, thing_id: str) -> Change:
        """A polled row shows the comments, too."""
        change = super().poll(thing_id)
        items = tuple(self.things[thing_id].items)
        return msgspec.structs.replace(change, snapshot=msgspec.structs.replace(change.snapshot, items=items))

    def late_ones(self, until: float) -> list[Write]:
        """Requests that land before `until`, taken out."""
        due = [write for by, write in self.landing if by <= until]
        self.landing = [(by, write) for by, write in self.landing if by > until]
        return due

    def arrive_late(self, write: Write) -> None:
        """A request that nobody waits for any more takes effect."""
        try:
            receipt = self._traced(write, late=True)
        except LockstepError:
            return
        self.landed.add(receipt.ref.id)
        self.truth.landed.add(write.operation)

    # ---- the contract ----
    async def _looked(self, where: str) -> str:
        """Stops at a place of a read. One that is cut off was too slow for its lane alone."""
        try:
            return await self.pace.pause(where)
        except asyncio.CancelledError:
            self.weather.own["tries"] += 1
            raise

    @property
    def clock_offset_s(self) -> float:
        """As measured from the last answer's date."""
        return 0.0 if self.watch is None else -self.watch.wrong_by_s

    def _fails(self, verdict: str, *, write: bool = False) -> None:
        """Raises what this call gets instead of an answer, and notes whether the record is to blame."""
        trouble = self.weather.raises(write=write)
        if trouble is not None:
            raise trouble
        if verdict in FAILURES:
            self.weather.seen.add(verdict)
            self.weather.own["tries"] += verdict == "retry"
            self.weather.own[verdict] += 1
            answer = FAILURES[verdict]()
            raise answer

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        self._fails("ok")
        return await super().history(ref, since)

    async def steps(self, ref: Ref) -> Sequence[Step]:
        self._fails("ok")
        return await super().steps(ref)

    async def ids(self, object: str, cursor: Mapping[str, Any] | None) -> IdPage:
        """Everything that is there, on one page."""
        self._fails("ok")
        there = [each for each in self.things.values() if each.exists]
        return IdPage(listed=tuple(Listed(id=t.id, key=t.id, updated_at=t.updated_at) for t in there), cursor=None)

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        self._fails(await self._looked("read"))
        snapshot = await super().read(ref, items=items)
        if items:
            self.landed_items.clear()
        await self._looked("read done")
        return snapshot

    async def find(self, object: str, correlation: str) -> list[Ref]:
        self._fails("ok")
        found = list(await super().find(object, correlation))
        await self._looked("find done")
        return found

    async def apply(self, write: Write) -> Receipt:
        self.tries.append(write)
        try:
            verdict = await self.pace.pause("apply")
        except asyncio.CancelledError:
            if self.cut == "lands":
                self._lands_later(write)
            raise
        if verdict == "late":
            self._lands_later(write)
            raise OutcomeUnknown("no answer")
        self._fails(verdict, write=True)
        receipt = self._traced(write, late=verdict == "stale")
        if verdict in ("lost", "lost5xx"):
            down: dict[str, object] = {"down": True} if verdict == "lost5xx" else {}
            raise OutcomeUnknown("cut off", status=502 if down else None, evidence=down)
        await self.pace.pause("apply done")
        return receipt

    # ---- inside ----
    def _lands_later(self, write: Write) -> None:
        self.landing.append((self.clock.now() + 2 * self.settles_s, write))

    def _traced(self, write: Write, *, late: bool) -> Receipt:
        attempt = self.truth.attempts[write.operation]
        if write.kind is WriteKind.ITEM:
            self._once(write, late)
        tokens = {} if write.kind is WriteKind.CREATE else dict(self.things[write.ref.id].raw[TOKENS])  # type: ignore[union-attr]
        for name, sent in attempt.fields.items():
            tokens[name] = None if sent.fver is None else self.truth.tokens.get((attempt.record, sent.fver), START)
        values = {**write.values, TOKENS: tokens}
        receipt = self._effect(msgspec.structs.replace(write, values=values))
        self.truth.writes += 1
        self.truth.in_effect.add(attempt.id)
        thing = self.things[receipt.ref.id]
        if write.kind is not WriteKind.ITEM:
            self._order(thing, attempt, late)
        if self.shows and write.kind is not WriteKind.ITEM:
            receipt = msgspec.structs.replace(receipt, snapshot=self._snapshot(thing))
        return receipt

    def _once(self, write: Write, late: bool) -> None:
        assert write.ref is not None and write.item is not None
        there = any(item.origin == write.item.origin for item in self.things[write.ref.id].items)
        if late:
            self.landed_items.add(write.item.origin)
        if there and (late or write.item.origin in self.landed_items):
            self.excused.add(write.item.body)
        elif there:
            self.truth.flag("P2", f"comment {write.item.origin} written twice to {write.ref.id}")

    def _order(self, thing: Thing, attempt: Attempt, late: bool) -> None:
        for name, sent in attempt.fields.items():
            if sent.fver is None:
                continue
            newest, stands = self.truth.applied.get((thing.id, name), (0, False))
            if late:
                self.truth.applied[(thing.id, name)] = (newest, False)
                continue
            if sent.fver < newest:
                self.truth.flag("P3", f"{thing.id}.{name}: decision {sent.fver} written after {newest}")
            if (newest, stands) == (sent.fver, True):
                self.truth.flag("P2", f"{thing.id}.{name}: decision {sent.fver} written twice")
            self.truth.applied[(thing.id, name)] = (sent.fver, True)

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
        thing.raw[VERSION] = thing.version + 1
        thing.raw.setdefault(TOKENS, {})
        self._changed = tuple(after)
        super()._commit(thing, actor, before, after, kind=kind, items=items)

    def _change(
        self,
        thing: Thing,
        kind: ChangeKind,
        *,
        via: str = "webhook",
        key: str = "",
        items: tuple[Item, ...] | None = None,
    ) -> Change:
        change = super()._change(thing, kind, via=via, key=key, items=items)
        if self.watch is not None:
            change = msgspec.structs.replace(change, received_at=self.watch.now(), clock_offset_s=self.clock_offset_s)
        if not self.delta or via != "webhook" or kind is not ChangeKind.SNAPSHOT:
            return change
        shown = {
            name: value for name, value in change.snapshot.raw.items() if name in (*self._changed, TOKENS, VERSION)
        }
        return msgspec.structs.replace(
            change, snapshot=msgspec.structs.replace(change.snapshot, raw=shown, partial=True)
        )
