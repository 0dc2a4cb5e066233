"""What the instance says of a table's columns: `sys_dictionary` and `sys_choice` of it and of the tables it extends.

An inherited column is described where it was declared (`incident` extends `task`); choices of the nearest table count
[M]. An account that may not read the dictionary gets no rows, which tells nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract.fields import FieldInfo
from connectors.rest import RestClient
from connectors.servicenow.rows import Row, text
from connectors.servicenow.table import equals, every_row

DEEPEST = 6
"""Tables in a line of descent that are asked about; a real instance has three or four."""
_PAGE = 500


async def describe(client: RestClient, table: str) -> Sequence[FieldInfo]:
    """The columns by name; empty where the dictionary may not be read."""
    line = await _line(client, table)
    columns: dict[str, Row] = {}
    choices: dict[str, tuple[str, list[Row]]] = {}
    for each in line:  # the nearest first
        for row in await _rows(
            client, "sys_dictionary", each, "name,element,internal_type,column_label,mandatory,active"
        ):
            if text(row.get("element")) and text(row.get("active")) != "false":
                columns.setdefault(text(row["element"]), row)
        for row in await _rows(client, "sys_choice", each, "name,element,value,label,language,inactive,sequence"):
            nearest, found = choices.setdefault(text(row.get("element")), (each, []))
            if nearest == each and text(row.get("inactive")) != "true":
                found.append(row)
    return [_field(name, columns[name], choices.get(name, ("", []))[1]) for name in sorted(columns)]


async def _line(client: RestClient, table: str) -> list[str]:
    """The table, and those that it extends."""
    line = [table]
    while len(line) < DEEPEST:
        found = await _rows(client, "sys_db_object", line[-1], "name,super_class.name")
        parent = text(found[0].get("super_class.name")) if found else ""
        if not parent or parent in line:
            break
        line.append(parent)
    return line


async def _rows(client: RestClient, about: str, table: str, fields: str) -> list[Row]:
    return await every_row(
        client, about, equals("name", table), fields, lambda row: text(row.get("name")) == table, limit=_PAGE
    )


def _field(name: str, row: Row, choices: Sequence[Row]) -> FieldInfo:
    shown: dict[str, str] = {}
    for each in sorted(choices, key=lambda each: text(each.get("language")) != "en"):  # a label in each language
        shown.setdefault(text(each.get("value")), text(each.get("label")))
    return FieldInfo(
        name=name,
        kind=text(row.get("internal_type")),
        label=text(row.get("column_label")),
        options=tuple(shown),
        labels=tuple(shown.values()),
        required=text(row.get("mandatory")) == "true",
    )
