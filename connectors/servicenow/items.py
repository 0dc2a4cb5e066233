"""Journal entries and audit rows: pure functions from their rows to items and history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from connectors.comments import undress
from connectors.contract.values import HistoryEntry, Item
from connectors.servicenow.rows import Row, parse_time, text
from connectors.servicenow.settings import Reference
from connectors.servicenow.writes import JOURNALS, KINDS

JOURNAL_FIELDS = "sys_id,element_id,element,name,value,sys_created_on,sys_created_by"
AUDIT_FIELDS = "sys_id,documentkey,fieldname,oldvalue,newvalue,record_checkpoint,user,sys_created_on"
JOURNAL_QUERY = f"elementIN{','.join(KINDS)}"
Cards = Mapping[str, Mapping[str, str]]


def to_item(row: Row, author: str) -> Item:
    """A row of sys_journal_field. Entries cannot be edited, so `version` stays empty."""
    said = undress(text(row.get("value")).replace("\r\n", "\n"))
    return Item(
        id=text(row.get("sys_id")),
        kind=KINDS.get(text(row.get("element")), "work_note"),
        body=said.body,
        author=author,
        at=parse_time(text(row.get("sys_created_on"))) or 0.0,
        origin=said.origin,
    )


def referred(rows: Sequence[Row], references: Mapping[str, Reference]) -> Mapping[str, set[str]]:
    """Reference column -> the sys_ids that audit rows name in it."""
    found: dict[str, set[str]] = {}
    for row in rows:
        column = text(row.get("fieldname"))
        if column in references:
            found.setdefault(column, set()).update(text(row.get(side)) for side in ("oldvalue", "newvalue"))
    return found


def to_history(rows: list[Row], references: Mapping[str, Reference], cards: Cards, us: str) -> tuple[HistoryEntry, ...]:
    """Rows of sys_audit, one per column, as one entry per update: `record_checkpoint` is the version after it.

    An update of a journal alone gives an entry without fields: it moved the version, and the gap check asks by whom.
    """

    def checkpoint(row: Row) -> int:
        counted = text(row.get("record_checkpoint"))
        return int(counted) if counted.isdecimal() else -1

    ordered = sorted(rows, key=checkpoint)
    return tuple(_entry(number, list(group), references, cards, us) for number, group in groupby(ordered, checkpoint))


def _entry(number: int, rows: list[Row], references: Mapping[str, Reference], cards: Cards, us: str) -> HistoryEntry:
    first = rows[0]
    actor = text(first.get("user"))
    fields = [row for row in rows if text(row.get("fieldname")) not in JOURNALS.values()]
    return HistoryEntry(
        id=f"{text(first.get('documentkey'))}:{number}",
        at=parse_time(text(first.get("sys_created_on"))) or 0.0,
        actor=actor,
        by_us=bool(us) and actor == us,
        before={text(row.get("fieldname")): _cell(row, "oldvalue", references, cards) for row in fields},
        after={text(row.get("fieldname")): _cell(row, "newvalue", references, cards) for row in fields},
        version=number if number >= 0 else None,
    )


def _cell(row: Row, side: str, references: Mapping[str, Reference], cards: Cards) -> Any:
    value = text(row.get(side))
    reference = references.get(text(row.get("fieldname")))
    if reference is None:
        return value
    card = cards.get(value, {}) if value else dict.fromkeys(reference.shows, "")
    return {"value": value, **card}
