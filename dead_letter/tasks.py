"""Several things to do for one case, each with who does it and what came of it."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.approvals import Actor
from dead_letter.errors import DecisionRefused
from dead_letter.tables import case_tasks
from dead_letter.values import parse_number
from dead_letter.work import Worked, WorkName, note


class Kind(StrEnum):
    """What sort of work it is."""

    LOOK_UP = "look_up"
    CONTACT = "contact"
    APPROVE = "approve"
    NOTIFY = "notify"
    OTHER = "other"


class TaskState(StrEnum):
    """How a task stands."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is stored."""

    id: str
    kind: Kind
    title: str
    owner: str
    state: TaskState
    made_by: str
    made_at: float
    ended_by: str
    ended_at: float | None
    note: str


async def of_case(tx: AsyncConnection, number: str) -> list[Task]:
    """The tasks of a case, oldest first."""
    query = select(case_tasks).where(case_tasks.c.number == parse_number(number)).order_by(case_tasks.c.made_at)
    return [_task(row) for row in (await tx.execute(query)).mappings()]


async def add(
    tx: AsyncConnection, number: str, *, kind: Kind, title: str, owner: str, by: Actor, now: float
) -> tuple[Worked, str]:
    """One more thing to do; the answer and the task's id. Raises CaseNotFound, DecisionRefused."""
    said = f"{title} ({owner})" if owner else title
    worked = await note(tx, number, WorkName.ADD_TASK, by=by, choice=kind, text=said, now=now)
    id_ = f"task_{uuid.uuid4().hex[:16]}"
    row = {
        "id": id_,
        "number": parse_number(number),
        "kind": kind,
        "title": title.strip(),
        "owner": owner,
        "state": TaskState.OPEN,
        "made_by": by.name,
        "made_at": now,
        "ended_by": "",
        "ended_at": None,
        "note": "",
    }
    await tx.execute(insert(case_tasks).values(**row))
    return worked, id_


async def move(
    tx: AsyncConnection, number: str, name: WorkName, task: str, *, said: str, by: Actor, now: float
) -> Worked:
    """Takes, ends or drops a task. What came of it has to be said of one that ends.

    Raises CaseNotFound, DecisionRefused (no such task, ended already, nothing said).
    """
    query = select(case_tasks).where(case_tasks.c.id == task, case_tasks.c.number == parse_number(number))
    row = (await tx.execute(query.with_for_update())).mappings().first()
    if row is None:
        raise DecisionRefused(number, name, f"It has no task {task}.", code="task.not_found")
    found = _task(row)
    if found.state is not TaskState.OPEN:
        why = f"The task is {found.state} already, by {found.ended_by}."
        raise DecisionRefused(number, name, why, code="task.over")
    if name is not WorkName.TAKE_TASK and not said.strip():
        raise DecisionRefused(number, name, "Say what came of it, or why it is dropped.", code="reason.missing")
    worked = await note(
        tx, number, name, by=by, choice=task, text=f"{found.title}: {said}" if said else found.title, now=now
    )
    await tx.execute(update(case_tasks).where(case_tasks.c.id == task).values(**_moved(name, said, by, now)))
    return worked


def _moved(name: WorkName, said: str, by: Actor, now: float) -> dict[str, Any]:
    if name is WorkName.TAKE_TASK:
        return {"owner": by.name}
    state = TaskState.DONE if name is WorkName.END_TASK else TaskState.DROPPED
    return {"state": state, "ended_by": by.name, "ended_at": now, "note": said.strip()}


def _task(row: Any) -> Task:
    values = {name: row[name] for name in Task.__struct_fields__}
    return Task(**{**values, "kind": Kind(row["kind"]), "state": TaskState(row["state"])})
