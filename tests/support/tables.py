"""The tables of a database, made in one go: asked for one by one, as `create_all` does, they take a third of a test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import MetaData
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from gateway.storage.database import Database
from gateway.storage.schema import PARTS


async def make_tables(database: Database, parts: Sequence[MetaData] = PARTS) -> None:
    """The tables of these parts with their indexes, as `create_all` makes them; those that are there already stay."""
    said = script(database.engine.dialect, tuple(parts))
    async with database.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        if database.sqlite:
            await raw.executescript(f"BEGIN IMMEDIATE;\n{said}\nCOMMIT;")
        else:
            await raw.execute(said)  # several statements at once are one transaction


_known: dict[tuple[str, tuple[MetaData, ...]], str] = {}


def script(dialect: Dialect, parts: tuple[MetaData, ...] = PARTS) -> str:
    """What makes these tables and indexes where they are not there yet."""
    key = dialect.name, parts
    if key not in _known:
        _known[key] = ";\n".join([*_compiled(parts, dialect), ""])
    return _known[key]


def _compiled(parts: Iterable[MetaData], dialect: Dialect) -> Iterator[str]:
    for table in (table for part in parts for table in part.sorted_tables):
        yield str(CreateTable(table, if_not_exists=True).compile(dialect=dialect))
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            yield str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect))
