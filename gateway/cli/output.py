"""Data on stdout: a table on a terminal, tab-separated lines in a pipe, one document with --json. Talk on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

Row = Mapping[str, Any]


def say(text: str) -> None:
    """One line of talk."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def data(text: str) -> None:
    """One line of data."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def document(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(
        orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str).decode() + "\n"
    )
    sys.stdout.flush()


def json_line(value: Any) -> None:
    """One JSON document on one line of stdout, so that a script can take the last line."""
    data(orjson.dumps(value, default=str).decode())


def wants_colour() -> bool:
    """Whether talk may be coloured: a terminal, and nobody said no."""
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def table(rows: Sequence[Row], columns: Sequence[str], *, title: str = "") -> None:
    """Rows under their column names. In a pipe: one line a row, tab-separated, the names first."""
    if not sys.stdout.isatty():
        data("\t".join(columns))
        for row in rows:
            data("\t".join(cell(row.get(column)).replace("\t", " ").replace("\n", " ") for column in columns))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell(row.get(column))) for column in columns))
    Console().print(shown)


def cell(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return orjson.dumps(value, default=str).decode()
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value)) or "-"
    return str(value)


def moment(at: float | None) -> str:
    """An epoch time as people read it: UTC, to the second."""
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def age(seconds: float) -> str:
    """A span of time in its largest unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
