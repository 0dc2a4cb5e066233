"""Which native fields a mapping reads and writes, and with which values: what a change of the system may break."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.contract.written.paths import parse_path, simple
from mappings.model import FieldModel, MappingFile


@dataclass(frozen=True, slots=True)
class Use:
    """One place in the vendor's document that a mapping uses."""

    field: str
    """Canonical field it serves."""
    keys: tuple[str, ...]
    """From the top of the document; the native field is one of them."""
    reads: bool
    writes: bool
    needed: bool
    """There is no other place that would do."""
    written: tuple[str, ...] = ()
    """External values that it may write."""
    known: tuple[str, ...] = ()
    """External values that it understands; empty: any."""


def uses_of(model: MappingFile) -> tuple[Use, ...]:
    """Of every field that is mapped by plain paths, and of what is sent along."""
    found = [use for name, rule in model.fields.items() for use in (*_own(name, rule), *_along(name, rule))]
    return tuple(dict.fromkeys(found))


def _own(name: str, rule: FieldModel) -> list[Use]:
    written = tuple(str(each.ext) for each in rule.values.values() if each.ext is not None)
    known = (*written, *(str(also) for each in rule.values.values() for also in each.also))
    strict = rule.on_unknown == "case" and bool(rule.values)
    target = rule.write or rule.path[0]
    found = []
    for path in dict.fromkeys([*rule.path, target]):
        keys, read, write = _keys(path), path in rule.path, path == target and rule.direction != "in"
        if not keys:
            continue
        reads = read and rule.direction != "out"
        own_value = write and not rule.computed
        needed = write or (reads and len(rule.path) == 1)
        found.append(
            Use(name, keys, reads, write, needed, written if own_value else (), known if reads and strict else ())
        )
    return found


def _along(name: str, rule: FieldModel) -> list[Use]:
    """What is sent with a value, and where it is cleared."""
    found = []
    for block in (rule.with_, *(each.with_ for each in rule.values.values())):
        for path, value in block.items():
            literal = (str(value),) if isinstance(value, str | int | float) and "${" not in str(value) else ()
            if keys := _keys(path):
                found.append(Use(name, keys, False, True, True, literal))
    if rule.clear_at and (keys := _keys(rule.clear_at)):
        found.append(Use(name, keys, False, True, True))
    return found


def _keys(path: Any) -> tuple[str, ...]:
    """Of a plain path; one with filters names no single field."""
    try:
        return simple(parse_path(str(path))) or ()
    except ValueError:
        return ()
