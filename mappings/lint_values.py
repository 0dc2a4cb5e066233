"""Checks of value maps: every value covered, none read two ways, nothing lost without saying so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from mappings.model import FieldModel, TypeField
from mappings.valuemap import canonical_key


def check(
    source: Source, name: str, rule: FieldModel, type_field: TypeField, gone: frozenset[str]
) -> Iterator[Problem]:
    """Problems of `values`, `default`, `empty` and `lossy` of one field."""
    at = ("fields", name)
    if rule.values and type_field.kind == "time":
        yield source.problem((*at, "values"), "values", "a time has no value map", "'format'", key=True)
        return
    yield from _names(source, name, rule, type_field, gone)
    yield from _readings(source, name, rule)
    yield from _unknowns(source, name, rule, type_field)
    yield from _losses(source, name, rule)


def valid(type_field: TypeField, value: Any) -> bool:
    """Whether a value written in a file is one of this field."""
    if type_field.kind == "enum":
        return value in type_field.values
    if type_field.kind == "bool":
        return isinstance(value, bool)
    if type_field.kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if type_field.kind == "set":
        return isinstance(value, list)
    return isinstance(value, str)


def _names(
    source: Source, name: str, rule: FieldModel, type_field: TypeField, gone: frozenset[str]
) -> Iterator[Problem]:
    at = ("fields", name, "values")
    for value in rule.values:
        if _no_number(type_field.kind, value):
            yield source.problem((*at, value), "unknown-value", f"{name} is a number, '{value}' is not", key=True)
    known = {"enum": type_field.values, "bool": ["true", "false"]}.get(type_field.kind)
    if known is None or not rule.values:
        return
    for value in rule.values:
        if value not in known:
            text = f"{name} has no value '{value}'"
            yield source.problem((*at, value), "unknown-value", text, nearest(value, known), key=True)
    left = [value for value in known if value not in rule.values and value not in gone]
    if left and rule.direction != "in" and rule.on_unknown == "case":
        text = f"{name} can be {', '.join(left)}, which {'is' if len(left) == 1 else 'are'} not mapped"
        yield source.problem(at, "values-missing", text, f"adding {', '.join(left)}, or 'on_unknown'", key=True)


def _readings(source: Source, name: str, rule: FieldModel) -> Iterator[Problem]:
    """Each external value must be read as exactly one canonical value."""
    at, first = ("fields", name, "values"), dict[str, str]()
    for value, each in rule.values.items():
        places = [(each.ext, (*at, value))] if each.read else []
        places += [(ext, (*at, value)) for ext in each.also]
        for ext, place in places:
            other = first.setdefault(repr(ext), value)
            if other != value:
                text = f"'{ext}' is read as {other} already, and here as {value}"
                yield source.problem(
                    place, "ambiguous-value", text, "'read: false' on one of them, and 'lossy: true'", key=True
                )
    for value, each in rule.values.items():
        if isinstance(each.ext, (list, dict)) or any(isinstance(ext, (list, dict)) for ext in each.also):
            yield source.problem((*at, value), "values", "an external value is a text, a number, true, false or null")
        elif not each.read and repr(each.ext) not in first and rule.direction == "both":
            text = f"'{each.ext}' is written for {value} but read as nothing"
            yield source.problem((*at, value), "unread-value", text, "removing 'read: false'", key=True)


def _unknowns(source: Source, name: str, rule: FieldModel, type_field: TypeField) -> Iterator[Problem]:
    at = ("fields", name)
    if rule.on_unknown != "case" and not rule.values and rule.template is None:
        yield source.problem(
            (*at, "on_unknown"), "on-unknown", "there is no value map that could miss a value", "removing it", key=True
        )
    if (rule.on_unknown == "default") != (rule.default is not None):
        missing = rule.default is None
        text = (
            "'on_unknown: default' needs a 'default'"
            if missing
            else "'default' is only used with 'on_unknown: default'"
        )
        yield source.problem((*at, "on_unknown" if missing else "default"), "default", text, key=True)
    elif rule.default is not None and not _names_value(rule, type_field.kind):
        text = f"the default '{rule.default}' is not one of the mapped values"
        yield source.problem((*at, "default"), "default", text, nearest(rule.default, rule.values))
    if rule.empty is not None and not valid(type_field, rule.empty):
        text = f"'{rule.empty}' is not a value of {name}"
        yield source.problem((*at, "empty"), "unknown-value", text, nearest(rule.empty, type_field.values))


def _names_value(rule: FieldModel, kind: str) -> bool:
    return any(canonical_key(kind, key) == rule.default for key in rule.values if not _no_number(kind, key))


def _no_number(kind: str, key: str) -> bool:
    return kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", key) is None


def losses(rule: FieldModel) -> list[str]:
    """Reasons why a value map cannot be undone."""
    found, written = [], dict[str, str]()
    for value, each in rule.values.items():
        other = written.setdefault(repr(each.ext), value)
        if other != value:
            found.append(f"{other} and {value} are both written as '{each.ext}'")
        if each.also:
            also = ", ".join(str(ext) for ext in each.also)
            found.append(f"'{also}' would be read as {value} and written back as '{each.ext}'")
    if rule.on_unknown == "default":
        found.append(f"unknown values become {rule.default}")
    if rule.empty is not None:
        found.append(f"an empty value becomes {rule.empty}")
    return found


def _losses(source: Source, name: str, rule: FieldModel) -> Iterator[Problem]:
    found = losses(rule)
    if rule.direction == "both" and found and not rule.lossy:
        text = f"{name} loses information and does not say so: {found[0]}"
        yield source.problem(("fields", name), "lossy", text, "'lossy: true' if that is wanted", key=True)
    if rule.lossy and not found and rule.values:
        text = f"{name} is declared lossy but loses nothing"
        yield source.problem(("fields", name, "lossy"), "lossy", text, "removing 'lossy'", key=True)
