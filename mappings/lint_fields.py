"""Checks of one field's rule: paths, companions, gates, steps, templates, and keys that do not fit its kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.contract.written.paths import parse_path, simple
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest, one_of
from mappings.fallback import check_fallbacks, stands_at
from mappings.finding import parse_pattern
from mappings.model import FieldModel, MappingFile, TypeFile
from mappings.templates import parse_template
from mappings.times import NAMED

# Keys that mean something for some kinds only, and the value that stands for "not used".
_KINDS_OF: Mapping[str, tuple[tuple[str, ...], Any]] = {
    "separator": (("set",), None),
    "find": (("set",), []),
    "format": (("time", "number", "bool"), None),
    "template": (("text",), None),
    "max_length": (("text", "set"), None),
    "strip": (("text",), False),
    "single_line": (("text",), False),
    "lower": (("text", "set"), False),
    "newlines": (("text",), "lf"),
    "steps": (("enum",), {}),
    "fallback": (("user",), []),
}

At = tuple[str | int, ...]


def check(
    source: Source, model: MappingFile, record_type: TypeFile, name: str, gone: frozenset[str]
) -> Iterator[Problem]:
    """Problems of a field that the type knows."""
    rule, kind = model.fields[name], record_type.fields[name].kind
    yield from _fitting(source, name, rule, kind)
    yield from _paths(source, name, rule)
    yield from _direction(source, name, rule)
    yield from _companions(source, record_type, name, rule)
    yield from check_fallbacks(source, record_type, name, rule)
    yield from _gate(source, model, name, rule, gone)
    yield from _steps(source, name, rule)
    yield from _template(source, name, rule)
    yield from _format(source, name, rule, kind)
    yield from _find(source, name, rule)


def _fitting(source: Source, name: str, rule: FieldModel, kind: str) -> Iterator[Problem]:
    for key, (kinds, unused) in _KINDS_OF.items():
        if getattr(rule, key) != unused and kind not in kinds:
            text = f"'{key}' is for {' and '.join(kinds)}, {name} is {kind}"
            yield source.problem(("fields", name, key), "kind", text, "removing it", key=True)


def _paths(source: Source, name: str, rule: FieldModel) -> Iterator[Problem]:
    single = isinstance(source.data["fields"][name].get("path"), str)
    for index, path in enumerate(rule.path):
        at: tuple[str | int, ...] = ("fields", name, "path") if single else ("fields", name, "path", index)
        try:
            keys = simple(parse_path(path))
        except ValueError as error:
            yield source.problem(at, "path", str(error))
            continue
        writes_here = rule.direction != "in" and rule.write is None and index == 0
        if not keys and writes_here:
            text = f"'{path}' can be read but not written"
            yield source.problem(at, "path", text, "'write: path.to.key', or 'direction: in'")
    for key in ("write", "clear_at"):
        path = getattr(rule, key)
        if path is not None and (reason := unwritable(path)):
            yield source.problem(("fields", name, key), "path", reason)


def unwritable(path: str) -> str:
    """Why nothing can be put at this path; empty if it can."""
    try:
        return (
            ""
            if simple(parse_path(path))
            else f"'{path}' does not lead from key to key, so nothing can be written there"
        )
    except ValueError as error:
        return str(error)


def _direction(source: Source, name: str, rule: FieldModel) -> Iterator[Problem]:
    at = ("fields", name)
    outward = {
        "write": rule.write,
        "clear_at": rule.clear_at,
        "steps": rule.steps,
        "with": rule.with_,
        "computed": rule.computed,
    }
    for key, value in outward.items():
        if rule.direction == "in" and value:
            yield source.problem(
                (*at, key), "direction", f"'{key}' says nothing for a field that is only read", key=True
            )
    if rule.computed and not rule.with_ and not any(each.with_ for each in rule.values.values()):
        yield source.problem(
            (*at, "computed"), "computed", "a computed field is written through 'with' only, and has none", key=True
        )


def _companions(source: Source, record_type: TypeFile, name: str, rule: FieldModel) -> Iterator[Problem]:
    at: At = ("fields", name)
    blocks: list[tuple[At, Mapping[str, Any]]] = [((*at, "with"), rule.with_)]
    blocks += [((*stands_at(source, name, index), "with"), each.with_) for index, each in enumerate(rule.fallback)]
    blocks += [((*at, "values", value, "with"), each.with_) for value, each in rule.values.items()]
    for place, block in blocks:
        for path, value in block.items():
            if reason := unwritable(path):
                yield source.problem((*place, path), "path", reason, key=True)
            if isinstance(value, str):
                yield from _names(source, record_type, (*place, path), value)


def _names(source: Source, record_type: TypeFile, at: At, text: str) -> Iterator[Problem]:
    try:
        names = parse_template(text).names
    except ValueError as error:
        reason, _, hint = str(error).partition("; try ")
        yield source.problem(at, "template", reason, hint)
        return
    for each in names:
        if each not in record_type.fields:
            hint = nearest(each, record_type.fields)
            yield source.problem(at, "unknown-field", f"the type {record_type.type} has no field '{each}'", hint)


def _gate(source: Source, model: MappingFile, name: str, rule: FieldModel, gone: frozenset[str]) -> Iterator[Problem]:
    for by, values in rule.when.items():
        at = ("fields", name, "when", by)
        other = model.fields.get(by)
        if by in gone:
            continue
        if other is None or not other.values or by == name:
            gates = [each for each, field in model.fields.items() if field.values and each != name]
            text = f"'{by}' is not another field of this mapping with a value map"
            yield source.problem(at, "when", text, nearest(by, gates), key=True)
            continue
        for value in values:
            if value not in other.values and value not in gone:
                yield source.problem(
                    at, "unknown-value", f"{by} has no mapped value '{value}'", nearest(value, other.values)
                )


def _steps(source: Source, name: str, rule: FieldModel) -> Iterator[Problem]:
    if not rule.steps:
        return
    at = ("fields", name, "steps")
    known = [ext for each in rule.values.values() for ext in (each.ext, *each.also)]
    for start, targets in rule.steps.items():
        if start not in known:
            yield source.problem(
                (*at, start), "unknown-value", f"'{start}' is not a value of {name}", nearest(start, known), key=True
            )
        for index, target in enumerate(targets):
            if target not in known:
                text = f"'{target}' is not a value of {name}"
                yield source.problem((*at, start, index), "unknown-value", text, nearest(target, known))
    reached = {target for targets in rule.steps.values() for target in targets}
    for value, each in rule.values.items():
        if each.ext not in reached:
            text = f"no step leads to '{each.ext}'"
            yield source.problem(
                ("fields", name, "values", value), "step-unreachable", text, "adding it under 'steps'", key=True
            )


def _template(source: Source, name: str, rule: FieldModel) -> Iterator[Problem]:
    if rule.template is None:
        return
    at = ("fields", name, "template")
    try:
        template = parse_template(rule.template)
    except ValueError as error:
        reason, _, hint = str(error).partition("; try ")
        yield source.problem(at, "template", reason, hint)
        return
    if template.names != ("value",):
        yield source.problem(at, "template", "a template has '${value}' once and nothing else to fill")
    elif rule.max_length is not None and not rule.template.endswith("${value}"):
        yield source.problem(
            at, "template", "a cut would remove the end of the template", "only text before '${value}'"
        )


def _format(source: Source, name: str, rule: FieldModel, kind: str) -> Iterator[Problem]:
    form, at = rule.format, ("fields", name, "format")
    if form is None:
        return
    if kind == "time" and form not in NAMED and "%" not in form:
        yield source.problem(at, "choice", f"'{form}' is not a form of time", nearest(form, NAMED))
    if kind in ("number", "bool") and form != "text":
        yield source.problem(at, "choice", f"'{form}' is not a form of {kind}", one_of(["text"]))


def _find(source: Source, name: str, rule: FieldModel) -> Iterator[Problem]:
    """What is found in a text cannot be written into it."""
    if not rule.find:
        return
    single = isinstance(source.data["fields"][name].get("find"), str)
    for index, pattern in enumerate(rule.find):
        try:
            parse_pattern(pattern)
        except ValueError as error:
            reason, _, hint = str(error).partition("; try ")
            yield source.problem(
                ("fields", name, "find") if single else ("fields", name, "find", index), "find", reason, hint
            )
    if rule.direction != "in":
        text = f"what is found in a text cannot be written back, and {name} is not only read"
        yield source.problem(("fields", name, "find"), "find", text, "'direction: in'", key=True)
    for key in ("separator", "values"):
        if getattr(rule, key):
            text = f"'{key}' says nothing of what is found in a text"
            yield source.problem(("fields", name, key), "find", text, "removing it", key=True)
