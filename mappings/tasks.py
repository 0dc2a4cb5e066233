"""Templates that make several tasks of one record: what is due when, and what each task begins with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.contract.errors import MappingError
from connectors.contract.written.conditions import Condition, compile_condition
from mappings.model import TypeField, TypeFile
from mappings.task_model import TaskModel, TasksFile
from mappings.templates import Template, parse_template

Record = Mapping[str, Any]
"""Canonical values of the record that the tasks are made of."""


@dataclass(frozen=True, slots=True)
class Due:
    """By a time of the record, or (no `field`) so long after nothing else stood in the way. Seconds."""

    field: str
    shift_s: float


@dataclass(frozen=True, slots=True)
class TaskRule:
    """One task of a template."""

    name: str
    when: Condition | None
    after: tuple[str, ...]
    due: Due | None
    values: Mapping[str, Any]
    """Field -> Template, list of Templates, or a plain value."""
    kinds: Mapping[str, TypeField]
    template: str

    def due_at(self, record: Record, ready: float) -> float | None:
        """The epoch second from which on the task is made; None while the field that says so is empty.

        `ready`: when nothing else stood in the way. Raises MappingError for a value that is no time.
        """
        if self.due is None:
            return ready
        if not self.due.field:
            return ready + self.due.shift_s
        value = record.get(self.due.field)
        if value in (None, ""):
            return None
        return _epoch(self.due.field, value, self.template) + self.due.shift_s

    def fill(self, record: Record) -> dict[str, Any]:
        """Canonical values of the new task; empty ones are left out. Raises MappingError for one that does not fit."""
        found = {name: self._fitting(name, _filled(what, record)) for name, what in self.values.items()}
        return {name: value for name, value in found.items() if value not in (None, "", [])}

    def _fitting(self, name: str, value: Any) -> Any:
        field = self.kinds[name]
        if field.required and value in (None, "", []):
            raise MappingError(name, value, valid=("a value: it is required",), mapping=self.template)
        if value is None:
            return None
        if field.kind == "enum" and value not in field.values:
            raise MappingError(name, value, valid=tuple(field.values), mapping=self.template)
        if field.kind == "set":
            return sorted({str(each) for each in (value if isinstance(value, list) else [value]) if each is not None})
        return str(value) if field.kind == "text" else value


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """A compiled template."""

    name: str
    version: int
    source: str
    """Record type of what the tasks are made of."""
    type: str
    """Record type of the tasks."""
    when: Condition | None
    tasks: Mapping[str, TaskRule]
    field: str
    """The field of a task that says how it stands."""
    done: frozenset[str]
    failed: frozenset[str]
    leaves_out: bool
    """A failed task is left out of the count; otherwise one failed task fails them all."""
    told: Mapping[str, Mapping[str, Any]]
    """started, done, failed -> fields of the record -> values."""
    closes: bool
    """Tasks that are not done are closed when the record leaves."""

    @property
    def label(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"


def compile_tasks(model: TasksFile, source: TypeFile, target: TypeFile) -> TaskPlan:
    """Compiles a file that `task_lint` has passed. Raises ConfigError or ValueError for one that it would not pass."""
    fields = fields_of(source)
    roll_up = model.roll_up
    told = {"started": roll_up.set.started, "done": roll_up.set.done, "failed": roll_up.set.failed}
    return TaskPlan(
        name=model.tasks,
        version=model.version,
        source=model.from_,
        type=model.to,
        when=compile_condition(model.when, fields=fields) if model.when else None,
        tasks={name: _rule(name, task, model.tasks, fields, target) for name, task in model.make.items()},
        field=roll_up.field,
        done=frozenset(roll_up.done),
        failed=frozenset(roll_up.failed),
        leaves_out=roll_up.on_failed == "leave_out",
        told={word: dict(values) for word, values in told.items() if values},
        closes=model.on_leave == "close",
    )


def fields_of(record_type: TypeFile) -> list[str]:
    """The fields that a condition may ask for."""
    return [name for name, each in record_type.fields.items() if each.kind != "items"]


def _rule(name: str, task: TaskModel, template: str, fields: list[str], target: TypeFile) -> TaskRule:
    due = None
    if task.due is not None:
        due = Due(task.due.field or "", task.due.shift if task.due.after is None else task.due.after)
    return TaskRule(
        name=name,
        when=compile_condition(task.when, fields=fields) if task.when else None,
        after=tuple(task.after),
        due=due,
        values={each: parsed(value) for each, value in task.set.items()},
        kinds={each: target.fields[each] for each in task.set},
        template=template,
    )


def parsed(value: Any) -> Any:
    """A value of a template: texts that hold `${...}` are parsed, also inside of a list."""
    if isinstance(value, list):
        return [parsed(each) for each in value]
    return parse_template(value) if isinstance(value, str) else value


def _filled(what: Any, record: Record) -> Any:
    if isinstance(what, list):
        return [_filled(each, record) for each in what]
    return what.fill(record.get) if isinstance(what, Template) else what


def _epoch(name: str, value: Any, template: str) -> float:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise MappingError(name, value, valid=("a time",), mapping=template) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
