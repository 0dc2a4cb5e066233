"""How a row is shown: display modes, reference objects, field lists with dot-walks (facts.md 1.2 [SND, HAR-SN])."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from connectors.sandbox.servicenow.columns import Table
from connectors.sandbox.servicenow.records import Records
from connectors.sandbox.servicenow.rules import Row
from connectors.sandbox.servicenow.schema import TABLES

DisplayMode = Literal["true", "false", "all"]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asked to see."""

    fields: tuple[str, ...] = ()
    """Empty: all columns."""
    display: DisplayMode = "false"
    exclude_links: bool = False
    base_url: str = ""


class Renderer:
    """Shows rows; looks up what references point to."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def show(self, table: Table, row: Row, view: View) -> dict[str, Any]:
        """One row. Names that do not exist are left out."""
        seen: dict[str, Row | None] = {}
        shown: dict[str, Any] = {}
        for path in view.fields or table.columns:
            found = self._walk(table, row, path.split("."), seen)
            if found is not None:
                shown[path] = self._value(*found, view, seen)
        return shown

    def rows(self, table: Table, rows: Sequence[Row], view: View) -> list[dict[str, Any]]:
        """Several rows."""
        return [self.show(table, row, view) for row in rows]

    def _walk(
        self, table: Table, row: Row, path: list[str], seen: dict[str, Row | None]
    ) -> tuple[Table, Row, str] | None:
        head, *rest = path
        if head not in table.columns or head in self._records.removed(table):
            return None
        if not rest:
            return table, row, head
        target = TABLES.get(table.references.get(head, ""))
        if target is None:
            return None
        return self._walk(target, self._follow(target, row.get(head, ""), seen) or {}, rest, seen)

    def _follow(self, target: Table, sys_id: str, seen: dict[str, Row | None]) -> Row | None:
        if not sys_id:
            return None
        if sys_id not in seen:
            seen[sys_id] = self._records.get(target, sys_id)
        return seen[sys_id]

    def _value(self, table: Table, row: Row, name: str, view: View, seen: dict[str, Row | None]) -> Any:
        raw = row.get(name, "")
        target = table.references.get(name)
        if name in table.journals:
            raw = ""
        if view.display == "false":
            return raw if target is None or not raw or view.exclude_links else self._linked(view, target, raw)
        display = self._display(table, row, name, raw, seen)
        link = {} if target is None or not raw or view.exclude_links else {"link": _link(view, target, raw)}
        if view.display == "all":
            return {"display_value": display, "value": raw} | link
        return {"display_value": display} | link if link else display

    def _linked(self, view: View, target: str, raw: str) -> dict[str, str]:
        return {"link": _link(view, target, raw), "value": raw}

    def _display(self, table: Table, row: Row, name: str, raw: str, seen: dict[str, Row | None]) -> str:
        if name in table.journals and row:
            return self._records.journal_text(row["sys_id"], name)
        if raw in table.choices.get(name, {}):
            return table.choices[name][raw]
        target = TABLES.get(table.references.get(name, ""))
        if target is None:
            return raw
        found = self._follow(target, raw, seen)
        return found.get(target.display, "") if found else raw


def _link(view: View, target: str, raw: str) -> str:
    return f"{view.base_url}/api/now/table/{target}/{raw}"
