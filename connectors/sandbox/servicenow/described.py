"""`sys_dictionary` and `sys_choice`: what the instance says of its columns, with what an administrator changed.

An inherited column stands under the table that declared it, and no request shows a removed one (facts.md 1.5; [M]).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping

import orjson

from connectors.sandbox.described import FieldChange
from connectors.sandbox.servicenow.schema import CHOICES, INCIDENT, JOURNALS, TABLES, Table
from connectors.sandbox.store import Store

TOLD = ("sys_dictionary", "sys_choice")
_OWN = frozenset(
    (
        *("business_stc", "calendar_stc", "caller_id", "category", "caused_by", "child_incidents", "close_code"),
        *("hold_reason", "incident_state", "notify", "parent_incident", "problem_id", "reopen_count", "resolved_at"),
        *("resolved_by", "rfc", "severity", "subcategory", "u_labels"),
    )
)
"""Columns that incident declares; all others are task's."""
_SPACE = uuid.UUID("7e57ab1e-0000-4000-8000-000000000000")


def describe(store: Store, changes: Mapping[str, FieldChange], stamp: str) -> None:
    """Writes both tables anew if they do not say this already."""
    rows = [*_dictionary(changes), *_choices(changes)]
    digest = uuid.uuid5(_SPACE, orjson.dumps(rows).decode()).hex
    if store.setting("described") == digest:
        return
    with store.change():
        for name in TOLD:
            store.run(f"DELETE FROM {name}")
        for name, row in rows:
            _put(store, TABLES[name], row | {"sys_created_on": stamp, "sys_updated_on": stamp, "sys_mod_count": "0"})
        store.set_setting("described", digest)


def _put(store: Store, table: Table, row: Mapping[str, str]) -> None:
    names = list(row)
    columns, marks = ", ".join(f'"{name}"' for name in names), ", ".join("?" for _ in names)
    store.run(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", *row.values())


def _dictionary(changes: Mapping[str, FieldChange]) -> Iterator[tuple[str, dict[str, str]]]:
    for element in sorted({*INCIDENT.columns, *changes}):
        change = changes.get(element, FieldChange())
        if change.removed:
            continue
        declared = "incident" if element in _OWN or element not in INCIDENT.columns else "task"
        row = {"name": declared, "element": element, "internal_type": change.kind or _kind(element)}
        row |= {"column_label": change.label or element.removeprefix("u_").replace("_", " ").capitalize()}
        row |= {"mandatory": "true" if element == "short_description" else "false", "active": "true"}
        yield "sys_dictionary", row | {"sys_id": uuid.uuid5(_SPACE, f"{declared}.{element}").hex}


def _kind(element: str) -> str:
    if element in INCIDENT.references:
        return "reference"
    if element in JOURNALS:
        return "journal_input"
    if element in INCIDENT.times:
        return "glide_date_time"
    return "integer" if element in INCIDENT.numbers else "string"


def _choices(changes: Mapping[str, FieldChange]) -> Iterator[tuple[str, dict[str, str]]]:
    for element in sorted({*CHOICES, *changes}):
        change = changes.get(element, FieldChange())
        options = CHOICES.get(element, {}) if change.options is None else change.options
        for sequence, (value, label) in enumerate({} if change.removed else options.items()):
            row = {"name": "incident", "element": element, "value": value, "label": label, "language": "en"}
            row |= {"inactive": "false", "sequence": str(sequence)}
            yield "sys_choice", row | {"sys_id": uuid.uuid5(_SPACE, f"{element}={value}").hex}
