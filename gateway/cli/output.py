"""Data on stdout: a table on a terminal, tab-separated lines in a pipe, one document with --json. Talk on stderr."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson

from gateway.cli.exits import Code, Ending
from gateway.cli.wishes import wishes

Row = Mapping[str, Any]
READABLE = 24
"""Characters that a folded column needs to be read at all."""
GROWING = frozenset({"age", "oldest", "polled", "last used"})
"""Columns that differ each time: a row in which only these moved is still the same to who watches."""
_marks: ContextVar[dict[str, str] | None] = ContextVar("lockstep.cli.marks", default=None)


@contextmanager
def marked() -> Iterator[dict[str, str]]:
    """Line -> what makes it another one, of the rows that are told meanwhile in a pipe."""
    found: dict[str, str] = {}
    token = _marks.set(found)
    try:
        yield found
    finally:
        _marks.reset(token)


def say(text: str) -> None:
    """One line of talk."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def data(text: str) -> None:
    """One line of data."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def document(value: Any) -> None:
    """One JSON document on stdout; with --jsonl one on a line for each item; with --fields only these members."""
    typed = wishes()
    if typed.jsonl:
        for item in _items(value):
            json_line(_chosen(item, typed.fields))
        return
    value = _fewer(value, typed.fields)
    sys.stdout.write(
        orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str).decode() + "\n"
    )
    sys.stdout.flush()


def _items(value: Any) -> Sequence[Any]:
    """What a list is a list of, also where it is the only list in a page."""
    if isinstance(value, list | tuple):
        return value
    lists = [each for each in value.values() if isinstance(each, list | tuple)] if isinstance(value, dict) else []
    is_page = len(lists) == 1 and isinstance(value, dict) and len(value) <= PAGE
    return lists[0] if is_page else [value]


PAGE = 3
"""Members that a page has at most: its items, where it goes on, and whether it was cut."""


def _fewer(value: Any, fields: Sequence[str]) -> Any:
    if not fields:
        return value
    items = _items(value)
    return [_chosen(item, fields) for item in items] if items != [value] else _chosen(value, fields)


def _chosen(item: Any, fields: Sequence[str]) -> Any:
    """Only these members, in this order. Ends with code 2 for one that is none."""
    if not fields or not isinstance(item, dict):
        return item
    if unknown := [name for name in fields if name not in item]:
        raise Ending(Code.WRONG_USE, f"--fields {', '.join(unknown)}: there are {', '.join(item)}")
    return {name: item[name] for name in fields}


def json_line(value: Any) -> None:
    """One JSON document on one line of stdout, so that a script can take the last line."""
    data(orjson.dumps(value, default=str).decode())


def wants_colour() -> bool:
    """Whether talk may be coloured: a terminal, and nobody said no."""
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def table(rows: Sequence[Row], columns: Sequence[str], *, title: str = "") -> None:
    """Rows under their column names, or only those of --fields. In a pipe: a line a row, tab-separated, names first."""
    if fields := wishes().fields:
        if unknown := [name for name in fields if name not in columns]:
            raise Ending(Code.WRONG_USE, f"--fields {', '.join(unknown)}: there are {', '.join(columns)}")
        columns = fields
    if not sys.stdout.isatty():
        data("\t".join(columns))
        for row in rows:
            _line(row, columns)
        return
    texts = [[cell(row.get(column)) for column in columns] for row in rows]
    if _fits(texts, columns):
        _columns(texts, columns, title)
    else:
        _blocks(texts, columns, title)


def _line(row: Row, columns: Sequence[str]) -> None:
    cells = {column: cell(row.get(column)).replace("\t", " ").replace("\n", " ") for column in columns}
    line = "\t".join(cells.values())
    if (marks := _marks.get()) is not None:
        marks[line] = "\t".join(text for column, text in cells.items() if column not in GROWING)
    data(line)


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
