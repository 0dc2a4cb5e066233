"""One record becomes several tasks (ADR 0191). Each task is a record of its own with lanes of its own; this module
decides when one is made, what its standing means for the others, and what the record is told of them all.

Runs inside the transaction of the decision that caused it, over units that are locked there. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from connectors.contract.errors import MappingError
from gateway.sync.asking import answered, ask, case_key, holds
from gateway.sync.departure import leave
from gateway.sync.flow import FanOut, Flow
from gateway.sync.plan import create_waived, mark_dirty
from gateway.sync.state import LinkState, RecordState, Standing, TaskState
from gateway.sync.undecided import Undecided
from gateway.sync.unit import Unit
from mappings.tasks import TaskPlan, TaskRule

SOURCE = "tasks"
"""Where a value comes from that a template gave, or that the standing of tasks did."""
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RECORD, _TASK = 27, 12
"""Characters of a record's id, and of what a task's id has more."""
LEFT = "left"
_WHETHER = "whether {} is made of this record"


def identity(record: str, incarnation: int, key: str) -> str:
    """The id of a task's record: the same for the same task of the same record, for ever. It begins with the record's
    id, so that whoever has the task knows what to lock with it.
    """
    number = int.from_bytes(hashlib.sha256(f"{incarnation}:{key}".encode()).digest())
    return record + "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_TASK))


def made_of(record: str) -> str:
    """The id of the record that a task was made of; empty for a record that is no task."""
    return record[:_RECORD] if len(record) == _RECORD + _TASK else ""


def report(parent: Unit, child: Unit) -> None:
    """Takes over how the task stands. A task of a record that has left is closed, unless it is done."""
    key = child.state.task
    task, fan = parent.state.tasks.get(key), _fan(parent.flow, key)
    if task is None or fan is None:
        return
    standing = _standing(child, fan.plan)
    if standing is not task.standing:
        task.standing = standing
        parent.notice = child.notice
        parent.audit("task_stands", task=key, standing=str(standing), made=child.state.id)
    left = parent.state.tombstoned_at is not None and child.state.tombstoned_at is None
    if left and fan.plan.closes and standing is Standing.MADE:
        leave(child, "", f"{parent.called('') or parent.state.id}, which it was made of, has left")


def _fan(flow: Flow, key: str) -> FanOut | None:
    return next((fan for fan in flow.fan_out if fan.plan.name == key.partition(".")[0]), None)


def _standing(child: Unit, plan: TaskPlan) -> Standing:
    canon = child.state.fields.get(plan.field)
    value = canon.now.value if canon else None
    if value in plan.done:
        return Standing.DONE
    given_up = child.state.tombstoned_at is not None or _never(child)
    return Standing.FAILED if given_up or value in plan.failed else Standing.MADE


def _never(child: Unit) -> bool:
    """A person decided that it is made nowhere."""
    if any(held.link is not LinkState.NONE for held in child.state.members.values()):
        return False
    return bool(child.flow.create_in) and all(create_waived(child, each) for each in child.flow.create_in)


def expand(parent: Unit, flows: Mapping[str, Flow]) -> tuple[list[Unit], float]:
    """Makes the tasks that are due and tells the record how they stand. Returns the new units, to be saved with it, and
    when the next one is due by the clock (0: none).

    A task that was made stays made: nothing here makes it a second time, whatever is replayed or decided again.
    """
    made: list[Unit] = []
    wake_at = 0.0
    for fan in parent.flow.fan_out:
        if parent.state.tombstoned_at is not None:
            _left(parent, fan)
            continue
        if fan.into not in flows or not parent.state.fields or not _begun(parent, fan.plan):
            continue
        _require(parent, fan.plan)
        for name, rule in fan.plan.tasks.items():
            due = _due(parent, fan.plan, name, rule)
            if due is None:
                continue
            if due > parent.now:
                wake_at = min(wake_at or due, due)
            elif (child := _make(parent, fan, name, rule, flows[fan.into])) is not None:
                made.append(child)
        _roll_up(parent, fan.plan)
    return made, wake_at


def _left(parent: Unit, fan: FanOut) -> None:
    """What was not made never will be; each task that was made is looked at soon, in a transaction that locks it."""
    state, plan = parent.state, fan.plan
    if state.told.get(plan.name, LEFT) == LEFT:
        return
    state.told[plan.name] = LEFT
    for key in list(state.undecided):
        answered(parent, key)
    for key, task in list(state.tasks.items()):
        if key.partition(".")[0] != plan.name:
            continue
        if task.standing is Standing.WAITING:
            del state.tasks[key]
        elif task.standing is Standing.MADE:
            child = identity(state.id, state.incarnation, key)
            parent.effects.wakes[child] = (fan.into, parent.now)


def _begun(parent: Unit, plan: TaskPlan) -> bool:
    """Whether the template is at work. Its condition is asked until it holds for the first time."""
    told = parent.state.told
    if plan.name not in told and holds(parent, plan.name, plan.when, _WHETHER):
        told[plan.name] = ""
        parent.audit("fan_out", template=plan.label)
    return plan.name in told


def _require(parent: Unit, plan: TaskPlan) -> None:
    """Which tasks the record wants now. One that is not made yet is given up when its condition holds no longer."""
    tasks = parent.state.tasks
    for name, rule in plan.tasks.items():
        key = f"{plan.name}.{name}"
        task = tasks.get(key)
        if task is not None and task.standing is not Standing.WAITING:
            continue
        if holds(parent, key, rule.when, _WHETHER):
            tasks.setdefault(key, TaskState())
        else:
            tasks.pop(key, None)
            answered(parent, f"{key}.due")
            answered(parent, f"{key}.set")


def _due(parent: Unit, plan: TaskPlan, name: str, rule: TaskRule) -> float | None:
    """When a wanted task is to be made; None: not by the clock alone."""
    state, key = parent.state, f"{plan.name}.{name}"
    task = state.tasks.get(key)
    if task is None or task.standing is not Standing.WAITING:
        return None
    if any(_in_the_way(state, plan, before) for before in rule.after):
        task.ready = 0.0
        return None
    task.ready = task.ready or parent.now
    try:
        due = rule.due_at(state.values(), task.ready)
    except MappingError as error:
        ask(parent, f"{key}.due", _WHETHER, Undecided(f"{key}.due", str(error), {error.field: error.value}))
        return None
    answered(parent, f"{key}.due")
    return due


def _in_the_way(state: RecordState, plan: TaskPlan, name: str) -> bool:
    """A task that nobody wants stands in nobody's way."""
    task = state.tasks.get(f"{plan.name}.{name}")
    if task is None or task.standing is Standing.DONE:
        return False
    return not (plan.leaves_out and task.standing is Standing.FAILED)


def _make(parent: Unit, fan: FanOut, name: str, rule: TaskRule, flow: Flow) -> Unit | None:
    """The task's record, with the values it begins with; its lanes are dirty like those of any new record."""
    state, key = parent.state, f"{fan.plan.name}.{name}"
    try:
        values = rule.fill(state.values())
    except MappingError as error:
        ask(parent, f"{key}.set", _WHETHER, Undecided(f"{key}.set", str(error), {error.field: error.value}))
        return None
    answered(parent, f"{key}.set")
    record = identity(state.id, state.incarnation, key)
    fresh = RecordState(id=record, flow=flow.name, task=key)
    child = Unit(fresh, flow, {}, parent.effects, parent.now, new=True, notice=parent.notice, items=parent.items)
    for field, value in values.items():
        child.decide(field, value, SOURCE, (parent.now, parent.now), mapping=fan.plan.label)
    child.audit("task_made", task=key, of=state.id)
    state.tasks[key].standing = Standing.MADE
    mark_dirty(child)
    return child


def _roll_up(parent: Unit, plan: TaskPlan) -> None:
    """Tells the record how its tasks stand together, when that changes and only then: a person may say otherwise."""
    word = _together(parent.state, plan)
    if word == parent.state.told[plan.name]:
        return
    parent.state.told[plan.name] = word
    for name, value in plan.told.get(word, {}).items():
        canon = parent.state.fields.get(name)
        if canon is None or canon.now.value != value:
            parent.decide(name, value, SOURCE, (parent.now, parent.now), mapping=plan.label)
    parent.audit("rolled_up", template=plan.label, stands=word)
    mark_dirty(parent)


def _together(state: RecordState, plan: TaskPlan) -> str:
    found = [task.standing for key, task in state.tasks.items() if key.partition(".")[0] == plan.name]
    if plan.leaves_out:
        found = [Standing.DONE if each is Standing.FAILED else each for each in found]
    if Standing.FAILED in found:
        return "failed"
    if found and all(each is Standing.DONE for each in found):
        return "done"
    return "started" if any(each is not Standing.WAITING for each in found) else ""


def asked_again(unit: Unit, key: str) -> None:
    """A person retries a case: what it said is not remembered any more, so that it is said again if it still holds."""
    state = unit.state
    state.undecided = {each: why for each, why in state.undecided.items() if case_key(state.id, each) != key}
