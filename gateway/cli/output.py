"""Data on stdout: a table on a terminal, tab-separated lines in a pipe, one document with --json. Talk on stderr."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

Row = Mapping[str, Any]
READABLE = 24
"""Characters that a folded column needs to be read at all."""


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
    texts = [[cell(row.get(column)) for column in columns] for row in rows]
    if _fits(texts, columns):
        _columns(texts, columns, title)
    else:
        _blocks(texts, columns, title)


def _fits(texts: Sequence[Sequence[str]], columns: Sequence[str]) -> bool:
    """Whether all columns stand side by side with only the widest one folded, and that one still readable."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, (name, *each))) for name, each in zip(columns, zip(*texts, strict=True), strict=True)]
    gaps = 2 * len(columns)
    left = terminal_width() - (sum(widths) - max(widths, default=0)) - gaps
    return left >= min(max(widths, default=0), READABLE)


def _columns(texts: Sequence[Sequence[str]], columns: Sequence[str], title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    shown = Table(
        title=title or None, title_justify="left", box=None, pad_edge=False, header_style="" if plain else "bold"
    )
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in texts:
        shown.add_row(*map(Text, row))
    Console().print(shown)


def _blocks(texts: Sequence[Sequence[str]], columns: Sequence[str], title: str) -> None:
    """On a narrow terminal: what is in the first column, and under it what there is of the others."""
    if title:
        data(title)
    for first, *others in texts:
        told(f"{columns[0]} {first}")
        for column, text in zip(columns[1:], others, strict=True):
            if text not in ("", "-"):
                told(f"{column} {text}", indent=2)


def told(text: str, *, indent: int = 0) -> None:
    """A line of data that begins `indent` characters in; on a terminal it goes on below itself, cut between words."""
    if not sys.stdout.isatty():
        data(" " * indent + text)
        return
    width = max(terminal_width(), 20)
    begin, more = " " * indent, " " * (indent + 2)
    data(
        textwrap.fill(
            text, width, initial_indent=begin, subsequent_indent=more, break_on_hyphens=False, break_long_words=False
        )
    )


def terminal_width() -> int:
    """Columns of the terminal, or of COLUMNS."""
    return shutil.get_terminal_size().columns


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
