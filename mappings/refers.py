"""What a record says to the records that it refers to, and of itself for that it refers to them (ADR 0207). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.contract.errors import MappingError
from connectors.contract.written.conditions import Condition
from mappings.tasks import TaskRule
from mappings.templates import Template

LONGEST = 200
"""Characters of a name that is looked up; nothing is called by a longer one."""
EXTRAS = ("found", "missing")
"""Names that texts may hold besides fields: what was found, and what nobody knows."""


@dataclass(frozen=True, slots=True)
class Tell:
    """One thing that is said. Its key and what it says are its identity: the same is said once."""

    rule: TaskRule
    comment: Template | None
    forward: bool
    """Fields of kind enum are moved on in the order of their values, never back."""

    def says(self, record: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """Fields to set, and the text of a comment ("" for none). Raises MappingError for a value that does not fit."""
        text = "" if self.comment is None else str(self.comment.fill(record.get) or "")
        return self.rule.fill(record), text.strip()


@dataclass(frozen=True, slots=True)
class Refers:
    """One field that holds references, and what follows from them."""

    field: str
    to: Mapping[str, str]
    """Flow -> the member of it whose keys are meant."""
    through: Mapping[str, str]
    """The same, for flows that are in between: what their records refer to is meant."""
    when: Condition | None
    order: str
    """The field of kind time by which records are older and newer; empty: when they say it."""
    tells: tuple[Tell, ...]
    found: TaskRule
    missing: TaskRule

    def names(self, record: Mapping[str, Any]) -> list[str]:
        """The references of this record, without those that nothing can be called by."""
        value = record.get(self.field)
        several = value if isinstance(value, list) else [value]
        return sorted({each for each in several if isinstance(each, str) and 0 < len(each) <= LONGEST})

    def at(self, record: Mapping[str, Any]) -> float | None:
        """The record's own time; None where it has none. Raises MappingError for a value that is no time."""
        value = record.get(self.order) if self.order else None
        if value in (None, ""):
            return None
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError as error:
            raise MappingError(self.order, value, valid=("a time",), mapping=self.field) from error
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def answer(self, record: Mapping[str, Any], found: Sequence[str], missing: Sequence[str]) -> dict[str, Any]:
        """What the record says of itself: every field that either answer sets, None for what this one leaves empty.

        Raises MappingError for a value that does not fit.
        """
        rule = self.found if found else self.missing
        said = rule.fill({**record, "found": list(found), "missing": list(missing)})
        return {name: said.get(name) for name in (*self.found.values, *self.missing.values)}
