"""What a replay would do: the planner of the lanes, run dry on the present state. Nothing is sent, nothing is kept."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import MappingError
from dead_letter.classify import ActionName, rules_of
from dead_letter.picking import Picked
from dead_letter.values import CaseClass, CaseState
from gateway.delivery.breaker import GateState
from gateway.sync import tables as t
from gateway.sync.left import writes_left
from gateway.sync.operator import retry
from gateway.sync.plan import closing_wants, needs_read, start, unproven, wants_create
from gateway.sync.stage import Stage
from gateway.sync.state import Lane, LaneState, LinkState, RecordState
from gateway.sync.store import chunks, load_lanes, load_records
from gateway.sync.unit import Effects, Unit
from gateway.work.dry_run import Copy, diff, is_stepped, made, wanted
from gateway.work.replay_journal import foresee_notices, notices_of
from gateway.work.replay_through import mapping_of, pin_of
from gateway.work.workplace import Workplace
from replay.values import Action, Diff, Foreseen, Scope, Wish

SHUT = {GateState.OPEN: "is down", GateState.CREDENTIALS: "does not accept our credentials"}
NOBODY = "replay"
"""Stands for whoever will run it; the copy that bears it is thrown away."""


class Planner:
    """replay's Foresight."""

    def __init__(self, place: Workplace, through: str = "") -> None:
        """`through`: the stored mapping version by which notices are understood; empty: the one in use."""
        self.place, self.through = place, through

    def reading(self, through: str) -> Planner:
        """The same, by another mapping version."""
        return self if through == self.through else Planner(self.place, through)

    async def cases(self, tx: AsyncConnection, cases: Sequence[Picked]) -> list[Foreseen]:
        """What a retry of each open case would do now, in the order given."""
        ids = Counter(case.record for case in cases if case.record)
        records = await load_records(tx, ids.keys())
        lanes = await load_lanes(tx, ids.keys())
        gates = await gates_of(tx)
        stages = self.place.topology.stages()
        await stages.renew(tx)
        found = []
        for case in cases:
            state, held = records.get(case.record), lanes.get(case.record, {})
            if state is not None and ids[case.record] > 1:  # each is foreseen by itself, and leaves its traces
                state, held = copy.deepcopy(state), copy.deepcopy(held)
            stage = stages.of(case.flow)
            if stage is not Stage.LIVE:
                reason = f"flow {case.flow} is {stage}: nothing is written for it"
                found.append(_Answer(case, state.rev if state else 0).of(Action.BLOCKED, reason))
                continue
            found.append(self._case(case, state, held, gates))
        return found

    async def notices(self, tx: AsyncConnection, ids: Sequence[str]) -> list[Foreseen]:
        """What observing the objects of these notices anew would change."""
        through = await mapping_of(tx, self.through) if self.through else None
        gates = await gates_of(tx)
        return await foresee_notices(tx, self.place.topology, ids, gates, self.place.now(), through=through)

    async def journal(self, tx: AsyncConnection, wish: Wish, scope: Scope) -> list[str]:
        """The newest notice of each object that the wish means, oldest first."""
        found = await notices_of(tx, self.place.topology, wish, scope)
        if wish.person or wish.mapping:
            records = await self.among(tx, wish, {record for _, record in found if record})
            found = [(notice, record) for notice, record in found if record in records]
        return [notice for notice, _ in found]

    async def among(self, tx: AsyncConnection, wish: Wish, records: Collection[str]) -> set[str]:
        """Those that hold the wish's person, and of which its mapping read a value."""
        found = set(records)
        if wish.mapping:
            version = t.field_version.c
            read: set[str] = set()
            for part in chunks(found):
                query = select(version.record).where(version.record.in_(part), version.mapping == wish.mapping)
                read.update(row[0] for row in await tx.execute(query.distinct()))
            found = read
        if wish.person:
            states = await load_records(tx, found)
            found = {record for record, state in states.items() if self._names(state, wish.person)}
        return found

    def _names(self, state: RecordState, person: str) -> bool:
        flow = self.place.config.flows.get(state.flow)
        users = [name for name, rule in flow.type.fields.items() if rule.kind == "user"] if flow else []
        return any(name in state.fields and state.fields[name].now.value == person for name in users)

    async def revisions(self, tx: AsyncConnection, records: Collection[str]) -> Mapping[str, int]:
        """Record -> its present revision."""
        found: dict[str, int] = {}
        for part in chunks(records):
            query = select(t.record.c.id, t.record.c.rev).where(t.record.c.id.in_(part))
            found.update((row[0], row[1]) for row in await tx.execute(query))
        return found

    def pins(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Mapping versions with the digest of their file, and connectors with their release."""
        flows = self.place.topology.flows.values()
        members = [(flow.name, name, each.mapping) for flow in flows for name, each in flow.members.items()]
        mappings = {f"{flow}/{name}": mapping.label for flow, name, mapping in members}
        if self.through:
            mappings["through"] = pin_of(self.through)
        try:
            release = installed("lockstep-gateway")
        except PackageNotFoundError:
            release = "from its folder"
        connectors = {
            name: f"{each.settings.connector} {release}" for name, each in self.place.config.connections.items()
        }
        return mappings, connectors

    # One case.

    def _case(
        self, case: Picked, state: RecordState | None, lanes: dict[str, Lane], gates: Mapping[str, str]
    ) -> Foreseen:
        rules, flow = rules_of(case.cls, case.cause), self.place.topology.flows.get(case.flow)
        found = _Answer(case, state.rev if state else 0)
        if case.cls is CaseClass.CONFLICT:
            return found.of(Action.CONFLICT, "a person chooses the value that stays")
        if case.state is CaseState.IN_RUN:
            return found.of(Action.BLOCKED, "what was decided is on its way already")
        if case.state is CaseState.PARKED:
            return found.of(Action.BLOCKED, "somebody parked it")
        if case.pending:
            return found.of(Action.BLOCKED, "it waits for the approval of a second person")
        if case.connection in gates:
            return found.of(Action.BLOCKED, f"{case.connection} {gates[case.connection]}")
        if case.cls is CaseClass.UNKNOWN_OUTCOME:
            return found.of(Action.PROVE, "an answer was lost: looked at first", ActionName.LOOK, calls=1)
        if ActionName.RETRY not in rules.allowed:
            return found.of(Action.BLOCKED, rules.forbidden.get(ActionName.RETRY, "it cannot be sent again"))
        if not case.record:
            return found.of(Action.UPDATE, "the object is read and processed anew", ActionName.RETRY, calls=1)
        if flow is None:
            return found.of(Action.BLOCKED, f"flow {case.flow} is not configured any more")
        if state is None or case.connection not in flow.members:
            return found.of(Action.SUPERSEDED, "the record or its system is not kept any more")
        return _foresee(found, Copy(state, flow, lanes, Effects(), self.place.now()))


class _Answer:
    """What all answers about one case have in common."""

    def __init__(self, case: Picked, revision: int) -> None:
        self.case, self.revision = case, revision

    def of(
        self, action: Action, reason: str = "", decision: str = "", *, diffs: Sequence[Diff] = (), calls: int = 0
    ) -> Foreseen:
        case = self.case
        return Foreseen(
            subject=case.number,
            action=action,
            decision=decision,
            reason=reason,
            record=case.record,
            flow=case.flow,
            connection=case.connection,
            object=case.object,
            object_key=case.object_key,
            cause=case.cause,
            diffs=tuple(diffs),
            calls=calls,
            version=case.version,
            revision=self.revision,
        )


def _foresee(found: _Answer, unit: Unit) -> Foreseen:
    """`unit` is a copy: the retry is decided on it, and it must not be saved."""
    case, connection = found.case, found.case.connection
    bad = unit.shadow(connection, case.field).bad if case.field else None
    retry(unit, connection, case.key, actor=NOBODY)
    lane, held = unit.lane(connection), unit.held(connection)
    if unit.state.tombstoned_at is not None:
        return _after_tombstone(found, unit)
    if lane.state is LaneState.UNKNOWN:
        reason = "an earlier write has no answer yet; it is proved before anything is sent"
        return found.of(Action.PROVE, reason, ActionName.RETRY, diffs=wanted(unit, connection), calls=1)
    if bad is not None:
        return _read_anew(found, unit, bad)
    if held.link is LinkState.GONE:
        return found.of(Action.SUPERSEDED, f"the object is gone from {connection}")
    if held.link is LinkState.NONE:
        return _create(found, unit, lane)
    return _update(found, unit)


def _after_tombstone(found: _Answer, unit: Unit) -> Foreseen:
    """P8: the one thing that is ever sent is that the object is closed."""
    connection = found.case.connection
    if unit.held(connection).link is LinkState.PRIMARY:
        try:
            closing = closing_wants(unit, connection)
        except MappingError as error:
            return found.of(Action.BLOCKED, str(error))
        if closing:
            diffs = [diff(unit, connection, want.name, want.ext) for want in closing]
            return found.of(Action.DELETE, "the record has left", ActionName.RETRY, diffs=diffs, calls=1 + len(closing))
    return found.of(Action.BLOCKED, "the record has left; nothing re-opens its objects")


def _read_anew(found: _Answer, unit: Unit, bad: Any) -> Foreseen:
    """A value that came in and that the mapping did not know: does it now, and where would it go?"""
    case, connection, name = found.case, found.case.connection, found.case.field
    try:
        value = unit.member(connection).mapping.from_ext(name, bad)
    except MappingError as error:
        return found.of(Action.BLOCKED, str(error))
    unit.shadow(connection, name).carried = unit.decide(name, value, connection, (case.first_seen, case.first_seen))
    others = [other for other in unit.flow.members if other != connection]
    diffs = [diff for other in others for diff in wanted(unit, other) if diff.field.split(" ")[0] == name]
    if not diffs:
        return found.of(Action.NO_OP, "every system shows it already")
    stepped = any(is_stepped(unit, other, name) for other in others)
    action = Action.TRANSITION if stepped else Action.UPDATE
    return found.of(action, f"{connection}'s value is read again", ActionName.RETRY, diffs=diffs, calls=1 + len(others))


def _create(found: _Answer, unit: Unit, lane: Lane) -> Foreseen:
    connection = found.case.connection
    late = any(ghost.expires > unit.now for ghost in unit.held(connection).ghosts)
    if not wants_create(unit, connection):
        told = unit.effects.cases[0].title if unit.effects.cases else ""
        return found.of(Action.BLOCKED if told else Action.SUPERSEDED, told or "the flow's rules create no object here")
    calls = writes_left(unit, connection) + needs_read(unit, connection)
    lane.state = LaneState.IDLE
    try:
        attempt = start(unit, lane, None, timeout_s=1.0, lease_s=1.0)
    except MappingError as error:
        return found.of(Action.BLOCKED, str(error))
    fields = unit.state.fields
    sent = attempt.fields if attempt else {}
    diffs = [made(name, each.ext, fields.get(name)) for name, each in sent.items()]
    lacking = "; ".join(f"without {case.field}: {case.title}" for case in unit.effects.cases)
    if late:
        reason = "an earlier create may have landed: looked for first"
        return found.of(Action.PROVE, reason, ActionName.RETRY, diffs=diffs, calls=calls)
    return found.of(Action.CREATE, lacking, ActionName.RETRY, diffs=diffs, calls=calls)


def _update(found: _Answer, unit: Unit) -> Foreseen:
    case, connection = found.case, found.case.connection
    open_items = [item for item in unit.held(connection).items if not item.held]
    diffs = wanted(unit, connection)
    refused = [each for each in unit.effects.cases if each.field == case.field or not diffs]
    if refused:
        return found.of(Action.BLOCKED, refused[0].title)
    calls = writes_left(unit, connection) + needs_read(unit, connection)
    if diffs:
        action = Action.TRANSITION if any(is_stepped(unit, connection, each.field) for each in diffs) else Action.UPDATE
        return found.of(action, "", ActionName.RETRY, diffs=diffs, calls=calls)
    if open_items:
        said = [Diff(field="comment", wanted=item.body, by=item.author, at=item.at) for item in open_items]
        return found.of(Action.UPDATE, "", ActionName.RETRY, diffs=said, calls=calls)
    if unproven(unit, connection) or _shows(unit, case):
        return found.of(Action.NO_OP, f"{connection} shows it already")
    return found.of(Action.SUPERSEDED, "a newer change took its place, or it was waived")


def _shows(unit: Unit, case: Picked) -> bool:
    """Whether the field of the case is known to show the present value."""
    shadow, canon = unit.held(case.connection).shadow.get(case.field), unit.state.fields.get(case.field)
    if not case.field:
        return all(
            each.carried >= unit.state.fields[name].now.fver
            for name, each in unit.held(case.connection).shadow.items()
            if name in unit.state.fields and each.waived is None
        )
    return shadow is not None and canon is not None and shadow.waived is None and shadow.carried >= canon.now.fver


async def gates_of(tx: AsyncConnection) -> dict[str, str]:
    """Connection -> why nothing is sent there now; those that work are not in it."""
    row = t.connection_state.c
    states = [GateState.OPEN, GateState.CREDENTIALS]
    query = select(row.connection, row.state, row.reason).where(row.state.in_(states))
    return {each[0]: f"{SHUT[GateState(each[1])]} ({each[2]})" for each in await tx.execute(query)}
