"""Flows as people see them, and moving one to another stage: draft, shadow, live, disabled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError
from gateway.access.rights import Principal, Right
from gateway.sync import tables as t
from gateway.sync.flow import Flow
from gateway.sync.stage import Stage, newest_serial
from gateway.work.trail import note
from gateway.work.workplace import Workplace

MOVES: Mapping[Stage, tuple[Stage, ...]] = {
    Stage.DRAFT: (Stage.SHADOW,),
    Stage.SHADOW: (Stage.LIVE, Stage.DISABLED),
    Stage.LIVE: (Stage.SHADOW, Stage.DISABLED),
    Stage.DISABLED: (Stage.SHADOW, Stage.LIVE),
}
"""Where a flow can go. A draft is looked at in shadow first; what was ever taken in makes no draft again."""


class FlowError(InputError):
    """Nothing was changed."""

    status = 409


class FlowMoved(FlowError):
    """Somebody moved it since it was looked at."""

    status = 412

    def __init__(self, name: str, stage: Stage) -> None:
        super().__init__(f"{name} was moved since you looked; it is {stage} now: look again", code="flow.moved")


class FlowMember(msgspec.Struct, frozen=True, kw_only=True):
    """One connection's part in a flow."""

    connection: str
    object: str
    mapping: str
    creates: bool
    """Objects are made here for records that begin elsewhere."""
    withheld: int
    """Records with something to write here that the stage keeps from being written."""


class FlowView(msgspec.Struct, frozen=True, kw_only=True):
    """A flow."""

    name: str
    type: str
    stage: str
    """draft, shadow, live or disabled."""
    since: float
    """When it was moved there; 0: it stands where its configuration lets it begin."""
    actor: str
    reason: str
    revision: int
    """Number of its last move; what a decision about it names."""
    next: tuple[str, ...]
    """Stages that it can be moved to."""
    records: int
    members: tuple[FlowMember, ...]


class FlowMove(msgspec.Struct, frozen=True, kw_only=True):
    """A flow was moved."""

    revision: int
    stage: str
    at: float
    actor: str
    reason: str


async def list_flows(place: Workplace, who: Principal) -> list[FlowView]:
    """All that the reader may see, by name. Right SEE."""
    who.require(Right.SEE)
    async with place.database.read() as tx:
        return await _views(tx, place, who, [flow for flow in _flows(place) if sees(who, flow)])


async def get_flow(place: Workplace, who: Principal, name: str) -> FlowView | None:
    """One; None: there is none, or it is outside the reader's scope. Right SEE."""
    return next((each for each in await list_flows(place, who) if each.name == name), None)


async def flow_moves(place: Workplace, who: Principal, name: str) -> list[FlowMove] | None:
    """Every move of it, the newest first. None as `get_flow`. Right SEE."""
    who.require(Right.SEE)
    flow = place.topology.flows.get(name)
    if flow is None or not sees(who, flow):
        return None
    row = t.flow_stage.c
    query = select(row.serial, row.stage, row.at, row.actor, row.reason)
    async with place.database.read() as tx:
        rows = (await tx.execute(query.where(row.flow == name).order_by(row.serial.desc()))).all()
    return [FlowMove(revision=each[0], stage=each[1], at=each[2], actor=each[3], reason=each[4]) for each in rows]


async def move_flow(
    place: Workplace, who: Principal, name: str, stage: str, *, expected: int, reason: str = ""
) -> FlowView | None:
    """Moves a flow. It counts for every write that would begin after this: at all workers, and with the next start.
    What is under way then is brought to its end. Said twice it is the same. Right CONFIGURE, for all its connections.

    `expected`: the revision that was looked at. None as `get_flow`. Raises FlowError (not a move
    there is), FlowMoved.
    """
    who.require(Right.CONFIGURE)
    flow = place.topology.flows.get(name)
    if flow is None or not _may_move(who, flow):
        return None
    wanted = Stage(stage)
    try:
        async with place.database.begin("flow.move") as tx:
            await _move(tx, place, who, flow, wanted, expected, reason)
    except IntegrityError as error:  # another move took the number at this moment
        raise FlowMoved(name, wanted) from error
    place.stir()
    return await get_flow(place, who, name)


async def _move(
    tx: AsyncConnection, place: Workplace, who: Principal, flow: Flow, wanted: Stage, expected: int, reason: str
) -> None:
    last = (await _last(tx, [flow.name])).get(flow.name)
    present = Stage(last.stage) if last else flow.begins
    if wanted is present:
        return
    if expected != (last.revision if last else 0):
        raise FlowMoved(flow.name, present)
    if wanted not in MOVES[present]:
        there = ", ".join(MOVES[present])
        raise FlowError(f"{flow.name} is {present}; from there it goes to {there}", code="flow.refused")
    at, serial = place.now(), await newest_serial(tx) + 1
    row = {"serial": serial, "flow": flow.name, "stage": str(wanted), "at": at, "reason": reason}
    await tx.execute(t.flow_stage.insert().values(**row, actor=who.name[:100], human=(who.person or who.id)[:100]))
    detail = {"by": who.id, "from": str(present), "to": str(wanted), "revision": serial, "reason": reason}
    await note(tx, at=at, kind="flow_moved", actor=who.name, cause=flow.name, detail=detail)


def sees(who: Principal, flow: Flow) -> bool:
    """A flow is in scope by its record type, and by one of its connections."""
    return who.covers(type=flow.type) and any(who.covers(connection=each) for each in flow.members)


def _may_move(who: Principal, flow: Flow) -> bool:
    return who.covers(type=flow.type) and all(who.covers(connection=each) for each in flow.members)


def _flows(place: Workplace) -> list[Flow]:
    return [flow for _, flow in sorted(place.topology.flows.items())]


async def _last(tx: AsyncConnection, flows: Sequence[str]) -> dict[str, FlowMove]:
    row = t.flow_stage.c
    query = select(row.flow, row.serial, row.stage, row.at, row.actor, row.reason).where(row.flow.in_(flows))
    return {
        flow: FlowMove(revision=serial, stage=stage, at=at, actor=actor, reason=reason)
        for flow, serial, stage, at, actor, reason in await tx.execute(query.order_by(row.serial))
    }


async def _views(tx: AsyncConnection, place: Workplace, who: Principal, flows: Sequence[Flow]) -> list[FlowView]:
    names = [flow.name for flow in flows]
    last = await _last(tx, names)
    record, lane = t.record.c, t.lane.c
    counted = select(record.flow, func.count()).where(record.flow.in_(names)).group_by(record.flow)
    records = {name: int(count) for name, count in await tx.execute(counted)}
    waiting = select(lane.withheld, lane.connection, func.count()).where(t.WITHHELD)
    withheld = {
        (mark.partition(":")[2], connection): int(count)
        for mark, connection, count in await tx.execute(waiting.group_by(lane.withheld, lane.connection))
    }
    return [_view(who, flow, last.get(flow.name), records.get(flow.name, 0), withheld) for flow in flows]


def _view(
    who: Principal, flow: Flow, last: FlowMove | None, records: int, withheld: Mapping[tuple[str, str], int]
) -> FlowView:
    stage = Stage(last.stage) if last else flow.begins
    return FlowView(
        name=flow.name,
        type=flow.type,
        stage=str(stage),
        since=last.at if last else 0.0,
        actor=last.actor if last else "",
        reason=last.reason if last else "",
        revision=last.revision if last else 0,
        next=tuple(map(str, MOVES[stage])),
        records=records,
        members=tuple(
            FlowMember(
                connection=name,
                object=member.object,
                mapping=member.mapping.label,
                creates=name in flow.create_in,
                withheld=withheld.get((flow.name, name), 0),
            )
            for name, member in flow.members.items()
            if who.covers(connection=name)
        ),
    )
