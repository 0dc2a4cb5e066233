"""Many linked records at once: one is made by the gateway, the others are its rows with other numbers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.outage_system import id_of
from gateway.storage.database import Database
from gateway.sync import tables as t

_CHUNK = 2_000


async def clone(database: Database, numbers: range) -> None:
    """Objects with these numbers, as number 0 is, with its journal. Times and versions are its, too."""
    async with database.read() as tx:
        model = (await tx.execute(select(t.link.c.record).where(t.link.c.object_id == id_of("src", 0)))).scalar_one()
        first = {
            table: [dict(row) for row in (await tx.execute(select(table).where(_of(table) == model))).mappings()]
            for table in _TABLES
        }
    for start in range(numbers.start, numbers.stop, _CHUNK):
        async with database.begin() as tx:
            await _chunk(tx, first, model, range(start, min(start + _CHUNK, numbers.stop)))


def _of(table: Any) -> Any:
    return table.c.id if table is t.record else table.c.record


_TABLES = (t.record, t.link, t.lane, t.notice)


async def _chunk(tx: AsyncConnection, first: dict[Any, list[dict[str, Any]]], model: str, numbers: range) -> None:
    for table, rows in first.items():
        made = [_renamed(row, model, number) for number in numbers for row in rows]
        if made:
            await tx.execute(insert(table), made)


def _renamed(row: dict[str, Any], model: str, number: int) -> dict[str, Any]:
    names = {model: f"{model[:-8]}{number:08d}"}
    names |= {id_of(system, 0): id_of(system, number) for system in ("src", "dst")}
    if "delivery_key" in row:
        row = {**row, "id": f"{row['id'][:-8]}{number:08d}", "delivery_key": f"{number}:{row['version']}"}
    return {column: _replaced(value, names) for column, value in row.items()}


def _replaced(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
    return value
