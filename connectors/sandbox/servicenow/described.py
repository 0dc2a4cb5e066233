"""`sys_dictionary` and `sys_choice`: what the instance says of its columns, with what an administrator changed.

An inherited column stands under the table that declared it, and no request shows a removed one (facts.md 1.5; [M]).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping

import orjson

from connectors.sandbox.described import FieldChange
from connectors.sandbox.servicenow.columns import SYSTEM_COLUMNS, Table
from connectors.sandbox.servicenow.schema import TABLES
from connectors.sandbox.servicenow.task_tables import INCIDENT, TASK_CHOICES, TASK_COLUMNS
from connectors.sandbox.store import Store

TOLD = ("sys_dictionary", "sys_choice")
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
    for declared, table, elements in _declared(changes):
        for element in elements:
            change = changes.get(element, FieldChange()) if table is INCIDENT else FieldChange()
            if change.removed:
                continue
            row = {"name": declared, "element": element, "internal_type": change.kind or _kind(table, element)}
            row |= {"column_label": change.label or element.removeprefix("u_").replace("_", " ").capitalize()}
            row |= {"mandatory": "true" if element == "short_description" else "false", "active": "true"}
            yield "sys_dictionary", row | {"sys_id": uuid.uuid5(_SPACE, f"{declared}.{element}").hex}


def _declared(changes: Mapping[str, FieldChange]) -> Iterator[tuple[str, Table, list[str]]]:
    """(table that declares them, table that knows their kinds, columns). The administrator changes incident's."""
    shared = {*TASK_COLUMNS, *SYSTEM_COLUMNS}
    yield "task", INCIDENT, sorted(shared)
    for table in TABLES.values():
        if table.watched:
            more = set(changes) if table is INCIDENT else set()
            yield table.name, table, sorted({*table.columns, *more} - (shared if table.extends else set()))


def _kind(table: Table, element: str) -> str:
    if element in table.references:
        return "reference"
    if element in table.journals:
        return "journal_input"
    if element in table.times:
        return "glide_date_time"
    return "integer" if element in table.numbers else "string"


def _choices(changes: Mapping[str, FieldChange]) -> Iterator[tuple[str, dict[str, str]]]:
    """Inherited ones stand under `task`; a table's own stand before them."""
    yield from _options("task", TASK_CHOICES)
    for table in TABLES.values():
        own = table.choices if table is INCIDENT else _own(table)
        if table is INCIDENT:
            shown = {name: change.options for name, change in changes.items() if change.options is not None}
            gone = {name for name, change in changes.items() if change.removed}
            own = {name: options for name, options in {**own, **shown}.items() if name not in gone}
        yield from _options(table.name, own)


def _own(table: Table) -> Mapping[str, Mapping[str, str]]:
    return {name: options for name, options in table.choices.items() if TASK_CHOICES.get(name) != options}


def _options(name: str, choices: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, dict[str, str]]]:
    for element in sorted(choices):
        for sequence, (value, label) in enumerate(choices[element].items()):
            row = {"name": name, "element": element, "value": value, "label": label, "language": "en"}
            row |= {"inactive": "false", "sequence": str(sequence)}
            yield "sys_choice", row | {"sys_id": uuid.uuid5(_SPACE, f"{name}.{element}={value}").hex}
