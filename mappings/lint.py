"""The linter: everything that is wrong with a mapping or a record type, at once, each with its place and a way out."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.contract.values import ATTACHMENT
from connectors.contract.written.conditions import check_condition
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from mappings import lint_fields, lint_values
from mappings.codecs import build
from mappings.laws import sampled
from mappings.model import MappingFile, TypeField, TypeFile

MUST_BE_SAID = ("comment", "work_note")
ITEM_KINDS = (*MUST_BE_SAID, ATTACHMENT)


def lint_type(source: Source, model: TypeFile) -> list[Problem]:
    """Problems of a record type that its shape does not show."""
    return sorted(problem for name, field in model.fields.items() for problem in _type_field(source, name, field))


def _type_field(source: Source, name: str, field: TypeField) -> Iterator[Problem]:
    at = ("fields", name)
    if field.kind == "enum" and not field.values:
        yield source.problem(at, "values", f"the enum {name} has no values", "adding 'values: [...]'", key=True)
    if field.kind != "enum" and field.values:
        yield source.problem((*at, "values"), "values", f"only an enum has values, {name} is {field.kind}", key=True)
    if field.kind != "set" and field.spaces is not None:
        yield source.problem((*at, "spaces"), "spaces", f"only a set has 'spaces', {name} is {field.kind}", key=True)
    for index, value in enumerate(field.values):
        if value in field.values[:index]:
            yield source.problem(
                (*at, "values", index), "duplicate-value", f"'{value}' is listed twice", "removing one"
            )


def lint_mapping(
    source: Source, model: MappingFile, record_type: TypeFile, gone: frozenset[str] = frozenset()
) -> list[Problem]:
    """Problems of a mapping. The round-trip law is only tried where nothing else is wrong with a field.

    `gone` are keys that were left out because of problems that are known already.
    """
    problems: list[Problem] = []
    for name in model.fields:
        found = list(_field(source, model, record_type, name, gone))
        problems += found or ([] if gone else _law(source, model, record_type, name))
    problems += _items(source, model, record_type)
    problems += _departure(source, model, record_type, gone)
    return sorted(problems)


def _field(
    source: Source, model: MappingFile, record_type: TypeFile, name: str, gone: frozenset[str]
) -> Iterator[Problem]:
    type_field = record_type.fields.get(name)
    if type_field is None:
        mappable = [each for each, field in record_type.fields.items() if field.kind != "items"]
        text = f"the type {record_type.type} has no field '{name}'"
        yield source.problem(("fields", name), "unknown-field", text, nearest(name, mappable), key=True)
    elif type_field.kind == "items":
        yield source.problem(
            ("fields", name), "items", f"{name} holds items", f"'items: {{field: {name}, ...}}'", key=True
        )
    else:
        yield from lint_fields.check(source, model, record_type, name, gone)
        yield from lint_values.check(source, name, model.fields[name], type_field, gone)


def _law(source: Source, model: MappingFile, record_type: TypeFile, name: str) -> list[Problem]:
    rule, type_field = model.fields[name], record_type.fields[name]
    if rule.direction != "both":
        return []
    codec = build(model.mapping, name, rule, type_field)
    broken = next(sampled(codec, rule, type_field), None)
    if broken is None:
        return []
    hint = "'lossy: true' if that is wanted" if not rule.lossy else "another rule: this value would never come to rest"
    return [
        source.problem(
            ("fields", name), "round-trip", f"{name} does not survive the way out and back: {broken}", hint, key=True
        )
    ]


def _items(source: Source, model: MappingFile, record_type: TypeFile) -> Iterator[Problem]:
    if model.items is None:
        return
    fields = [name for name, field in record_type.fields.items() if field.kind == "items"]
    if model.items.field not in fields:
        text = f"'{model.items.field}' is not a field of kind items of {record_type.type}"
        yield source.problem(("items", "field"), "items", text, nearest(model.items.field, fields))
    for side, kinds in (("in", model.items.in_), ("out", model.items.out)):
        for kind, other in kinds.items():
            if kind not in ITEM_KINDS:
                yield source.problem(
                    ("items", side, kind), "items", f"unknown kind '{kind}'", nearest(kind, ITEM_KINDS), key=True
                )
            if other not in (*ITEM_KINDS, "drop"):
                hint = nearest(other, (*ITEM_KINDS, "drop"))
                yield source.problem(("items", side, kind), "items", f"unknown kind '{other}'", hint)
    for kind in MUST_BE_SAID:
        if kind not in model.items.out:
            text = f"nothing says what becomes of a {kind} on its way out"
            yield source.problem(("items", "out"), "items", text, f"'{kind}: drop' to leave it out", key=True)


def _departure(source: Source, model: MappingFile, record_type: TypeFile, gone: frozenset[str]) -> Iterator[Problem]:
    if model.departure.when is not None:
        for fault in check_condition(model.departure.when, variable="raw"):
            line, col = source.inside(("departure", "when"), fault.line, fault.col)
            yield Problem(source.file, line, col, "condition", fault.text, fault.hint)
    for name, value in model.departure.closed.items():
        at = ("departure", "closed", name)
        if name in gone:
            continue
        if name not in model.fields:
            text = f"this mapping has no field '{name}'"
            yield source.problem(at, "unknown-field", text, nearest(name, model.fields), key=True)
        elif name in record_type.fields and not lint_values.valid(record_type.fields[name], value):
            text = f"'{value}' is not a value of {name}"
            yield source.problem(at, "unknown-value", text, nearest(value, record_type.fields[name].values))
