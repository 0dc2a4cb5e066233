"""One pure function from a Table API row to a Snapshot, and the formats it rests on.

Every value is a string; times are UTC without a zone, to the second (facts.md 1.2 [SND, HAR-SN]).
"""

from __future__ import annotations

from calendar import timegm
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.contract.values import Snapshot
from connectors.servicenow.settings import Reference

Row = Mapping[str, Any]

TASK_COLUMNS = (
    *("sys_id", "number", "sys_class_name", "sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by"),
    *("sys_mod_count", "active", "short_description", "description", "state", "impact", "urgency", "priority"),
    *("assigned_to", "assignment_group", "opened_at", "closed_at", "correlation_id", "correlation_display"),
)
INCIDENT_COLUMNS = ("caller_id", "category", "subcategory", "close_code", "close_notes", "hold_reason", "resolved_at")
_LONGEST_NUMBER = 18
"""Digits that fit a 64 bit integer."""
_MARKER_COLUMNS = frozenset({"correlation_id", "correlation_display"})


def columns(table: str, more: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that are read of a table, without dot-walks."""
    own = INCIDENT_COLUMNS if table == "incident" else ()
    return tuple(dict.fromkeys((*TASK_COLUMNS, *own, *more)))


def asked_fields(names: tuple[str, ...], references: Mapping[str, Reference]) -> str:
    """`sysparm_fields`: the columns and, for references among them, what they point to by dot-walk."""
    walks = [f"{name}.{shown}" for name in names if name in references for shown in references[name].shows]
    return ",".join((*names, *walks))


def parse_time(text: object) -> float | None:
    """`YYYY-MM-DD HH:MM:SS` as epoch seconds; None for "" and anything else."""
    try:
        at = datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - UTC by definition, said by timegm
    except ValueError:
        return None
    return float(timegm(at.timetuple()))


def format_time(at: float) -> str:
    """Epoch seconds in the vendor's form, rounded down to the second."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%d %H:%M:%S")


def text(value: object) -> str:
    """A cell as text, in whichever of the API's forms: text, `{"value", "link"}`, `{"display_value", "value"}`."""
    if isinstance(value, Mapping):
        value = value.get("value", value.get("display_value"))
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def to_raw(row: Row, references: Mapping[str, Reference]) -> dict[str, Any]:
    """The row as mappings see it: texts, references nested as `{"value", "email", "name"}`, our marker left out.

    An empty reference shows every nested column as "", so that "nobody" differs from "not told".
    """
    raw: dict[str, Any] = {}
    for name, value in row.items():
        column, dot, walked = name.partition(".")
        if name in _MARKER_COLUMNS:
            continue
        if not dot and column in references:
            raw[column] = _reference(column, value, row, references[column])
        elif not dot:
            raw[column] = text(value)
        elif column not in row:
            raw.setdefault(column, {})[walked] = text(value)
    return raw


def _reference(column: str, value: object, row: Row, reference: Reference) -> dict[str, str]:
    sys_id = text(value)
    shown = {"value": sys_id}
    for name in reference.shows:
        walked = row.get(f"{column}.{name}")
        if walked is not None or not sys_id:
            shown[name] = text(walked) if sys_id else ""
    return shown


def is_whole(row: Row, names: tuple[str, ...], references: Mapping[str, Reference]) -> bool:
    """Whether a row that somebody else put together (a webhook's) says all that our own read would say."""
    if any(name not in row for name in names):
        return False
    pointing = (name for name in names if name in references and text(row[name]))
    return all(f"{name}.{shown}" in row for name in pointing for shown in references[name].shows)


def version(row: Row) -> int | None:
    """`sys_mod_count`: +1 with every update (facts.md 1.4)."""
    counted = text(row.get("sys_mod_count"))
    return int(counted) if len(counted) <= _LONGEST_NUMBER and counted.isascii() and counted.isdecimal() else None


def to_snapshot(
    row: Row,
    *,
    object: str,
    references: Mapping[str, Reference],
    correlation_display: str,
    us: str,
    url: str = "",
    partial: bool = False,
) -> Snapshot:
    """A row as a Snapshot. `us` is our own user name, "" if unknown."""
    actor = text(row.get("sys_updated_by")) or None
    ours = text(row.get("correlation_display")) == correlation_display
    return Snapshot(
        object=object,
        id=text(row.get("sys_id")),
        key=text(row.get("number")),
        version=version(row),
        updated_at=parse_time(text(row.get("sys_updated_on"))),
        raw=to_raw(row, references),
        partial=partial,
        correlation=(text(row.get("correlation_id")) or None) if ours else None,
        actor=actor,
        by_us=(actor == us) if actor and us else None,
        url=url,
    )
