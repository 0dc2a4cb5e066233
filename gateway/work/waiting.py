"""What a record waits for besides its lanes: tasks that are not made yet, and records that it names (ADR 0191, 0193).
Reads only.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import select

from connectors.contract.errors import MappingError
from gateway.access.rights import Principal
from gateway.sync import tables as t
from gateway.sync.awaiting import is_waived
from gateway.sync.fan_out import identity, made_of
from gateway.sync.flow import FanOut, Flow
from gateway.sync.state import RecordState, Standing, TaskState
from gateway.sync.store import load_records
from gateway.work.pages_records import Place, of_record
from gateway.work.workplace import Workplace

Moment = Callable[[float | None], str]


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """A field names a record that is not in one of the systems yet."""

    connection: str
    """Where it is not."""
    field: str
    value: str
    """What the field names: `connection:object:id`."""
    at: Place | None
    """The record that is waited for; null: it was not seen yet, or is outside the reader's scope."""
    since: float
    until: float
    """A case says so then; it is waited for even after that."""
    case: str
    """Key of that case; empty: none yet."""
    creates: bool
    """The object itself is not made there before; otherwise only the field waits."""


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """A task that this record wants, or had made."""

    task: str
    """`template.task`."""
    standing: str
    """waiting, made, done or failed."""
    at: Place | None
    """The task's own record; null: it is not made, or in no system yet."""
    after: tuple[str, ...]
    """The tasks it waits for, of those that are not done."""
    since: float | None
    """Since when only the clock is in its way; null: something else is, or it is made."""
    due: float | None
    """When it is made; null: not by the clock alone."""
    undecided: str
    """Why nobody can say when, or with which values, it is made; a case says so, too."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What waits at a record."""

    awaits: tuple[Awaited, ...] = ()
    tasks: tuple[TaskView, ...] = ()
    made_of: Place | None = None
    """The record that this task was made of."""


async def waiting(place: Workplace, who: Principal, record: str) -> Waiting:
    """Of a record that the reader may see; of others only what it may see of them."""
    async with place.database.read() as tx:
        state = (await load_records(tx, [record])).get(record)
    flow = place.topology.flows.get(state.flow) if state else None
    if state is None or flow is None:
        return Waiting()
    parent = made_of(record)
    return Waiting(
        awaits=tuple([await _awaited(place, who, state, flow, *each) for each in _named(state)]),
        tasks=tuple([await _task(place, who, state, _fan(flow, key), key, task) for key, task in state.tasks.items()]),
        made_of=await of_record(place, who, parent) if parent else None,
    )


def _named(state: RecordState) -> list[tuple[str, str]]:
    """Connection and field of what waits now. A version that was decided since asks anew."""
    if state.tombstoned_at is not None:
        return []
    return [
        (connection, name)
        for connection, held in state.members.items()
        for name, awaits in held.awaits.items()
        if name in state.fields
        and state.fields[name].now.fver == awaits.fver
        and not is_waived(held, name, awaits.fver)
    ]


async def _awaited(
    place: Workplace, who: Principal, state: RecordState, flow: Flow, connection: str, name: str
) -> Awaited:
    held, value = state.members[connection], str(state.fields[name].now.value)
    awaits = held.awaits[name]
    return Awaited(
        connection=connection,
        field=name,
        value=value,
        at=await _at(place, who, value),
        since=awaits.since,
        until=awaits.since + flow.awaits_s,
        case=awaits.case,
        creates=not held.id,
    )


async def _at(place: Workplace, who: Principal, named: str) -> Place | None:
    """The record of `connection:object:id`."""
    connection, _, rest = named.partition(":")
    object, _, number = rest.partition(":")
    link = t.link.c
    query = select(link.record).where(link.connection == connection, link.object == object, link.object_id == number)
    async with place.database.read() as tx:
        record = (await tx.execute(query.limit(1))).scalar()
    return await of_record(place, who, record) if record else None


def _fan(flow: Flow, key: str) -> FanOut | None:
    return next((fan for fan in flow.fan_out if fan.plan.name == key.partition(".")[0]), None)


async def _task(
    place: Workplace, who: Principal, state: RecordState, fan: FanOut | None, key: str, task: TaskState
) -> TaskView:
    waits = task.standing is Standing.WAITING
    return TaskView(
        task=key,
        standing=str(task.standing),
        at=None if waits else await of_record(place, who, identity(state.id, state.incarnation, key)),
        after=_before(state, fan, key) if waits else (),
        since=(task.ready or None) if waits else None,
        due=_due(state, fan, key, task) if waits else None,
        undecided=next((why for what in ("due", "set") if (why := state.undecided.get(f"{key}.{what}"))), ""),
    )


def _before(state: RecordState, fan: FanOut | None, key: str) -> tuple[str, ...]:
    template, _, name = key.partition(".")
    rule = fan.plan.tasks.get(name) if fan else None
    keys = [f"{template}.{each}" for each in rule.after] if rule else []
    over = {Standing.DONE, Standing.FAILED} if fan and fan.plan.leaves_out else {Standing.DONE}
    return tuple(each for each in keys if each in state.tasks and state.tasks[each].standing not in over)


def _due(state: RecordState, fan: FanOut | None, key: str, task: TaskState) -> float | None:
    rule = fan.plan.tasks.get(key.partition(".")[2]) if fan else None
    if rule is None or not task.ready:
        return None
    try:
        return rule.due_at(state.values(), task.ready)
    except MappingError:
        return None


def awaited_in_words(known: Waiting, moment: Moment) -> list[str]:
    """One line for each field that waits for a record. `moment` writes a time."""
    return [_awaited_words(each, moment) for each in known.awaits]


def tasks_in_words(known: Waiting, moment: Moment) -> list[str]:
    """One line for each task that is not made yet."""
    return [_task_words(each, moment) for each in known.tasks if each.standing == Standing.WAITING]


def _awaited_words(each: Awaited, moment: Moment) -> str:
    what = f"is not made in {each.connection}" if each.creates else f"keeps its {each.field} in {each.connection}"
    whom = each.at.key if each.at else each.value
    known = "" if each.at else " (not seen yet)"
    case = "a case says so since" if each.case else "a case says so from"
    return (
        f"{what} until {whom}{known}, which its {each.field} names, is there; "
        f"waits since {moment(each.since)}, {case} {moment(each.until)}"
    )


def _task_words(each: TaskView, moment: Moment) -> str:
    if each.undecided:
        return f"task {each.task} cannot be made: {each.undecided}"
    if each.after:
        return f"task {each.task} waits for {', '.join(each.after)}"
    since = f", waits for its time since {moment(each.since)}" if each.since else ""
    return f"task {each.task} is made {f'at {moment(each.due)}' if each.due else 'when its time is known'}{since}"
