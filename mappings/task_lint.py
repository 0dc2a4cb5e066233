"""Reading files that make tasks, and everything that is wrong with one, at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.contract.written.conditions import check_condition
from connectors.contract.written.edge import parse
from connectors.contract.written.places import Source, read_source
from connectors.contract.written.problems import Problem, nearest
from mappings.lint_values import valid
from mappings.loader import find_type, read_type, type_names
from mappings.model import TypeField, TypeFile
from mappings.task_model import TaskModel, TasksFile
from mappings.tasks import TaskPlan, compile_tasks, fields_of
from mappings.templates import Slot, Template, parse_template

At = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class LoadedTasks:
    """What became of a file. `plan` is there exactly if there are no problems."""

    file: Path
    plan: TaskPlan | None = None
    problems: tuple[Problem, ...] = field(default=())


def read_tasks(file: Path) -> LoadedTasks:
    """Reads, checks and compiles a file; record types are found as for mappings. Never raises for what is in it."""
    source = read_source(file)
    if source.problems:
        return LoadedTasks(file, problems=tuple(source.problems))
    parsed = parse(TasksFile, source)
    model, problems = parsed.model, list(parsed.problems)
    if model is None:
        return LoadedTasks(file, problems=tuple(sorted(problems)))
    types = []
    for key, name in (("from", model.from_), ("to", model.to)):
        found, told = _type(source, key, name, file.parent)
        problems += told
        types.append(found)
    origin, target = types
    if origin is not None and target is not None:
        problems += lint(source, model, origin, target, parsed.gone)
        if not problems:
            return LoadedTasks(file, compile_tasks(model, origin, target))
    return LoadedTasks(file, problems=tuple(sorted(set(problems))))


def _type(source: Source, key: str, name: str, base: Path) -> tuple[TypeFile | None, list[Problem]]:
    found = find_type(name, base)
    if found is not None:
        return read_type(found)
    text = f"there is no record type '{name}'"
    return None, [source.problem((key,), "unknown-type", text, nearest(name, type_names(base)))]


def lint(
    source: Source, model: TasksFile, origin: TypeFile, target: TypeFile, gone: frozenset[str] = frozenset()
) -> Iterator[Problem]:
    """Problems that the shape does not show. `gone`: keys that were left out because of problems known already."""
    yield from condition(source, ("when",), model.when, origin)
    for name, task in model.make.items():
        at: At = ("make", name)
        yield from condition(source, (*at, "when"), task.when, origin)
        yield from _order(source, at, name, task, model, gone)
        yield from _due(source, at, task, origin)
        yield from _values(source, (*at, "set"), task.set, target, origin)
        for each, rule in target.fields.items():
            if rule.required and each not in task.set and each not in gone:
                text = f"a {target.type} cannot be without '{each}'"
                yield source.problem((*at, "set"), "required", text, f"adding '{each}:'", key=True)
    yield from _circle(source, model)
    yield from _roll_up(source, model, origin, target)


def condition(source: Source, at: At, text: str | None, record_type: TypeFile) -> Iterator[Problem]:
    """What is wrong with a condition over records of a type; nothing with none."""
    for fault in check_condition(text, fields=fields_of(record_type)) if text is not None else ():
        line, col = source.inside(at, fault.line, fault.col)
        yield Problem(source.file, line, col, "condition", fault.text, fault.hint)


def _order(
    source: Source, at: At, name: str, task: TaskModel, model: TasksFile, gone: frozenset[str]
) -> Iterator[Problem]:
    others = [each for each in model.make if each != name]
    for index, other in enumerate(task.after):
        if other not in others and other not in gone:
            text = f"there is no other task '{other}' here"
            yield source.problem((*at, "after", index), "unknown-task", text, nearest(other, others))


def _circle(source: Source, model: TasksFile) -> Iterator[Problem]:
    """Tasks that wait for each other would never be made."""
    left = {name: {each for each in task.after if each in model.make} for name, task in model.make.items()}
    while free := [name for name, before in left.items() if not before & left.keys()]:
        for name in free:
            del left[name]
    for name in left:
        if name not in model.make[name].after:  # one that waits for itself is told of already
            text = f"{name} waits for a task that waits for {name}, or stands behind such a circle"
            yield source.problem(("make", name, "after"), "circle", text, "taking one of them out", key=True)


def _due(source: Source, at: At, task: TaskModel, origin: TypeFile) -> Iterator[Problem]:
    name = task.due.field if task.due else None
    times = [each for each, rule in origin.fields.items() if rule.kind == "time"]
    if name is not None and name not in times:
        text = f"'{name}' is not a field of kind time of {origin.type}"
        yield source.problem((*at, "due", "field"), "unknown-field", text, nearest(name, times))


def _values(
    source: Source, at: At, given: Mapping[str, Any], target: TypeFile, origin: TypeFile | None
) -> Iterator[Problem]:
    """`origin`: the type whose fields texts may name; None where plain values are wanted."""
    for name, value in given.items():
        rule = target.fields.get(name)
        if rule is None or rule.kind == "items":
            text = f"the type {target.type} has no field '{name}' that could be set"
            yield source.problem((*at, name), "unknown-field", text, nearest(name, fields_of(target)), key=True)
            continue
        for place, each in _leaves((*at, name), value):
            yield from _value(source, place, name, each, rule, origin)


def _leaves(at: At, value: Any) -> Iterator[tuple[At, Any]]:
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield (*at, index), each
    else:
        yield at, value


def _value(
    source: Source, at: At, name: str, value: Any, rule: TypeField, origin: TypeFile | None
) -> Iterator[Problem]:
    template = None
    if isinstance(value, str) and origin is not None:
        try:
            template = parse_template(value)
        except ValueError as error:
            text, _, hint = str(error).partition("; try ")
            yield source.problem(at, "template", text, hint)
            return
    if template is not None and template.names and origin is not None:
        yield from _template(source, at, name, template, rule, origin)
    elif not _plain(rule, value):
        text = f"'{value}' is not a value of {name}"
        yield source.problem(at, "unknown-value", text, nearest(value, rule.values))


def _plain(rule: TypeField, value: Any) -> bool:
    return isinstance(value, str) if rule.kind == "set" else valid(rule, value)


def _template(
    source: Source, at: At, name: str, template: Template, rule: TypeField, origin: TypeFile
) -> Iterator[Problem]:
    known = fields_of(origin)
    for each in template.names:
        if each not in known:
            text = f"the type {origin.type} has no field '{each}'"
            yield source.problem(at, "unknown-field", text, nearest(each, known))
            return
    alone = len(template.parts) == 1 and isinstance(template.parts[0], Slot)
    kind = origin.fields[template.names[0]].kind
    if rule.kind not in ("text", "set") and not (alone and kind == rule.kind):
        text = f"{name} is {rule.kind}, which this text does not give"
        yield source.problem(at, "template", text, f"'${{field}}' with a field of kind {rule.kind}")
    elif rule.kind == "enum" and (strange := _strange(origin.fields[template.names[0]].values, rule.values)):
        text = f"{template.names[0]} can be {', '.join(strange)}, which {name} cannot"
        yield source.problem(at, "unknown-value", text, "a task for each, with a condition")


def _strange(given: Sequence[str], known: Sequence[str]) -> list[str]:
    return [each for each in given if each not in known]


def _roll_up(source: Source, model: TasksFile, origin: TypeFile, target: TypeFile) -> Iterator[Problem]:
    rule, at = model.roll_up, ("roll_up",)
    enums = [each for each, field in target.fields.items() if field.kind == "enum"]
    if rule.field not in enums:
        text = f"'{rule.field}' is not a field of kind enum of {target.type}"
        yield source.problem((*at, "field"), "unknown-field", text, nearest(rule.field, enums))
    else:
        values = target.fields[rule.field].values
        for key, words in (("done", rule.done), ("failed", rule.failed)):
            for index, word in enumerate(words):
                if word not in values:
                    text = f"'{word}' is not a value of {rule.field}"
                    yield source.problem((*at, key, index), "unknown-value", text, nearest(word, values))
        for index, word in enumerate(rule.failed):
            if word in rule.done:
                text = f"'{word}' cannot mean both done and failed"
                yield source.problem((*at, "failed", index), "duplicate-value", text, "removing one")
    for word in ("started", "done", "failed"):
        yield from _values(source, (*at, "set", word), getattr(rule.set, word), origin, None)
