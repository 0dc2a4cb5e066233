"""The rules of SYNC.md, each with its mechanism taken out: what the obvious algorithm would have done instead.

Every function puts its replacement in place for as long as the stack is open. The hole is the one of SYNC.md section 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from gateway.delivery import runner
from gateway.sync import (
    absorb,
    arrive,
    batch,
    conflict,
    departure,
    gap,
    guard,
    items,
    kept,
    natural,
    observe,
    outcome,
    plan,
    probe,
    steps,
)
from gateway.sync.attempts import Attempt, Outcome, SentField
from gateway.sync.plan import Want
from gateway.sync.state import BUSY, Lane, LaneState, LinkState
from gateway.sync.unit import Unit
from mappings.compiler import CompiledMapping

Breaking = Callable[[ExitStack], None]


def put(stack: ExitStack, module: Any, name: str, replacement: Any) -> None:
    """Replaces an attribute until the stack is closed."""
    stack.enter_context(patch.object(module, name, replacement))


def attempt(stack: ExitStack) -> None:
    """H6: nothing remembers that a request was started; after a crash it counts as never sent."""

    def lost(unit: Unit, lane: Lane, worker: Any) -> Any:
        lane.state, lane.owner, lane.attempt, lane.dirty = LaneState.IDLE, "", "", True
        return steps.claim(unit, lane.connection, worker)

    put(stack, steps, "_lost", lost)


def hold(stack: ExitStack) -> None:
    """H5: notices are taken while a write is under way."""
    assert BUSY
    put(stack, arrive, "BUSY", frozenset())


class _Queue:
    """Payloads computed when something is decided, sent as they are when their turn comes."""

    def __init__(self) -> None:
        self.waiting: dict[tuple[str, str], list[Want]] = defaultdict(list)
        self.known: set[tuple[str, str, int]] = set()

    def mark_dirty(self, unit: Unit) -> None:
        for connection, member in unit.flow.members.items():
            for name, canon in unit.state.fields.items():
                linked = unit.held(connection).link is LinkState.PRIMARY
                key = (unit.state.id, connection, canon.now.fver)
                if not linked or key in self.known or unit.shadow(connection, name).carried >= canon.now.fver:
                    continue
                self.known.add(key)
                want = Want(name, canon.now.fver, member.mapping.to_ext(name, canon.now.value), stepped=False)
                self.waiting[key[:2]].append(want)
            unit.lane(connection).dirty = self.lacks(unit, connection)

    def lacks(self, unit: Unit, connection: str) -> bool:
        if unit.held(connection).link is LinkState.NONE:
            return bool(unit.state.fields) and plan.wants_create(unit, connection)
        return bool(self.waiting[(unit.state.id, connection)])

    def wants(self, unit: Unit, connection: str, rev: int | None) -> list[Want]:
        queue = self.waiting[(unit.state.id, connection)]
        return [queue.pop(0)] if queue else []


def rebase(stack: ExitStack) -> None:
    """H1: a queued payload goes out although something newer was decided meanwhile."""
    queue = _Queue()
    put(stack, plan, "wants", queue.wants)
    for module in (plan, steps):
        put(stack, module, "lacks", queue.lacks)
    for module in (arrive, steps):
        put(stack, module, "mark_dirty", queue.mark_dirty)


def preread(stack: ExitStack) -> None:
    """Rule 10: written without looking first."""
    put(stack, steps, "needs_read", lambda unit, connection: False)
    put(stack, steps, "unproven", lambda unit, connection: False)


def gap_check(stack: ExitStack) -> None:
    """H2, H3: an answer counts as proof that nobody else wrote in between."""
    for module in (outcome, runner):
        put(stack, module, "contiguous", lambda *given: True)


def ext(stack: ExitStack) -> None:
    """H8: what was sent counts as what is stored, whatever the target makes of it."""

    def as_sent(unit: Unit, connection: str, attempt: Attempt, *shown: Any) -> dict[str, Any]:
        return {name: sent.ext for name, sent in attempt.fields.items()}

    put(stack, kept, "stored", as_sent)
    put(stack, CompiledMapping, "norm", lambda self, field, ext: ext)


def carry(stack: ExitStack) -> None:
    """H11: values are compared where versions should be; a value that came back hides what happened in between."""
    scalar = absorb._scalar

    def by_value(unit: Unit, seen: Any, member: Any, name: str, ext: Any, old: Any) -> None:
        canon, shadow = unit.state.fields[name], unit.shadow(seen.connection, name)
        if absorb.agrees(member, name, canon.now.value, old):
            shadow.carried = canon.now.fver
        scalar(unit, seen, member, name, ext, old)

    put(stack, absorb, "_scalar", by_value)


def read(stack: ExitStack) -> None:
    """H9: a notice without a version is believed as it comes, in the order in which it comes."""
    for module in (arrive, batch):
        put(stack, module, "is_hint", lambda member, change: False)


def ident(stack: ExitStack) -> None:
    """H13: nothing but a link says that two objects are one thing; nobody looks before creating."""

    def route(self: Any, flow: Any, change: Any) -> Any:
        record = self.links.get((change.connection, change.snapshot.object, change.snapshot.id))
        return self.units.get(record) if record else None

    put(stack, batch.Batch, "_route", route)
    put(stack, batch, "natural_key", lambda flow, change: None)
    put(stack, natural, "unclaimed", lambda unit: "")
    put(stack, steps, "_adopt", lambda unit, lane, seen: None)


def tomb(stack: ExitStack) -> None:
    """H14: a departure closes what is linked now and is then forgotten, with the leaver's link."""

    def leave(unit: Unit, connection: str, why: str) -> None:
        held = unit.held(connection)
        unit.link(connection, held.id, held.key, LinkState.GONE)
        held.link, held.id = LinkState.NONE, ""
        if "active" in unit.state.fields:
            unit.decide("active", False, connection, (unit.now, unit.now))

    for module in (arrive, observe, departure):
        put(stack, module, "leave", leave)


def parkf(stack: ExitStack) -> None:
    """H7: the case is opened, but the field goes on being written."""
    ask = conflict._ask

    def asked(*given: Any) -> str:
        ask(*given)
        return ""

    put(stack, conflict, "_ask", asked)


def ghost(stack: ExitStack) -> None:
    """H17: what was closed as not applied is forgotten, so that its late landing looks like a person's edit."""
    put(stack, probe, "remember", lambda unit, lane, attempt: None)
    put(stack, absorb, "_ghost", lambda *given: False)


def step(stack: ExitStack) -> None:
    """H19: an intermediate state carries the decision."""
    one = plan._step

    def claimed(unit: Unit, lane: Lane, found: list[Want], *given: Any) -> Any:
        made = one(unit, lane, found, *given)
        if made is not None and found[0].name in made.fields:
            made.fields[found[0].name] = SentField(made.fields[found[0].name].ext, found[0].fver)
        return made

    put(stack, plan, "_step", claimed)


def marker(stack: ExitStack) -> None:
    """H20: a copy of a comment is not known as a copy."""

    def see(unit: Unit, connection: str, seen: Any) -> None:
        for item in seen or ():
            if not items._known(unit, connection, item):
                items._new(unit, connection, item)

    def unseen(unit: Unit, lane: Lane, attempt: Attempt, seen: Any, late_enough: bool) -> bool:
        return late_enough and probe._settle(unit, lane, attempt, Outcome.NOT_APPLIED, "nothing tells a copy")

    for module in (arrive, observe):
        put(stack, module, "see_items", see)
    put(stack, probe, "_item", unseen)


def union3(stack: ExitStack) -> None:
    """H21: sets are joined without asking what was there before; removals come back."""
    delta = absorb.apply_delta

    def joined(unit: Unit, seen: Any, member: Any, name: str, *, base: set[Any], shown: set[Any]) -> None:
        delta(unit, seen, member, name, base=set(), shown=shown)

    for module in (absorb, gap):
        put(stack, module, "apply_delta", joined)


def fence(stack: ExitStack) -> None:
    """H22: whoever comes takes the lane, and whoever had it goes on."""
    real = steps.claim

    def claim(unit: Unit, connection: str, worker: Any) -> Any:
        lane = unit.lane(connection)
        lane.owner = ""
        if lane.state in (LaneState.OPEN, LaneState.READING):
            lane.state = LaneState.IDLE
        return real(unit, connection, worker)

    put(stack, runner, "claim", claim)
    put(stack, steps, "holds", lambda lane, worker, fence: True)


def noprobe(stack: ExitStack) -> None:
    """H18: where nobody can look, it is sent again."""

    def again(unit: Unit, lane: Lane, worker: Any) -> Any:
        lane.state, lane.attempt, lane.dirty = LaneState.IDLE, "", True
        return steps.claim(unit, lane.connection, worker)

    put(stack, steps, "_claim_unknown", again)


def echo(stack: ExitStack) -> None:
    """H4: what we wrote is not remembered as ours, so that every echo is an edit by a person."""
    real = arrive._snapshot

    def snapshot(unit: Unit, arrival: Any, member: Any) -> None:
        held = unit.held(arrival.change.connection)
        held.seen = None
        for name, canon in unit.state.fields.items():
            shadow = held.shadow.get(name)
            if shadow is not None:
                shadow.carried, shadow.ext, shadow.proven_at = canon.now.fver, None, None
        real(unit, arrival, member)

    put(stack, arrive, "_snapshot", snapshot)


def loop_guard(stack: ExitStack) -> None:
    """Rule 23: every change that is not the very value we wrote is believed to be a person's."""
    put(stack, absorb, "flaps", lambda unit, seen: False)


def suspicious(stack: ExitStack) -> None:
    """Rule 23 overdone: whoever takes back what came from the other side counts as a rule, however long he took."""
    put(stack, guard, "ANSWERS_WITHIN_S", float("inf"))


def turns(stack: ExitStack) -> None:
    """Rule 25: only the newest of several changes is delivered."""

    def newest(unit: Unit, name: str, canon: Any, shadow: Any) -> Any:
        yield canon.now

    put(stack, plan, "_turns", newest)
