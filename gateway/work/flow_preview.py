"""What a flow that is not live would write, by the lanes' own planner: counts, and samples field by field."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from enum import StrEnum

import msgspec
from sqlalchemy import func, select

from connectors.contract.errors import MappingError
from gateway.access.rights import Principal, Right
from gateway.sync import tables as t
from gateway.sync.flow import Flow
from gateway.sync.plan import closing_wants, start, wants_create
from gateway.sync.stage import Stage, mark
from gateway.sync.state import Lane, LinkState, RecordState
from gateway.sync.store import load_records
from gateway.sync.unit import Effects
from gateway.work.dry_run import Copy, diff, is_stepped, made, wanted
from gateway.work.flows import get_flow, sees
from gateway.work.personal import seen
from gateway.work.workplace import Workplace
from replay.values import Diff

MOST = 5_000
"""Lanes that are planned for one answer; of more, the newest part is planned and said to be a part."""
TURN = 200
"""Records planned without letting anything else go on: about 20 ms."""
SAMPLES = 5
"""Of each action at each connection, unless more are asked for."""


class Would(StrEnum):
    """What would happen to one object."""

    CREATE = "create"
    UPDATE = "update"
    MOVE = "move"
    """Through states, one after the other."""
    COMMENT = "comment"
    CLOSE = "close"
    BLOCKED = "blocked"
    """A value cannot be said in that system's terms; a person would have to decide."""
    NOTHING = "nothing"
    """It shows everything already."""


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What would be written to one object."""

    record: str
    connection: str
    object: str
    """What people call it there; of one that does not exist yet, what they call the one it is made for."""
    action: Would
    reason: str = ""
    fields: tuple[Diff, ...] = ()
    comments: int = 0


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many objects one action would touch."""

    connection: str
    action: Would
    objects: int


class FlowPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What would be written if the flow went live now."""

    flow: str
    stage: str
    revision: int
    at: float
    waiting: int
    """Objects that wait for the flow."""
    planned: int
    """Of these, planned for this answer: the newest."""
    counts: tuple[Tally, ...]
    samples: tuple[Planned, ...]


async def preview_flow(
    place: Workplace, who: Principal, name: str, *, connection: str = "", samples: int = SAMPLES
) -> FlowPreview | None:
    """Plans what the flow withholds now; asks no system, sends and stores nothing. Personal values are masked. None: no
    such flow in scope. Right SEE.
    """
    who.require(Right.SEE)
    view, flow = await get_flow(place, who, name), place.topology.flows.get(name)
    if view is None or flow is None or not sees(who, flow):
        return None
    seen_there = [each for each in flow.members if who.covers(connection=each) and connection in ("", each)]
    lane, stages = t.lane.c, [mark(each, name) for each in Stage]
    mine = (t.WITHHELD, lane.withheld.in_(stages), lane.connection.in_(seen_there))
    async with place.database.read() as tx:
        waiting = int((await tx.execute(select(func.count()).select_from(t.lane).where(*mine))).scalar_one())
        newest = select(lane.record, lane.connection).where(*mine).order_by(lane.dirty_since.desc()).limit(MOST)
        lanes = [(str(row[0]), str(row[1])) for row in await tx.execute(newest)]
    counts: Counter[tuple[str, Would]] = Counter()
    shown: list[Planned] = []
    async for each in _planned(place, flow, lanes):
        counts[each.connection, each.action] += 1
        if each.action is not Would.NOTHING and counts[each.connection, each.action] <= samples:
            shown.append(each)
    answer = FlowPreview(
        flow=name,
        stage=view.stage,
        revision=view.revision,
        at=place.now(),
        waiting=waiting,
        planned=len(lanes),
        counts=tuple(Tally(connection=each, action=what, objects=n) for (each, what), n in sorted(counts.items())),
        samples=tuple(shown),
    )
    facts = await seen(place, who, msgspec.to_builtins(answer), record=f"flow {name}")
    return msgspec.convert(facts, FlowPreview)


async def _planned(place: Workplace, flow: Flow, lanes: list[tuple[str, str]]) -> AsyncIterator[Planned]:
    for begin in range(0, len(lanes), TURN):
        part = lanes[begin : begin + TURN]
        async with place.database.read() as tx:
            records = await load_records(tx, {record for record, _ in part})
        for record, connection in part:
            if record in records:
                yield would(flow, records[record], connection, place.now())
        await asyncio.sleep(0)


def would(flow: Flow, state: RecordState, connection: str, now: float) -> Planned:
    """What the lane would begin with. `state` is used up: it is a copy to be thrown away."""
    unit = Copy(state, flow, {}, Effects(), now)
    answer, held = _Answer(unit, connection), unit.held(connection)
    try:
        if state.tombstoned_at is not None:
            return _close(unit, connection, answer)
        if held.link is LinkState.GONE:
            return answer.of(Would.NOTHING, "the object is gone")
        if held.link is LinkState.NONE:
            return _create(unit, connection, answer)
        return _update(unit, connection, answer)
    except MappingError as error:
        return answer.of(Would.BLOCKED, str(error))


class _Answer:
    """What all answers about one object have in common."""

    def __init__(self, unit: Copy, connection: str) -> None:
        self.record, self.connection = unit.state.id, connection
        self.object = unit.called(connection) or unit.state.id

    def of(self, action: Would, reason: str = "", fields: Iterable[Diff] = (), comments: int = 0) -> Planned:
        return Planned(
            record=self.record,
            connection=self.connection,
            object=self.object,
            action=action,
            reason=reason,
            fields=tuple(fields),
            comments=comments,
        )


def _close(unit: Copy, connection: str, answer: _Answer) -> Planned:
    closing = closing_wants(unit, connection) if unit.held(connection).link is LinkState.PRIMARY else []
    if not closing:
        return answer.of(Would.NOTHING)
    return answer.of(Would.CLOSE, "the record has left", (diff(unit, connection, w.name, w.ext) for w in closing))


def _create(unit: Copy, connection: str, answer: _Answer) -> Planned:
    if not wants_create(unit, connection):
        told = unit.effects.cases[0].title if unit.effects.cases else ""
        return answer.of(Would.BLOCKED, told) if told else answer.of(Would.NOTHING, "the flow creates no object here")
    items = len(unit.held(connection).items)
    attempt = start(unit, Lane(unit.state.id, connection), None, timeout_s=1.0, lease_s=1.0)
    known, sent = unit.state.fields, attempt.fields if attempt else {}
    lacking = "; ".join(f"without {case.field}: {case.title}" for case in unit.effects.cases)
    fields = (made(name, each.ext, known.get(name)) for name, each in sent.items())
    return answer.of(Would.CREATE, lacking, fields, items)


def _update(unit: Copy, connection: str, answer: _Answer) -> Planned:
    fields = wanted(unit, connection)
    items = sum(1 for item in unit.held(connection).items if not item.held)
    refused = "; ".join(case.title for case in unit.effects.cases)
    if not fields and not items:
        return answer.of(Would.BLOCKED, refused) if refused else answer.of(Would.NOTHING)
    if not fields:
        return answer.of(Would.COMMENT, refused, comments=items)
    moves = any(is_stepped(unit, connection, each.field) for each in fields)
    return answer.of(Would.MOVE if moves else Would.UPDATE, refused, fields, items)
