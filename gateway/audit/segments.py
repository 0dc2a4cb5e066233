"""Checks one stretch of the chain, in a process of its own if that is quicker. Reads rows past SQLAlchemy: ten million
of them should take a minute, not ten.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Any

import orjson

from gateway.audit.links import FIELDS, GENESIS, VERSION

AT_ONCE = 10_000
"""Rows of one question."""
MOST = 10_000
"""Stretches of one check: whoever can write the head can make it say any number."""
TOLD = frozenset({"audit_begun", "audit_broken", "audit_key", "audit_accepted", "erased"})
"""Kinds whose details the verifier has to know."""
_COLUMNS = ", ".join([str(VERSION), *FIELDS, "salt", "detail", "link"])
_LINKED = 1 + len(FIELDS)
_SEQ, _ID, _AT, _KIND, _DIGEST = (1 + FIELDS.index(name) for name in ("seq", "id", "at", "kind", "digest"))
_SALT, _DETAIL, _LINK = _LINKED, _LINKED + 1, _LINKED + 2


@dataclass(frozen=True, slots=True)
class Stretch:
    """Entries above `after` up to `until`. `start`: the link before them; empty: that of entry `after`, as it is."""

    after: int
    until: int
    start: str = ""


@dataclass(slots=True)
class Checked:
    """What was found in a stretch. Numbers are places in the chain."""

    entries: int = 0
    missing: list[tuple[int, int]] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)
    erased: list[int] = field(default_factory=list)
    told: list[tuple[int, float, str, str]] = field(default_factory=list)
    """Entries of the kinds `TOLD` that are whole: seq, at, kind, detail."""
    last: str = ""
    """Link of the last entry, as it stands."""


class Checker:
    """Takes rows in the order of their places."""

    def __init__(self, stretch: Stretch, start: str) -> None:
        """`start`: link before the first; empty: nobody knows, so the first entry is only read."""
        self.found = Checked(last=start)
        self._until, self._next = stretch.until, stretch.after + 1
        self._instead = ""

    def take(self, rows: Sequence[Any]) -> None:
        """Judges rows; each stands below the next."""
        found, dumps = self.found, orjson.dumps
        for row in rows:
            if (row[_SEQ] != self._next or type(row[_SEQ]) is not int) and not self._jumped(row):
                continue
            self._next += 1
            found.entries += 1
            link = found.last
            try:
                detailed = sha256((row[_SALT] + row[_DETAIL]).encode()).hexdigest() == row[_DIGEST]
                if not detailed:
                    self._other_detail(row)
                fields = dumps(row[:_LINKED])
            except (TypeError, ValueError):
                self._wrong(row, "")
                continue
            computed = sha256(link.encode() + fields).hexdigest()
            if link and computed != row[_LINK] and not self._follows_anyway(row, fields):
                self._wrong(row, computed)
                continue
            found.last, self._instead = row[_LINK], ""
            if row[_KIND] in TOLD and detailed and link:
                found.told.append((row[_SEQ], row[_AT], row[_KIND], row[_DETAIL]))

    def end(self) -> Checked:
        """After the last row."""
        if self._next <= self._until:
            self._gap(self._until + 1)
        return self.found

    def skip(self, seq: int) -> None:
        """This place cannot be read."""
        self.found.unreadable.append(seq)
        self._next, self.found.last, self._instead = seq + 1, "", ""

    def _jumped(self, row: Sequence[Any]) -> bool:
        """Whether a row that is not the next one goes on behind a gap; otherwise it is one too many."""
        seq = row[_SEQ]
        if type(seq) is not int or seq < self._next:
            self.found.added.append(f"{seq} ({row[_ID]})")
            return False
        self._gap(seq)
        return True

    def _gap(self, until: int) -> None:
        self.found.missing.append((self._next, until - 1))
        self._next, self.found.last, self._instead = until, "", ""

    def _other_detail(self, row: Sequence[Any]) -> None:
        if row[_SALT] == "" and row[_DETAIL] == "{}":
            self.found.erased.append(row[_SEQ])
        else:
            self.found.changed.append(row[_SEQ])

    def _follows_anyway(self, row: Sequence[Any], fields: bytes) -> bool:
        """Whether only the link of the entry before was changed."""
        return bool(self._instead) and sha256(self._instead.encode() + fields).hexdigest() == row[_LINK]

    def _wrong(self, row: Sequence[Any], computed: str) -> None:
        seq = row[_SEQ]
        if not self.found.changed or self.found.changed[-1] != seq:
            self.found.changed.append(seq)
        self.found.last = row[_LINK] if isinstance(row[_LINK], str) else ""
        self._instead = computed


def check(url: str, stretch: Stretch) -> Checked:
    """Reads and judges a stretch. `url`: a path of a SQLite file, or `postgresql://...`. Raises OSError and what the
    driver raises when the database cannot be asked.
    """
    if url.startswith("postgresql://"):
        return asyncio.run(_check_postgres(url, stretch))
    with _closing(url) as reader:
        return _check_sqlite(reader, stretch)


class _closing:  # noqa: N801 - reads as `contextlib.closing`
    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=30)

    def __enter__(self) -> sqlite3.Connection:
        return self._db

    def __exit__(self, *_: object) -> None:
        self._db.close()


_BEFORE = "SELECT link FROM audit WHERE seq = {}"


def rows_within(after: str, until: str) -> str:
    """The question for what a `Checker` takes, at most `AT_ONCE` of them; two parameters as the driver writes them."""
    return f"SELECT {_COLUMNS} FROM audit WHERE seq > {after} AND seq <= {until} ORDER BY seq LIMIT {AT_ONCE}"  # noqa: S608 - our names


def _start(stretch: Stretch, found: Any) -> str:
    if stretch.start or stretch.after == 0:
        return stretch.start or GENESIS
    return found[0] if found and isinstance(found[0], str) else ""


async def _check_postgres(url: str, stretch: Stretch) -> Checked:
    import asyncpg

    connection = await asyncpg.connect(url, timeout=30, server_settings={"statement_timeout": "0"})
    try:
        checker = Checker(stretch, _start(stretch, await connection.fetchrow(_BEFORE.format("$1"), stretch.after)))
        within, after = rows_within("$1", "$2"), stretch.after
        while rows := await connection.fetch(within, after, stretch.until):
            checker.take(rows)
            after = rows[-1][_SEQ]
        return checker.end()
    finally:
        await connection.close()


def _check_sqlite(db: sqlite3.Connection, stretch: Stretch) -> Checked:
    checker = Checker(stretch, _start(stretch, db.execute(_BEFORE.format("?"), (stretch.after,)).fetchone()))
    within = rows_within("?", "?")

    def rows(after: float, until: int) -> Sequence[Any]:
        return db.execute(within, (after, until)).fetchall()

    after = stretch.after
    while after < stretch.until:
        try:
            found = rows(after, stretch.until)
        except sqlite3.DatabaseError:
            until = min(math.floor(after) + AT_ONCE, stretch.until)
            _one_by_one(checker, rows, math.floor(after), until)
            after = until
            continue
        if not found:
            break
        checker.take(found)
        after = found[-1][_SEQ]
    return checker.end()


def _one_by_one(checker: Checker, rows: Callable[[float, int], Sequence[Any]], after: int, until: int) -> None:
    """Where the file itself is damaged, or a text is none any more: what can be read is judged."""
    for seq in range(after, until):
        try:
            found = rows(seq, seq + 1)
        except sqlite3.DatabaseError:
            checker.skip(seq + 1)
        else:
            checker.take(found)


def split(after: int, until: int, start: str, size: int) -> list[Stretch]:
    """Stretches of about this size, for several processes. Each begins with the link that stands before it: if all of
    them hold, so does the whole.
    """
    count = min(MOST, max(1, math.ceil((until - after) / size)))
    bounds = [after + (until - after) * index // count for index in range(count + 1)]
    return [Stretch(first, last, start if first == after else "") for first, last in pairwise(bounds) if last > first]
