"""One object, put together from the answers that show its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from connectors.declared.asking import Asker
from connectors.declared.deciding import holds
from connectors.declared.looking import one, text_at
from connectors.declared.model.records import Also, One, Record
from connectors.declared.rows import id_of
from connectors.declared.telling import as_object


class Found(NamedTuple):
    """An object as it was read."""

    row: Mapping[str, Any] | None
    """None: it is not there."""
    headers: Mapping[str, str]


async def gathered(ask: Asker, record: Record, reading: One, values: Mapping[str, Any]) -> Found:
    """Reads one object, by `id` and `key` among the values. A part that is not there leaves its place empty: the
    object is what its own answer says.
    """
    found = await _listed(ask, record, values) if reading.listed else await _asked(ask, record, reading, values)
    if found.row is None or not reading.also:
        return found
    known = {**values, "id": id_of(record, found.row), "key": text_at(record.key, found.row)}
    return Found(await with_parts(ask, found.row, reading.also, known), found.headers)


async def with_parts(
    ask: Asker, row: Mapping[str, Any], also: Mapping[str, Also], values: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The row with the parts that other requests show."""
    if not also:
        return row
    return {**row, **{name: await _part(ask, each, values) for name, each in also.items()}}


async def _asked(ask: Asker, record: Record, reading: One, values: Mapping[str, Any]) -> Found:
    answer = await ask.ask(reading, values, tolerate=reading.absent)
    if answer.status in reading.absent:
        return Found(None, answer.headers)
    return Found(as_object(record, one(reading.pick)(answer.data)), answer.headers)


async def _listed(ask: Asker, record: Record, values: Mapping[str, Any]) -> Found:
    rows = await ask.all(record.all or record.list, values)
    return Found(next((row for each in rows if (row := _is(record, each, values["id"])) is not None), None), {})


def _is(record: Record, row: Any, id: str) -> Mapping[str, Any] | None:
    return as_object(record, row) if id_of(record, row) == id else None


async def _part(ask: Asker, part: Also, values: Mapping[str, Any]) -> Any:
    rows = await ask.all(part, values)
    if part.where is not None:
        rows = [row for row in rows if holds(part.where, {"row": row, "setting": dict(values)})]
    return rows if part.take == "all" else next(iter(rows), None)
