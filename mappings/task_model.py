"""The shape of files that make tasks of a record. Meaning is checked by `task_lint`, not here."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from connectors.contract.written.edge import Strict
from connectors.contract.written.units import Duration, seconds
from mappings.model import Name


def _shift(text: Any) -> float:
    """Seconds, before or after: `-2d`, `3h`, `+30m`."""
    if not isinstance(text, str) or not re.match(r"[+-]?\d", text.strip()):
        raise ValueError("this should be a duration before or after; try -2d, 3h or 30m")
    bare = text.strip()
    return -seconds(bare[1:]) if bare.startswith("-") else seconds(bare.removeprefix("+"))


Shift = Annotated[
    float, BeforeValidator(_shift), WithJsonSchema({"type": "string", "examples": ["-2d", "3h"], "default": "0s"})
]


class DueModel(Strict):
    """When a task is made, once nothing else stands in its way: at a time of the record, or so long after."""

    field: Name | None = Field(default=None, description="A field of kind time; while it is empty the task waits.")
    shift: Shift = Field(default=0.0, description="Before (`-2d`) or after that time.")
    after: Duration | None = Field(
        default=None, description="So long after the task's condition held and the tasks before it were done."
    )


def _one_way(due: DueModel) -> DueModel:
    if (due.field is None) == (due.after is None):
        raise ValueError("a task is due by a field or after a while; try '{field: starts_at, shift: -2d}'")
    return due


class TaskModel(Strict):
    """One task of a template. Its key is its identity: a task under another key is another task."""

    when: str | None = Field(
        default=None, description="CEL condition over `record`: the task is made once it holds, and not before."
    )
    after: list[Name] = Field(default=[], description="Tasks of this file that must be done before this one is made.")
    due: Annotated[DueModel, AfterValidator(_one_way)] | None = None
    set: dict[Name, JsonValue] = Field(
        min_length=1,
        description="What the task begins with, by field; texts may hold `${field}` or `${field|default}`.",
    )


class Told(Strict):
    """Fields of the record that are set when its tasks, taken together, come to stand so."""

    started: dict[Name, JsonValue] = Field(default={}, description="The first task was made.")
    done: dict[Name, JsonValue] = Field(default={}, description="All that are wanted are done.")
    failed: dict[Name, JsonValue] = Field(default={}, description="One has failed, and `on_failed` is `fail`.")


class RollUp(Strict):
    """How the tasks stand, and what the record is told of it."""

    field: Name = Field(default="status", description="The field of a task that says how it stands.")
    done: list[str] = Field(min_length=1, description="Its values that mean done.")
    failed: list[str] = Field(default=[], description="Its values that mean that the task will not be done.")
    on_failed: Literal["fail", "leave_out"] = Field(
        default="fail", description="One failed task fails them all, or it is left out and the others go on."
    )
    set: Told = Field(default=Told(), description="What the record is given, each time this changes and only then.")


class TasksFile(Strict):
    """One record becomes several tasks."""

    tasks: Name = Field(description="Name of the template; part of the identity of each task.")
    version: int = Field(default=1, ge=1)
    doc: str = ""
    from_: Name = Field(alias="from", description="Record type of what the tasks are made of.")
    to: Name = Field(description="Record type of the tasks.")
    when: str | None = Field(
        default=None, description="CEL condition over `record`: from the first time it holds, tasks are made."
    )
    make: dict[Name, TaskModel] = Field(min_length=1)
    roll_up: RollUp
    on_leave: Literal["close", "keep"] = Field(
        default="close", description="What becomes of tasks that are not done when the record leaves."
    )
