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

SHARED = "correlation_id"
"""The marker column of tasks. Other tools write into it as well, so `correlation_display` says whose key it holds."""
_LONGEST_NUMBER = 18
"""Digits that fit a 64 bit integer."""
_MARKER_COLUMNS = frozenset({SHARED, "correlation_display"})


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


def to_raw(row: Row, references: Mapping[str, Reference], marker: str = "correlation_id") -> dict[str, Any]:
    """The row as mappings see it: texts, references nested as `{"value", "email", "name"}`, our marker left out.

    An empty reference shows every nested column as "", so that "nobody" differs from "not told".
    """
    raw: dict[str, Any] = {}
    for name, value in row.items():
        column, dot, walked = name.partition(".")
        if name in _MARKER_COLUMNS or name == marker:
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


def called(row: Row, names: tuple[str, ...]) -> str:
    """What people call a row; "" where a part of it is not shown."""
    parts = [text(row.get(name)) for name in names]
    return " in ".join(parts) if all(parts) else ""


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
    marker: str = "correlation_id",
    names: tuple[str, ...] = ("number",),
) -> Snapshot:
    """A row as a Snapshot. `us` is our own user name, "" if unknown. A marker column of another name than
    `correlation_id`, which other tools use too, is ours alone.
    """
    actor = text(row.get("sys_updated_by")) or None
    ours = marker != SHARED or text(row.get("correlation_display")) == correlation_display
    return Snapshot(
        object=object,
        id=text(row.get("sys_id")),
        key=called(row, names),
        version=version(row),
        updated_at=parse_time(text(row.get("sys_updated_on"))),
        raw=to_raw(row, references, marker),
        partial=partial,
        correlation=(text(row.get(marker)) or None) if ours and marker else None,
        actor=actor,
        by_us=(actor == us) if actor and us else None,
        url=url,
    )
