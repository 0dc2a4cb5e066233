"""The history of each field of one object, read from the stand-in's log."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.demo.evidence import Entry, Side, Thing
from gateway.demo.meaning import elements, is_set, plain
from gateway.demo.records import Member, Record


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one field in the system's external terms; of a set: frozensets of canonical elements."""

    at: float
    by_human: bool
    user: str
    before: Any
    after: Any
    creates: bool = False
    given: bool = False
    """Nobody wrote it: the object came with it (a default, or it was there before the log began)."""
    beside: frozenset[str] = frozenset()
    """The other fields that changed in the same write."""


@dataclass(frozen=True, slots=True)
class Trail:
    """One record with the histories of its objects."""

    record: Record
    histories: Mapping[Thing, Mapping[str, list[Edit]]]

    @classmethod
    def follow(cls, record: Record) -> Trail:
        """Reads the logs of all objects of a record."""
        return cls(record, {member.thing: histories(member) for member in record.members})

    def of(self, member: Member, field: str) -> list[Edit]:
        """The history of one field of one object."""
        return self.histories[member.thing].get(field, [])


def histories(member: Member) -> dict[str, list[Edit]]:
    """Per mapped field, its values in the stand-in's order, beginning with the first one it had.

    A write that left the value as it was is not a change of it.
    """
    created = next((entry for entry in member.log if entry.kind == "create"), None)
    found: dict[str, list[Edit]] = {field: [] for field in member.side.translator.fields}
    for entry in member.log:
        if entry.kind not in {"create", "update"}:
            continue
        changes = _changes(member.side, entry, all_of_it=entry is created)
        for field, (was, now) in changes.items():
            edit = Edit(entry.at, entry.by_human, entry.user, was, now, entry is created, beside=frozenset(changes))
            found[field].append(edit)
    standing = member.standing()
    for field, edits in found.items():
        if not edits or not edits[0].creates:
            edits.insert(0, _given(member, field, edits, standing, created.at if created else -math.inf))
    return found


def _changes(side: Side, entry: Entry, *, all_of_it: bool) -> dict[str, tuple[Any, Any]]:
    before, after = side.translator.history(entry.before), side.translator.history(entry.after)
    values = {
        field: (_form(side, field, before.get(field)), _form(side, field, value)) for field, value in after.items()
    }
    return {field: (was, now) for field, (was, now) in values.items() if was != now or all_of_it}


def _given(member: Member, field: str, edits: list[Edit], standing: dict[str, Any], at: float) -> Edit:
    value = edits[0].before if edits else _form(member.side, field, standing.get(field))
    return Edit(at, False, "", value, value, creates=True, given=True)


def _form(side: Side, field: str, value: Any) -> Any:
    return elements(side, field, value) if is_set(side, field) else plain(value)


def values_since(edits: list[Edit], at: float) -> Iterator[Any]:
    """What the field showed at `at`, and everything it showed later. Nothing before the object was."""
    earlier = [edit.after for edit in edits if edit.at < at]
    yield from earlier[-1:]
    yield from (edit.after for edit in edits if edit.at >= at)
