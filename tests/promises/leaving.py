"""Somebody leaves in the middle of everything by which the gateway comes to write, and who judges what it sent.

One world per story, stepped act by act. What is sent after the departure was begun after it, because each act that
works lanes works them to their end; a write that was under way when the person left was judged before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connectors.contract.errors import MappingError, Refused
from connectors.contract.values import Change, Write, WriteKind
from gateway.sync import operator, recheck, remarks, reread
from gateway.sync.departed import depart, lift
from gateway.sync.identities import Known, identity
from gateway.sync.lane_port import Lanes
from gateway.sync.state import LinkState
from gateway.sync.store import load_attempt
from gateway.sync.unit import Unit
from tests.promises.direct import DirectDatabase
from tests.scenarios.world_of_two import Two, two
from tests.support.world import System

ADA = "ada@example.com"
PEOPLE = (ADA, "Ada@Example.com", "bob@example.com", "eve@example.com")
KINDS = ("crew", "seat", "duty", "band")
LEASE_S = 60.0


class Killed(BaseException):
    """The process is gone in the middle of a request."""


def is_ada(value: Any) -> bool:
    return isinstance(value, str) and value.lower() == ADA


@dataclass
class Story:
    """`left`: whether Ada has left; `given`: what was sent to her afterwards, which is what must not be."""

    w: Two
    kind: str
    left: bool = False
    given: list[str] = field(default_factory=list)
    seen: list[Change] = field(default_factory=list)
    next_answer: str = ""
    number: int = 0

    # ---- what the systems do with a write ----
    def judged(self, system: System, write: Write) -> str | None:
        if self.left and (what := self.gives(system, write)):
            self.given.append(f"{system.name}: {what}")
        answer, self.next_answer = self.next_answer, ""
        if answer == "refused":
            raise Refused("no", status=400)
        return answer or None

    def gives(self, system: System, write: Write) -> str:
        """What this write would give to Ada."""
        shown = system.things[write.ref.id].raw if write.ref is not None and write.ref.id in system.things else {}
        sent = dict(write.values)
        if self.kind == "crew":
            hers = is_ada(sent.get("email")) or is_ada(shown.get("email"))
            made = write.kind is WriteKind.CREATE
            return f"an account: {sent}" if hers and (made or sent.get("active") is True) else ""
        if self.kind == "band":
            added = [each for each in sent.get("members", ()) if is_ada(each) and each not in shown.get("members", ())]
            return f"a place in a group: {sent}" if added else ""
        name = "person" if self.kind == "seat" else "who"
        return f"{self.kind}: {sent}" if is_ada(sent.get(name)) and not is_ada(shown.get(name)) else ""

    def killed(self, write: Write) -> None:
        if self.next_answer == "killed":
            self.next_answer = ""
            raise Killed

    # ---- what happens ----
    def raw(self, person: str) -> dict[str, Any]:
        """What a thing of this kind shows that is of a person."""
        self.number += 1
        text = str(self.number)
        raw: dict[str, dict[str, Any]] = {
            "crew": {"name": person.partition("@")[0], "email": person, "active": True, "x": text},
            "seat": {"person": person, "group": text},
            "duty": {"who": person, "x": text},
            "band": {"name": text, "members": [person, "zoe@example.com"]},
        }
        return raw[self.kind]

    async def records(self) -> list[str]:
        return [each.id for each in await self.w.g.records()]

    async def rule(self, n: int, apply: Callable[[Unit, str], Any]) -> None:
        """Applies a rule to some record and one of its systems."""
        if found := await self.records():
            connection = "ab"[n % 2]
            await self.w.g.decider.decide(found[n % len(found)], lambda unit: apply(unit, connection))


def _thing(s: Story, n: int) -> tuple[System, str] | None:
    system = (s.w.a, s.w.b)[n % 2]
    there = [each.id for each in system.things.values() if each.exists]
    return (system, there[n // 2 % len(there)]) if there else None


async def create(s: Story, n: int, person: str) -> None:
    (s.w.a, s.w.b)[n % 2].create(**s.raw(person))


async def edit(s: Story, n: int, person: str) -> None:
    if found := _thing(s, n):
        found[0].edit(found[1], **s.raw(person))


async def webhooks(s: Story, n: int, person: str) -> None:
    changes = [*s.w.a.take(), *s.w.b.take()]
    s.seen += changes
    await s.w.g.bring(changes)


async def polled(s: Story, n: int, person: str) -> None:
    if found := _thing(s, n):
        await s.w.g.bring([found[0].poll(found[1])])


async def journal_replayed(s: Story, n: int, person: str) -> None:
    """An old notice once more, as a new delivery."""
    if s.seen:
        s.number += 1
        old = s.seen[n % len(s.seen)]
        await s.w.g.bring([msgspec.structs.replace(old, delivery_key=f"again:{s.number}")])


async def notice_understood_anew(s: Story, n: int, person: str) -> None:
    """A replay of the journal through a mapping version."""
    if s.seen:
        change = s.seen[n % len(s.seen)]
        mapping = s.w.g.flow.members[change.connection].mapping
        for record in await s.records():
            await s.w.g.decider.decide(
                record, lambda unit: reread.take_in(unit, change, mapping, notice="n", actor="eve", run="run")
            )


async def lanes_work(s: Story, n: int, person: str) -> None:
    try:
        await s.w.g.drain()
    except Killed:
        s.w.g.clock.advance(LEASE_S)


async def time_passes(s: Story, n: int, person: str) -> None:
    s.w.g.clock.advance((1.0, 12.0, 90.0)[n % 3])


async def next_is_answered(s: Story, n: int, person: str) -> None:
    s.next_answer = ("late", "lost", "refused", "killed")[n % 4]


async def late_ones_land(s: Story, n: int, person: str) -> None:
    s.w.a.land()
    s.w.b.land()


async def case_decided(s: Story, n: int, person: str) -> None:
    """Whatever a person can say to a case; what the domain refuses is refused."""
    if not (found := [each for each in await s.w.g.cases() if each.record]):
        return
    case = found[n % len(found)]
    async with s.w.g.database.begin("case") as tx:
        lanes = Lanes(tx, s.w.g.decider.topology, now=s.w.g.clock.now(), actor="eve")
        acts: list[Callable[[], Awaitable[None]]] = [
            lambda: lanes.retry(case),
            lambda: lanes.discard(case),
            lambda: lanes.seen_to(case),
            lambda: lanes.look(case),
        ]
        if "attempt" in case.evidence:
            acts += [lambda: lanes.declare(case, applied=True), lambda: lanes.declare(case, applied=False)]
        await acts[n % len(acts)]()


async def corrected(s: Story, n: int, person: str) -> None:
    """Somebody enters the person in a case's field; restoring a lost value is the same."""
    name, value = {
        "crew": ("email", person.lower()),
        "seat": ("person", person.lower()),
        "duty": ("who", person.lower()),
        "band": ("members", [person.lower()]),
    }[s.kind]

    def enter(unit: Unit, connection: str) -> None:
        if unit.state.tombstoned_at is None and name in unit.state.fields:
            operator.correct(unit, connection, name, value, "no case", actor="eve")

    try:
        await s.rule(n, enter)
    except MappingError:
        return


async def side_chosen(s: Story, n: int, person: str) -> None:
    name = {"crew": "active", "seat": "person", "duty": "who", "band": "name"}[s.kind]

    def choose(unit: Unit, connection: str) -> None:
        if name in unit.state.fields and name in unit.held(connection).shadow:
            operator.resolve(unit, connection, name, connection, "no case", actor="eve")

    await s.rule(n, choose)


async def remark_heard(s: Story, n: int, person: str) -> None:
    """Another record that refers to this one says who it is for; so do tasks that stand together."""
    name = {"crew": "email", "seat": "person", "duty": "who", "band": "name"}[s.kind]
    s.number += 1
    remark = remarks.Remark(
        id=f"r.{s.number}", of="r", flow="ships", author="a ship", label="", at=s.w.g.clock.now(), blur=0.0, by="1"
    )
    remark.values = {name: person.lower()}
    await s.rule(n, lambda unit, connection: remarks.hear(unit, remark))


async def looked(s: Story, n: int, person: str) -> None:
    await s.rule(n, lambda unit, connection: operator.look(unit, connection, actor="eve"))


async def read_back(s: Story, n: int, person: str) -> None:
    """The nightly audit of shadows, and what a comparison hands to the lanes."""
    if not (found := await s.w.g.records()):
        return
    record, system = found[n % len(found)], (s.w.a, s.w.b)[n % 2]
    held = record.members.get(system.name)
    if held is not None and held.link is LinkState.PRIMARY and held.id in system.things:
        shown = system.poll(held.id).snapshot
        await s.w.g.decider.decide(
            record.id, lambda unit: recheck.differences(unit, system.name, shown, (), rev=record.rev)
        )


async def memories_expire(s: Story, n: int, person: str) -> None:
    await s.rule(n, lambda unit, connection: recheck.expire(unit, {}, before=s.w.g.clock.now()))


async def waiting_notices_taken_up(s: Story, n: int, person: str) -> None:
    if found := await s.records():
        await s.w.g.decider.take_up(found[n % len(found)], "ab"[n % 2])


async def outcome_declared(s: Story, n: int, person: str) -> None:
    for lane in await s.w.g.lanes():
        if lane.attempt and str(lane.state) in ("unknown", "parked"):
            async with s.w.g.database.read() as tx:
                attempt = await load_attempt(tx, lane.attempt)
            if attempt is not None:
                await s.w.g.decider.decide(
                    lane.record,
                    lambda unit, lane=lane, attempt=attempt: operator.declare(  # type: ignore[misc]
                        unit, lane.connection, attempt, lane.case, applied=bool(n % 2), actor="eve"
                    ),
                )


async def ada_leaves(s: Story, n: int, person: str) -> None:
    names = [(Known.EMAIL, "ADA@example.com"), (Known.USER_NAME, "ada")]
    async with s.w.g.database.begin("depart") as tx:
        known = [each for each in (identity(*name) for name in names) if each is not None]
        successor = "eve@example.com" if n % 2 else ""
        await depart(tx, "p1", known, case="LV-1", now=s.w.g.clock.now(), successor=successor)
    s.left = True
    for record in await s.records():  # as a departure looks through the person's records once it has begun
        await s.w.g.decider.decide(record, lambda unit: None)


async def ada_is_let_in(s: Story, n: int, person: str) -> None:
    async with s.w.g.database.begin("lift") as tx:
        await lift(tx, "p1", by="eve", reason="hired again", now=s.w.g.clock.now())
    s.left = False


Act = Callable[[Story, int, str], Awaitable[None]]
ACTS: Mapping[str, Act] = {
    act.__name__: act
    for act in (
        create,
        edit,
        webhooks,
        polled,
        journal_replayed,
        notice_understood_anew,
        lanes_work,
        time_passes,
        next_is_answered,
        late_ones_land,
        case_decided,
        corrected,
        side_chosen,
        remark_heard,
        looked,
        read_back,
        memories_expire,
        waiting_notices_taken_up,
        outcome_declared,
    )
}
"""All but leaving and coming back, which a story places itself."""
Told = tuple[str, int, str]


@asynccontextmanager
async def story(database: DirectDatabase, kind: str) -> AsyncIterator[Story]:
    database.empty()
    options: dict[str, Any] = {"database": database, "sets": {"members"} if kind == "band" else set()}
    async with two("", linked=False, mappings={"a": kind, "b": kind}, **options) as w:
        made = Story(w, kind)
        for system in (w.a, w.b):
            system.answer = lambda write, system=system: made.judged(system, write)  # type: ignore[misc]
            system.before_commit = made.killed
        yield made


async def play(database: DirectDatabase, kind: str, before: list[Told], after: list[Told], back: list[Told]) -> None:
    """Raises AssertionError if anything was given to Ada that began after she left, or an account of hers is on in the
    end.
    """
    async with story(database, kind) as s:
        for name, n, person in before:
            await ACTS[name](s, n, person)
        await ada_leaves(s, len(before), "")
        for name, n, person in after:
            await ACTS[name](s, n, person)
        if back:
            await ada_is_let_in(s, 0, "")
            for name, n, person in back:
                await ACTS[name](s, n, person)
            await ada_leaves(s, len(back), "")
        s.next_answer = ""
        await late_ones_land(s, 0, "")
        await _settle(s)
        await _refused_closes_again(s)
        told = f"before={before} after={after} back={back}"
        assert s.given == [], f"{s.given} {told}"
        if kind == "crew":
            on = [each.raw for system in (s.w.a, s.w.b) for each in system.things.values() if _is_on(each.raw)]
            assert not on, f"still on: {on} {told}"


def _is_on(raw: Mapping[str, Any]) -> bool:
    return is_ada(raw.get("email")) and raw.get("active") is True


async def _refused_closes_again(s: Story) -> None:
    """A system refused to close something, and a case says so: whoever sees to it retries."""
    for case in await s.w.g.cases():
        if case.cause == "close.refused":
            async with s.w.g.database.begin("case") as tx:
                lanes = Lanes(tx, s.w.g.decider.topology, now=s.w.g.clock.now(), actor="eve")
                await lanes.retry(case)
    await _settle(s)


async def _settle(s: Story) -> None:
    """Everything comes to rest; what people put on again meanwhile is told of by webhooks."""
    for _ in range(8):
        try:
            await s.w.g.settle(rounds=80)
        except Killed:
            s.w.g.clock.advance(LEASE_S)
        else:
            return
