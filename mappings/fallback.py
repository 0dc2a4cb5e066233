"""What is written where a system does not know the person: a group, by rule, and never silently nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.contract.errors import MappingError
from connectors.contract.written.conditions import Condition, check_condition, compile_condition
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem
from mappings.model import FieldModel, TypeFile
from mappings.writer import Companion, companions


@dataclass(frozen=True, slots=True)
class Fallback:
    """Stands in for a person. `ext`: external value of the field, None for nobody; the companions name the group."""

    when: Condition | None
    ext: Any
    companions: tuple[Companion, ...]

    def fits(self, record: Mapping[str, Any]) -> bool:
        """Whether this is the one for the record. A condition that cannot be decided does not fit."""
        try:
            return self.when is None or self.when(record)
        except MappingError:
            return False


def compile_fallbacks(rule: FieldModel, record_type: TypeFile) -> tuple[Fallback, ...]:
    """In the order of the file: the first that fits is taken."""
    return tuple(
        Fallback(
            compile_condition(each.when, fields=_fields(record_type)) if each.when else None,
            each.value.strip().lower() if isinstance(each.value, str) else None,
            tuple(companions(each.with_)),
        )
        for each in rule.fallback
    )


def check_fallbacks(source: Source, record_type: TypeFile, name: str, rule: FieldModel) -> Iterator[Problem]:
    """Problems of the `fallback` of a field, but for those of the paths and texts in its `with`."""
    if rule.fallback and rule.direction == "in":
        text = "'fallback' says nothing for a field that is only read"
        yield source.problem(("fields", name, "fallback"), "direction", text, key=True)
    for index, each in enumerate(rule.fallback):
        at = stands_at(source, name, index)
        if each.value is None and not each.with_:
            text = f"this would leave {name} with nobody"
            yield source.problem(
                at, "fallback", text, "'with:' and a group, or 'value:' and a shared address", key=True
            )
        if each.value is not None and "@" not in each.value:
            yield source.problem(
                (*at, "value"), "fallback", f"'{each.value}' is no e-mail address", "'with:' for a group"
            )
        for fault in check_condition(each.when, fields=_fields(record_type)) if each.when else ():
            line, col = source.inside((*at, "when"), fault.line, fault.col)
            yield Problem(source.file, line, col, "condition", fault.text, fault.hint)
        if each.when is None and index < len(rule.fallback) - 1:
            text = "what comes after one without 'when:' is never taken"
            yield source.problem(at, "fallback", text, "moving it to the end", key=True)


def stands_at(source: Source, name: str, index: int) -> tuple[str | int, ...]:
    """Where a fallback stands: one alone may be written without a list."""
    listed = isinstance(source.data["fields"][name].get("fallback"), list)
    return ("fields", name, "fallback", index) if listed else ("fields", name, "fallback")


def _fields(record_type: TypeFile) -> list[str]:
    return [name for name, each in record_type.fields.items() if each.kind != "items"]
