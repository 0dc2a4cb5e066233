"""Statements that run for every change: compiled once per dialect, then executed with plain values.

SQLAlchemy's execute costs more processor time per statement and per row of a batch than SQLite itself. The statements
are still written in Core, so both dialects come from one text. On SQLite they go to the writer's own connection
(`inline`), past SQLAlchemy's cursor; its errors stay those of SQLAlchemy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Text, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

RAW = "lockstep_raw"
"""Under this name the info of the writer's connection has the `sqlite3.Connection` that may be used at once."""

Pick = Callable[[Mapping[str, Any]], tuple[Any, ...]]
Within = Callable[[ColumnElement[Any], str], ColumnElement[bool]]
"""`within(column, name)`: the column has one of the values given under that name when the statement runs."""


class Many:
    """One write for many rows. Values must be what the driver takes as it is: text, int, float, bool, None."""

    __slots__ = ("_compiled", "_make", "_names")

    def __init__(self, make: Callable[[Any], Any], names: Sequence[str] | None = None) -> None:
        """`make(insert)` gives the statement; `insert` is the dialect's, which knows ON CONFLICT. `names`: keys of a
        row.
        """
        self._make, self._names = make, names
        self._compiled: dict[str, tuple[str, Pick]] = {}

    async def run(self, tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Executes for all rows in one go. Returns the rows touched, -1 where the driver does not count (asyncpg)."""
        if not rows:
            return 0
        sql, pick = self._compiled.get(tx.dialect.name) or self._compile(tx)
        values = [pick(row) for row in rows]
        raw = tx.info.get(RAW)
        if raw is None:
            return (await tx.exec_driver_sql(sql, values)).rowcount
        try:
            return int(raw.executemany(sql, values).rowcount)
        except sqlite3.Error as error:
            raise _wrapped(sql, error) from error

    def _compile(self, tx: AsyncConnection) -> tuple[str, Pick]:
        dialect = tx.dialect
        statement = self._make(sqlite.insert if dialect.name == "sqlite" else postgresql.insert)
        compiled = statement.compile(dialect=dialect, column_keys=self._names)
        names = compiled.positiontup
        pick = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
        made = self._compiled[dialect.name] = (str(compiled), pick)
        return made


class Lookup:
    """One SELECT for many keys, however many there are: each set of keys is one parameter."""

    __slots__ = ("_compiled", "_make")

    def __init__(self, make: Callable[[Within], Any]) -> None:
        """`make(within)` gives the statement. Column values come back as the driver has them."""
        self._make = make
        self._compiled: dict[str, tuple[str, tuple[str, ...]]] = {}

    async def run(self, tx: AsyncConnection, **keys: Collection[str]) -> Iterable[Sequence[Any]]:
        """Rows whose columns are within `keys`; none without asking when a set is empty."""
        if not all(keys.values()):
            return ()
        sql, names = self._compiled.get(tx.dialect.name) or self._compile(tx)
        raw = tx.info.get(RAW)
        if tx.dialect.name != "sqlite":
            return (await tx.exec_driver_sql(sql, tuple(list(keys[name]) for name in names))).all()
        values = tuple(orjson.dumps(list(keys[name])).decode() for name in names)
        if raw is None:
            return (await tx.exec_driver_sql(sql, values)).all()
        try:
            return list(raw.execute(sql, values))
        except sqlite3.Error as error:
            raise _wrapped(sql, error) from error

    def _compile(self, tx: AsyncConnection) -> tuple[str, tuple[str, ...]]:
        dialect = tx.dialect
        compiled = self._make(_within_json if dialect.name == "sqlite" else _within_array).compile(dialect=dialect)
        made = self._compiled[dialect.name] = (str(compiled), tuple(compiled.positiontup))
        return made


def _within_json(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    keys = func.json_each(bindparam(name, type_=Text)).table_valued("value")
    return column.in_(select(keys.c.value))


def _within_array(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column == any_(bindparam(name, type_=postgresql.ARRAY(Text)))


def _wrapped(sql: str, error: sqlite3.Error) -> BaseException:
    return DBAPIError.instance(sql, None, error, sqlite3.Error)
