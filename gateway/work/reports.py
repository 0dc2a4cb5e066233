"""What auditors and controllers ask for about a stretch of time: one shape for every report, whoever shows it.

A report is computed from what is stored when it is asked for, never from counters. That it was read, by whom and for
which time, is in the audit trail before it is given.
"""

from __future__ import annotations

import csv
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from io import StringIO
from typing import Any

import msgspec
import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError
from gateway.access.rights import Principal, Right
from gateway.core.sheets import safe_cell
from gateway.work import trail
from gateway.work.workplace import Workplace

MOST = 20_000
"""Rows of one report. A longer stretch of time is asked for in parts; a report that was cut says so."""


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    COUNT = "count"
    MOMENT = "moment"  # as text in UTC, `2026-11-22T07:00:00Z`; null: not yet
    DURATION = "duration"  # seconds; null: not known
    YES = "yes"  # true or false


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column."""

    name: str
    title: str
    kind: Kind = Kind.TEXT


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One report."""

    name: str
    title: str
    says: str
    """What a row is, and what is in it and what is not, in words for people who did not make it."""
    since: float
    until: float
    made_at: float
    made_by: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    totals: Mapping[str, Any]
    """Figures over all rows, also over those that were cut."""
    cut: bool
    """There are more rows than a report holds; `totals` counts them all the same."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of report computes."""

    rows: Sequence[Sequence[Any]]
    totals: Mapping[str, Any]


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Of which time, and for whom."""

    place: Workplace
    who: Principal
    since: float
    until: float


Compute = Callable[[AsyncConnection, Stretch], Awaitable[Found]]


class Maker(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of report."""

    name: str
    title: str
    says: str
    columns: tuple[Column, ...]
    compute: Compute


FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC).timestamp(), datetime(9999, 12, 31, tzinfo=UTC).timestamp()


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of report, in a list."""

    name: str
    title: str
    says: str


class NoSuchReport(InputError):
    """Names those that there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no report {name}; there are {', '.join(makers())}", code="report.not_found")


class NoTime(InputError):
    """The stretch of time ends before it begins, or no calendar has it."""

    def __init__(self) -> None:
        why = "the time of a report lies in the years 1 to 9999 and ends after it begins; give another beginning or end"
        super().__init__(why, code="report.no_time")


def makers() -> Mapping[str, Maker]:
    """All kinds, in the order in which they are shown."""
    from gateway.work import report_approvals, report_cases, report_changes, report_departures, report_exceptions

    parts = (report_cases, report_approvals, report_exceptions, report_departures, report_changes)
    return {maker.name: maker for part in parts for maker in part.MAKERS}


async def list_reports(place: Workplace, who: Principal) -> list[Listed]:
    """Which there are. Right AUDIT."""
    del place
    who.require(Right.AUDIT)
    return [Listed(name=one.name, title=one.title, says=one.says) for one in makers().values()]


async def read_report(
    place: Workplace, who: Principal, name: str, *, since: float, until: float | None = None
) -> Report:
    """A report of the time from `since` to before `until` (None: now), narrowed to the reader's connections and record
    types. Right AUDIT. Raises NoSuchReport, NoTime.
    """
    who.require(Right.AUDIT)
    maker = makers().get(name)
    if maker is None:
        raise NoSuchReport(name)
    now = place.now()
    end = now if until is None else until
    if not FIRST <= since < end <= LAST:
        raise NoTime
    async with place.database.begin("report.read") as tx:
        detail = {"report": name, "since": since, "until": end}
        await trail.note(tx, at=now, kind="report_read", actor=who.name, detail={"by": who.id, **detail})
    async with place.database.read() as tx:
        found = await maker.compute(tx, Stretch(place=place, who=who, since=since, until=end))
    return Report(
        name=name,
        title=maker.title,
        says=maker.says,
        since=since,
        until=end,
        made_at=now,
        made_by=who.name,
        columns=maker.columns,
        rows=tuple(_cells(maker.columns, row) for row in found.rows[:MOST]),
        totals=found.totals,
        cut=len(found.rows) > MOST,
    )


def _cells(columns: Sequence[Column], row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(
        _moment(value) if column.kind is Kind.MOMENT else value for column, value in zip(columns, row, strict=True)
    )


def _moment(at: float | None) -> str | None:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def as_json(report: Report) -> str:
    """For programs: the report with every time as text in UTC, and each row by the names of its columns."""
    names = [column.name for column in report.columns]
    told = msgspec.to_builtins(report) | {
        name: _moment(getattr(report, name)) for name in ("since", "until", "made_at")
    }
    return orjson.dumps(told | {"rows": [dict(zip(names, row, strict=True)) for row in report.rows]}).decode()


def as_csv(report: Report) -> str:
    """For a spreadsheet: the titles of the columns, then the rows. No text can be taken for a formula."""
    into = StringIO()
    sheet = csv.writer(into)
    sheet.writerow([column.title for column in report.columns])
    sheet.writerows([safe_cell(value) for value in row] for row in report.rows)
    return into.getvalue()
